"""The numbers that the paper printed, tables I to VII (paper.yaml)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILE = Path(__file__).with_name("paper.yaml")
OWN = "Mentor3AD"  # the paper's name of its own method in every table
MEAN = "mean"


@dataclass(frozen=True)
class PaperRow:
    """One line of a table.

    Attributes:
        metric: as in reports/results.json; None where the table's columns are metrics.
        values: by column; shares of 1 unless the table gives a unit, None where not legible.
    """

    method: str
    metric: str | None
    values: dict[str, float | None]


@dataclass(frozen=True)
class PaperTable:
    """One table; `number` is the paper's Roman numeral."""

    number: str
    title: str
    data_set: str
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    units: dict[str, str]

    def row(self, method: str, metric: str | None = None) -> PaperRow:
        """The line of a method (and metric). Raises KeyError if the paper has none."""
        for row in self.rows:
            if (row.method, row.metric) == (method, metric):
                return row
        raise KeyError(f"table {self.number} has no {metric or 'line'} of {method}")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the table's lines, in its order."""
        return tuple(dict.fromkeys(row.metric for row in self.rows if row.metric))

    @property
    def categories(self) -> tuple[str, ...]:
        """The columns without the mean."""
        return tuple(column for column in self.columns if column != MEAN)


@cache
def paper_tables() -> dict[str, PaperTable]:
    """The tables by their Roman numeral."""
    content = YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8"))
    return {number: _table(number, table) for number, table in content["tables"].items()}


def _table(number: str, content: dict[str, Any]) -> PaperTable:
    columns = tuple(str(column) for column in content["columns"])
    return PaperTable(
        number=number,
        title=content["title"],
        data_set=content["data_set"],
        columns=columns,
        rows=tuple(_row(row, columns) for row in content["rows"]),
        units=dict(content.get("units", {})),
    )


def _row(content: dict[str, Any], columns: tuple[str, ...]) -> PaperRow:
    values = dict(zip(columns, content["values"], strict=True))
    return PaperRow(content["method"], content.get("metric"), values)


def table_of(categories: list[str]) -> PaperTable | None:
    """The table (I, II or VII) of results on these very categories; None if there is none."""
    for table in paper_tables().values():
        if set(table.categories) == set(categories):
            return table
    return None
