"""The studies' best beside a report's own numbers: of the same data only."""

import errno
import os
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.report.best import FILE, Best, StudyBest, best_on, load_best, save_best
from mentor3ad.report.html.content import page_content
from mentor3ad.report.summary import summarise
from tests.paths import ROOT
from tests.report import made_up

DATA = {"rope": "a" * 64, "tire": "b" * 64}
VOTES = StudyBest(DATA, {"i_auroc": Best("votes", "calibrated", 0.9, 0.01, 3)})
RATES = StudyBest(DATA, {"i_auroc": Best("rates", "model.lr = 0.1", 0.95, None, 1)})


def test_the_shipped_file_can_be_read() -> None:
    load_best(ROOT / FILE)


def test_what_is_saved_is_loaded_and_in_one_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    save_best(one, {"votes": VOTES, "rates": RATES})
    save_best(other, {"rates": RATES, "votes": VOTES})
    assert load_best(one) == {"votes": VOTES, "rates": RATES}
    assert one.read_bytes() == other.read_bytes()


MEAN_NAN = (
    '{"votes": {"data": {}, "metrics": {"i_auroc": {"study": "votes", "row": "x", "mean": NaN, '
    '"spread": null, "seeds": 1}}}}'
)


@pytest.mark.parametrize("text", [None, "{", '{"votes": {"data": {}}}', MEAN_NAN])
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "best.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"best\.json cannot be used \(.*git checkout"):
        load_best(path)


def test_the_best_is_over_all_studies_of_the_data() -> None:
    assert best_on({"votes": VOTES, "rates": RATES}, DATA)["i_auroc"].study == "rates"
    assert best_on({"votes": VOTES}, DATA)["i_auroc"].study == "votes"


def test_other_data_have_no_best() -> None:
    assert best_on({"votes": VOTES}, DATA | {"rope": "c" * 64}) == {}
    assert best_on({"votes": VOTES}, {"rope": DATA["rope"]}) == {}


def test_the_page_says_it() -> None:
    each = {name: made_up.metrics() for name in made_up.CATEGORIES}
    views = [made_up.views(name) for name in made_up.CATEGORIES]
    arguments = (made_up.params(), summarise(each), each, made_up.curves(), views)
    assert page_content(*arguments, VOTES.metrics).best == VOTES.metrics
    assert page_content(*arguments).best == {}


def test_a_file_that_may_not_be_read_is_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_best(tmp_path / "best.json", {})

    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "best.json"))

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PermissionError):
        load_best(tmp_path / "best.json")
