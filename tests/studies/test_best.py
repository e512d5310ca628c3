"""Which rows of a study are its best."""

from typing import Any

import pytest

from mentor3ad.studies.best import best_rows
from mentor3ad.studies.definition import Row, Study, TableSpec
from mentor3ad.studies.grid import Experiment

TABLE = TableSpec(
    title="Votes",
    metrics=["i_auroc"],
    rows=[Row(name="one", set={"voting.nu": 0.1}), Row(name="two", set={"voting.nu": 0.2})],
)
STUDY = Study(seeds=[0, 1], seeded=["model.seed"], tables=[TABLE])
VALUES = {(0.1, 0): 0.8, (0.1, 1): 0.9, (0.2, 0): 0.7, (0.2, 1): 0.96}


def results(experiment: Experiment) -> dict[str, Any] | None:
    key = (experiment.values["voting.nu"], experiment.values["model.seed"])
    return {"mean": {"i_auroc": VALUES[key]}} if key in VALUES else None


def test_the_best_row_is_that_of_the_highest_mean_over_the_seeds() -> None:
    best = best_rows("votes", STUDY, results)
    assert list(best) == ["i_auroc"]
    found = best["i_auroc"]
    assert (found.study, found.row, found.mean, found.seeds) == ("votes", "one", 0.85, 2)
    assert found.spread == pytest.approx(0.1 / 2**0.5, abs=1e-6)


def test_a_row_with_a_seed_missing_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(VALUES, (0.1, 0))
    assert best_rows("votes", STUDY, results)["i_auroc"].row == "two"


def test_nothing_finished_has_no_best() -> None:
    assert best_rows("votes", STUDY, lambda _: None) == {}


def test_a_rivals_row_is_never_ours_best() -> None:
    rows = [*TABLE.rows, Row(name="rival", rival="cfm", set={"voting.nu": 0.1})]
    study = STUDY.model_copy(update={"tables": [TABLE.model_copy(update={"rows": rows})]})
    assert best_rows("votes", study, results)["i_auroc"].row == "one"
