"""A study's tables: our numbers over the seeds, the paper's, and the difference of the two."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..plumbing.words import are, counted
from ..report.paper import MEAN, OWN, PaperTable, paper_tables
from .definition import Row, Study, TableSpec
from .grid import Experiment, row_experiments, rows_of
from .speed import COLUMNS, Speed

TITLES = {
    "i_auroc": "I-AUROC",
    "p_auroc": "P-AUROC",
    "aupro_30": "AUPRO@30%",
    "aupro_10": "AUPRO@10%",
    "aupro_5": "AUPRO@5%",
    "aupro_1": "AUPRO@1%",
    "frame_rate": "scans/s",
    "memory": "memory, MB",
}
RIVALS = "/rivals"  # in an experiment's results, beside categories, none of which has a slash
MetricsOf = Callable[
    [Experiment], Mapping[str, Any] | None
]  # reports/results.json of an experiment, and under RIVALS reports/rivals.json


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        values: our number for each seed that has finished.
        paper: the paper's number; None if it has none.
        comparable: whether both are of the same data.
    """

    values: tuple[float, ...]
    paper: float | None
    comparable: bool

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over the seeds."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def difference(self) -> float | None:
        """Our mean minus the paper's number; None if they are of other data."""
        if self.mean is None or self.paper is None or not self.comparable:
            return None
        return self.mean - self.paper


@dataclass(frozen=True)
class Line:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class StudyTable:
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TableBuilder:
    """Builds a study's tables from what all of their cells are made from."""

    study: Study
    results: MetricsOf
    categories: tuple[str, ...]  # of params.yaml
    data_set: str | None  # as the paper calls it; None: the paper has no such data set
    speed: Speed = field(
        default_factory=Speed
    )  # of Table V: no result of the pipeline's, but of the machine

    def build(self, spec: TableSpec, paper: PaperTable | None) -> StudyTable:
        """Build a table in the form of the paper's, with the columns that the spec names."""
        rows = rows_of(spec)
        lines = {"metrics": self._by_metrics, "categories": self._by_categories}.get(
            spec.columns, self._by_settings
        )
        columns, body = lines(spec, rows, paper)
        notes = self._notes(rows, paper)
        if self.speed.note and set(spec.metrics) & COLUMNS.keys():
            notes.append(self.speed.note)
        return StudyTable(spec.title, columns, tuple(body), tuple(notes))

    def _by_metrics(
        self, spec: TableSpec, rows: Sequence[Row], paper: PaperTable | None
    ) -> tuple[tuple[str, ...], list[Line]]:
        lines = [
            Line(row.name, tuple(self._cell(row, MEAN, m, paper, None, m) for m in spec.metrics))
            for row in rows
        ]
        return tuple(title(metric) for metric in spec.metrics), lines

    def _by_categories(
        self, spec: TableSpec, rows: Sequence[Row], paper: PaperTable | None
    ) -> tuple[tuple[str, ...], list[Line]]:
        columns = (*self.categories, MEAN)
        lines = [
            Line(
                f"{title(metric)} {row.name}".strip() if len(rows) > 1 else title(metric),
                tuple(self._cell(row, c, metric, paper, metric, c) for c in columns),
            )
            for metric in spec.metrics
            for row in rows
        ]
        return columns, lines

    def _by_settings(
        self, spec: TableSpec, rows: Sequence[Row], paper: PaperTable | None
    ) -> tuple[tuple[str, ...], list[Line]]:
        lines = [
            Line(title(metric), tuple(self._setting(row, metric, paper) for row in rows))
            for metric in spec.metrics
        ]
        return tuple(row.name for row in rows), lines

    def _cell(
        self,
        row: Row,
        part: str,
        metric: str,
        paper: PaperTable | None,
        paper_metric: str | None,
        column: str,
    ) -> Cell:
        """Our number for a category or the mean, beside the paper's of a line and column."""
        printed = paper_value(paper, row.paper or row.name, paper_metric, column)
        comparable = self._comparable(paper, part) and metric not in COLUMNS  # another machine's
        return Cell(self._values(row, part, metric), printed, comparable)

    def _setting(self, row: Row, metric: str, paper: PaperTable | None) -> Cell:
        """Our number beside the paper's, in a table that has a column for each setting."""
        printed = paper_value(paper, OWN, metric, row.paper or row.name)
        return Cell(self._values(row, MEAN, metric), printed, self._comparable(paper, MEAN))

    def _values(self, row: Row, part: str, metric: str) -> tuple[float, ...]:
        if metric in COLUMNS:
            measured = self.speed.of(row.rival, metric)
            return () if measured is None else (measured,)
        found = (self.results(e) for e in row_experiments(self.study, row))
        values = (of_row(r, row, part).get(metric) for r in found if r is not None)
        return tuple(float(value) for value in values if value is not None)

    def _comparable(self, paper: PaperTable | None, part: str) -> bool:
        if paper is None or paper.data_set != self.data_set:
            return False
        return part != MEAN or set(_categories(paper.data_set)) == set(self.categories)

    def _notes(self, rows: Sequence[Row], paper: PaperTable | None) -> list[str]:
        experiments = [e for row in rows for e in row_experiments(self.study, row)]
        missing = sum(self.results(e) is None for e in experiments)
        notes = []
        if missing:
            all_ = counted(len(experiments), "experiment")
            notes.append(f"{missing} of {all_} {are(missing)} not finished.")
        if len(self.study.seeds) > 1:
            notes.append(
                "Ours: mean ± sample standard deviation over the seeds "
                f"{', '.join(map(str, self.study.seeds))}."
            )
        if paper and not self._comparable(paper, MEAN):
            notes.append(
                f"The paper's numbers are of {paper.data_set}, ours of other data: compare the "
                "order of the rows, not the numbers."
            )
        return notes


def _categories(data_set: str) -> tuple[str, ...]:
    """The categories of one of the paper's data sets, as the table of its results has them."""
    tables = (table for table in paper_tables().values() if table.data_set == data_set)
    return next((t.categories for t in tables if MEAN in t.columns), ())


def of_row(results: Mapping[str, Any], row: Row, part: str) -> Mapping[str, Any]:
    """The metrics that a row shows of a category or the mean: ours, or those of its rival."""
    if row.rival is None:
        metrics: Mapping[str, Any] = results.get(part, {})
    else:
        metrics = results.get(RIVALS, {}).get(part, {}).get(row.rival, {})
    return metrics


def title(metric: str) -> str:
    """The name that the paper has for a metric."""
    return TITLES.get(metric, metric)


def paper_value(
    paper: PaperTable | None, method: str, metric: str | None, column: str
) -> float | None:
    """A number of the paper's table; None if the table does not have it."""
    if paper is None:
        return None
    try:
        return paper.row(method, metric).values.get(column)
    except KeyError:
        return None
