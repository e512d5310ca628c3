"""Other methods beside ours: the table of their metrics, from what stage `rivals` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from ..evaluation.metrics import CategoryMetrics, mean_metrics
from .summary import COLUMNS, MEAN, rounded

JOINED = "joined"  # a rival's anomaly map, of all that it sees
LABELS = {
    "cfm": "Crossmodal mapping (CFM)",
    "nearest": "Nearest neighbours (PatchCore, M3DM)",
    "btf": "Histograms beside RGB (BTF)",
    "gaussian": "Gaussian (as PaDiM)",
}
MAPS = {"rgb": "RGB alone", "xyz": "points alone", "fpfh": "histograms alone"}

Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class RivalRow:
    """One method of the report's table.

    Attributes:
        name: as people read it.
        whole: whether it sees all that the method sees; False: one of its maps alone.
        metrics: the headline metrics, of the mean and of each category.
    """

    name: str
    whole: bool
    metrics: dict[str, dict[str, float]]


def rival_results(categories: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Content of reports/rivals.json: the mean, then each category; in each a row for each map.

    A row is named by its method, such as `nearest`, or by method and map, `nearest.rgb`.

    Args:
        categories: what stage `rivals` wrote of each category.
    """
    each = {category: _rows(methods) for category, methods in categories.items()}
    names = list(dict.fromkeys(name for rows in each.values() for name in rows))
    mean = {}
    for name in names:
        known = [CategoryMetrics.from_json(_metrics(rows[name])) for rows in each.values()]
        mean[name] = mean_metrics(known)
    content: dict[str, Any] = rounded({MEAN: mean} | each)
    return content


def rival_table(results: Results) -> tuple[RivalRow, ...]:
    """The report's rows: the methods, each followed by its single maps.

    Args:
        results: of reports/rivals.json.
    """
    return tuple(
        RivalRow(label(name), "." not in name, {p: _headline(results[p][name]) for p in results})
        for name in results[MEAN]
    )


def label(name: str) -> str:
    """A row's name as people read it; that of a single map stands below its method's."""
    method, _, map_name = name.partition(".")
    return MAPS.get(map_name, map_name) if map_name else LABELS.get(method, method)


def print_rivals(ours: Mapping[str, Any], rows: Sequence[RivalRow], console: Console) -> None:
    """Print our means and those of the rivals' whole methods; nothing without rivals."""
    whole = [row for row in rows if row.whole]
    if not whole:
        return
    columns = [name for name in COLUMNS if name in ours]
    table = Table(title="Beside other methods on the same features, means", title_justify="left")
    table.add_column("method")
    for name in columns:
        table.add_column(COLUMNS[name], justify="right")
    table.add_row("ours", *(f"{ours[name]:.3f}" for name in columns), style="bold")
    for row in whole:
        values = (row.metrics[MEAN].get(name) for name in columns)
        table.add_row(row.name, *("-" if v is None else f"{v:.3f}" for v in values))
    console.print(table)


def _rows(methods: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Metrics by the row's name; a method's own row comes before its maps'."""
    rows = {}
    for method, content in methods.items():
        maps = content["maps"]
        for name in sorted(maps, key=lambda name: name != JOINED):  # stable
            key = method if name == JOINED else f"{method}.{name}"
            rows[key] = {**maps[name], **({"bytes": content["bytes"]} if name == JOINED else {})}
    return rows


def _headline(row: Mapping[str, Any]) -> dict[str, float]:
    return {key: row[key] for key in COLUMNS if key in row}


def _metrics(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("bytes", "decisions")}
