"""Each scan of a threshold is scored by a rule that did not see it."""

import numpy as np
import pytest

from mentor3ad.plumbing.errors import TrainingError
from mentor3ad.voting import left_out
from mentor3ad.voting.left_out import left_out_scores


def scans_of(count: int) -> list[np.ndarray]:
    return [np.full(1, float(i)) for i in range(count)]


def fit_to(scans):
    """A rule whose score says which scans it saw: -1 for one of them, else their number."""
    seen = [scan[0] for scan in scans]
    return lambda scan: -1.0 if scan[0] in seen else float(len(seen))


@pytest.mark.parametrize("count", [2, 7, 20])
def test_of_few_scans_each_is_left_out_alone(count):
    scans = scans_of(count)
    assert left_out_scores(scans, scans, fit_to(scans), fit_to) == [count - 1] * count


def test_of_more_a_fold_is_left_out_at_once():
    scans = scans_of(45)
    scores = left_out_scores(scans, scans, fit_to(scans), fit_to)
    assert set(scores) == {43.0, 42.0}  # folds of two and of three


def test_a_rule_that_saw_none_of_them_scores_all():
    scans = scans_of(5)
    assert left_out_scores(scans, [], lambda scan: 9.0, fit_to) == [9.0] * 5


@pytest.mark.parametrize("count", [1, left_out.FEW + 1])
def test_one_scan_and_very_many_are_scored_by_the_rule_itself(count):
    scans = scans_of(count)
    assert left_out_scores(scans, scans, lambda scan: 9.0, fit_to) == [9.0] * count


def test_where_the_others_show_no_spread_the_rule_itself_scores():
    def refuse(scans):
        raise TrainingError("no spread")

    scans = scans_of(3)
    assert left_out_scores(scans, scans, lambda scan: 9.0, refuse) == [9.0] * 3


def test_scans_are_read_when_they_are_asked_for():
    alive: list[int] = []

    class Stored(list):
        def __getitem__(self, place):
            alive.append(place)
            return super().__getitem__(place)

    def look_at_first(scans):
        assert len(scans) == 3
        return lambda scan: float(scans[0][0])

    scans = Stored(scans_of(4))
    assert left_out_scores(scans, scans, lambda scan: 9.0, look_at_first) == [1, 0, 0, 0]
    assert len(alive) == 8  # each scan that is scored, and the first of the others
