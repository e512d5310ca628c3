"""`mentor3ad compare [NAME...]`."""

from pathlib import Path
from typing import Annotated

import typer

from .tables import print_table

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[REV|EXP]...",
        help="Commits, branches, experiments or `workspace`; none: the last commit and its "
        "experiments. All are compared with the first.",
    ),
]


def compare(
    names: Names = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("reports/compare.html"),
) -> None:
    """Write one page: metrics side by side, params that differ, scans that changed sides.

    Nothing runs: all is read from git and DVC's cache.
    """
    from ..comparison.compare import compare as write_page
    from ..comparison.compare import settings_of
    from ..comparison.seeds import spread
    from ..report.summary import COLUMNS, MEAN
    from ..studies.text import number

    sides, repeated = write_page(names or [], out)
    rows = []
    for side, results, settings in zip(sides, repeated, settings_of(sides), strict=True):
        cells = []
        for metric in COLUMNS:
            over = spread(results, MEAN, metric)
            own = number(side.results[MEAN].get(metric))
            cells.append(own if over is None else f"{over.mean:.3f} ± {over.deviation:.3f}")
        rows.append((side.name, settings or "-", *cells))
    print_table(("", "sets", *COLUMNS.values()), rows)
    print(f"written: {out}")
