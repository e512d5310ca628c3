"""The metrics of all categories: all of them, those that DVC shows, and a table for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..evaluation.metrics import CategoryMetrics, mean_metrics
from ..plumbing.documents import dump_json
from ..plumbing.files import write_whole

MEAN = "mean"
COLUMNS = {  # those that papers compare and that fit 80 columns; the JSON has all
    "i_auroc": "I-AUROC",
    "p_auroc": "P-AUROC",
    "aupro_30": "AUPRO@30",
    "aupro_1": "AUPRO@1",
}
EACH = ("i_auroc", "aupro_30")  # of each category: more would not fit `dvc exp show`
DIGITS = 6


def summarise(categories: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Content of reports/results.json: the mean, then each category and its defect kinds.

    Args:
        categories: content of each category's metrics.json.
    """
    content: dict[str, Any] = {}
    metrics = {name: _metrics(values) for name, values in categories.items()}
    content[MEAN] = mean_metrics(list(metrics.values()))
    for name, category in metrics.items():
        flat = category.to_json()
        content[name] = {**flat, "decisions": categories[name]["decisions"]}
    return rounded(content)


def headline(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content of reports/metrics.json: of the mean and of each category what DVC is to show.

    Args:
        content: of reports/results.json.
    """
    kept = {name: COLUMNS if name == MEAN else EACH for name in content}
    return {name: {k: content[name][k] for k in kept[name] if k in content[name]} for name in kept}


def _metrics(values: dict[str, Any]) -> CategoryMetrics:
    kept = {k: v for k, v in values.items() if k not in ("decisions", "scans", "notes")}
    return CategoryMetrics.from_json(kept)


def rounded(value: Any) -> Any:
    """Floats to so many digits as a JSON keeps, in dictionaries too; what is None is left out."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items() if v is not None}
    return round(value, DIGITS) if isinstance(value, float) else value


def write_summary(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, dump_json(content, indent=1) + "\n")


def print_summary(
    content: Mapping[str, Any], notes: Mapping[str, Sequence[str]], console: Console
) -> None:
    """Print a table of the categories and their mean, and how the thresholds did on test scans.

    Args:
        content: of reports/results.json.
        notes: sentences that say why metrics of a category are missing; they come last.
    """
    columns = [name for name in COLUMNS if name in content[MEAN]]
    table = Table(title="Test metrics", title_justify="left")
    table.add_column("category")
    for name in columns:
        table.add_column(COLUMNS[name], justify="right")
    table.add_column("false alarms", justify="right", max_width=8)
    table.add_column("misses", justify="right")
    for category, values in content.items():
        if category != MEAN:
            table.add_row(category, *_cells(values, columns), *_decisions(values))
    table.add_section()
    table.add_row(MEAN, *_cells(content[MEAN], columns), "", "", style="bold")
    console.print(table)
    for category, sentences in notes.items():
        for sentence in sentences:
            console.print(f"{category}: {sentence}", markup=False, highlight=False, soft_wrap=True)


def _cells(values: Mapping[str, Any], columns: list[str]) -> list[str]:
    return [f"{values[name]:.3f}" if values.get(name) is not None else "-" for name in columns]


def _decisions(values: Mapping[str, Any]) -> tuple[str, str]:
    made = values["decisions"]
    return (
        f"{made['false_alarms']} of {values['n_good']}",
        f"{made['misses']} of {values['n_defect']}",
    )
