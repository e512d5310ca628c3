"""The tables: ours over the seeds, the paper's beside them, the difference."""

from typing import Any

import pytest

from mentor3ad.report.paper import paper_tables
from mentor3ad.studies.definition import Row, Study, TableSpec
from mentor3ad.studies.grid import Experiment
from mentor3ad.studies.table import RIVALS, StudyTable, TableBuilder

MVTEC = paper_tables()["I"].categories


def build(
    spec: TableSpec,
    metrics: dict[int, dict[str, Any]],
    categories: tuple[str, ...] = MVTEC,
    data_set: str | None = "MVTec 3D-AD",
) -> StudyTable:
    """Metrics by the seed, for every row."""
    study = Study(seeds=[0, 1], seeded=["model.seed"], tables=[spec])

    def results(experiment: Experiment) -> dict[str, Any] | None:
        return metrics.get(experiment.seed)

    paper = paper_tables()[spec.paper] if spec.paper else None
    return TableBuilder(study, results, categories, data_set).build(spec, paper)


IV = TableSpec(title="IV", paper="IV", metrics=["i_auroc"], rows=[Row(name="w/o Mtr")])
BOTH = {0: {"mean": {"i_auroc": 0.96}}, 1: {"mean": {"i_auroc": 0.98}}}


def test_mean_spread_and_difference() -> None:
    (line,) = build(IV, BOTH).lines
    (cell,) = line.cells
    assert cell.mean == pytest.approx(0.97)
    assert cell.spread == pytest.approx(0.02 / 2**0.5)
    assert cell.paper == 0.964
    assert cell.difference == pytest.approx(0.006)


def test_other_data_have_no_difference_and_a_note() -> None:
    table = build(IV, BOTH, ("biscuit",), None)
    (cell,) = table.lines[0].cells
    assert (cell.paper, cell.difference) == (0.964, None)
    assert "The paper's numbers are of MVTec 3D-AD, ours of other data" in table.notes[-1]


def test_the_mean_of_some_categories_is_not_the_papers() -> None:
    spec = TableSpec(title="I", paper="I", columns="categories", metrics=["i_auroc"])
    values = {0: {"rope": {"i_auroc": 0.9}, "mean": {"i_auroc": 0.9}}}
    table = build(spec, values, ("rope",))
    rope, mean = table.lines[0].cells
    assert table.columns == ("rope", "mean")
    assert rope.difference == pytest.approx(-0.1)
    assert (mean.paper, mean.difference) == (0.971, None)


def test_several_rows_by_category_are_named_with_the_metric() -> None:
    rows = [Row(name="Mentor3AD (XYZ+RGB)"), Row(name="Mentor3AD")]
    spec = TableSpec(title="I", paper="I", columns="categories", metrics=["i_auroc"], rows=rows)
    table = build(spec, BOTH)
    assert [line.name for line in table.lines] == [
        "I-AUROC Mentor3AD (XYZ+RGB)",
        "I-AUROC Mentor3AD",
    ]
    assert [line.cells[-1].paper for line in table.lines] == [0.964, 0.971]


def test_settings_are_columns_of_few_shots() -> None:
    rows = [Row(name="5-shot", paper="5"), Row(name="full")]
    spec = TableSpec(title="III", paper="III", columns="settings", metrics=["aupro_1"], rows=rows)
    table = build(spec, {0: {"mean": {"aupro_1": 0.4}}})
    assert table.columns == ("5-shot", "full")
    assert [cell.paper for cell in table.lines[0].cells] == [0.345, 0.468]


def test_what_is_not_finished_is_missing_and_noted() -> None:
    table = build(IV, {1: BOTH[1]})
    (cell,) = table.lines[0].cells
    assert (cell.values, cell.spread) == ((0.98,), None)
    assert table.notes[0] == "1 of 2 experiments is not finished."


def test_a_metric_that_a_run_has_not_is_empty() -> None:
    (cell,) = build(IV, {0: {"mean": {}}}).lines[0].cells
    assert (cell.values, cell.mean, cell.difference) == ((), None, None)


def test_a_row_of_ones_own_has_no_paper() -> None:
    spec = TableSpec(title="IV", paper="IV", metrics=["i_auroc"], rows=[Row(name="calibrated")])
    assert build(spec, BOTH).lines[0].cells[0].paper is None


def test_a_row_of_a_rival_shows_the_rivals_metrics() -> None:
    rows = [Row(name="ours"), Row(name="nearest", rival="nearest"), Row(name="cfm", rival="cfm")]
    spec = TableSpec(title="Rivals", metrics=["i_auroc"], rows=rows)
    theirs = {RIVALS: {"mean": {"nearest": {"i_auroc": 0.5}}}}
    lines = build(spec, {seed: BOTH[seed] | theirs for seed in BOTH}).lines
    assert [line.cells[0].mean for line in lines] == [pytest.approx(0.97), 0.5, None]
