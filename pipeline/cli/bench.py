"""`mentor3ad bench`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import BenchError, ConfigError

CHECKOUT = Path(__file__).parents[2]

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="What to measure; --list shows it.")
]


def bench(
    names: Names = None,
    list_: Annotated[bool, typer.Option("--list", help="List the measurements.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer scans, steps and runs: a look, no result.")
    ] = False,
    scans: Annotated[
        int | None, typer.Option(min=10, help="Scans of the generated category.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the result there, as JSON.")] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Keep it in bench/results and docs/performance.md.")
    ] = False,
    models: Annotated[Path | None, typer.Option(help="Of `predict`: a bundle.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Of `predict`: scans to inspect.")] = None,
) -> None:
    """Measure this machine and every step of the pipeline on it."""
    find_benchmarks()
    from bench.catalogue import CATALOGUE

    if list_:
        width = max(map(len, CATALOGUE))
        for name, one in CATALOGUE.items():
            print(f"{name:{width}}  {one.title}{'' if one.usual else ' (on request)'}")
        return
    if record and (quick or names):
        raise ConfigError("--record keeps a full run: leave --quick and the names out")
    from bench.run import Options, as_json, failures, measure
    from bench.run import record as keep
    from bench.table import machine_line

    from ..plumbing.files import write_whole

    options = Options(tuple(names or ()), quick, scans, models, folder)
    result = measure(options, lambda table: print(table, flush=True))
    print(machine_line(result))
    if out is not None:
        write_whole(out, as_json(result), follow=True)
    if failed := failures(result):
        raise BenchError(f"{', '.join(failed)} failed, see above; nothing is recorded")
    if record:
        print(f"written: {', '.join(str(file.relative_to(CHECKOUT)) for file in keep(result))}")


def find_benchmarks() -> None:
    """Make `bench` importable. Raises ConfigError where this is no checkout of the repository."""
    if not all((CHECKOUT / name).exists() for name in ("bench/run.py", "tests", "dvc.yaml")):
        raise ConfigError(
            "`mentor3ad bench` needs a checkout of the repository, which an installed package is "
            "not: clone it and run `make install` there"
        )
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
