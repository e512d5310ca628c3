"""Run lengths that the limits are computed from, against runs that are counted."""

import numpy as np
import pytest

from bench.drift import months_with_alarm
from mentor3ad.drift.limits import (
    CHANCE,
    LEAST_SCANS,
    MONTH,
    WEIGHT,
    chance_of_alarm,
    largest,
    limit_for,
    run_length,
    run_lengths,
)


def counted_length(limit: float, mean: float, runs: int = 400, most: int = 4000) -> float:
    """The mean number of points until a level passes the limit, of independent normal points."""
    rng, levels = np.random.default_rng(0), np.zeros(runs)
    lengths, going = np.zeros(runs), np.ones(runs, bool)
    top = largest(30)
    for _ in range(most):
        levels += WEIGHT * (np.clip(mean + rng.standard_normal(runs), -top, top) - levels)
        lengths[going] += 1
        going &= np.abs(levels) <= limit
        if not going.any():
            break
    return float(lengths.mean())


@pytest.mark.parametrize(("limit", "mean"), [(0.3, 0.0), (0.4, 0.3), (1.2, 1.5)])
def test_a_run_is_as_long_as_when_it_is_counted(limit: float, mean: float) -> None:
    (computed,) = run_lengths(limit, 30, np.array([mean]), np.ones(1), correlation=0.0)
    assert computed == pytest.approx(counted_length(limit, mean), rel=0.15)


def test_the_chance_is_that_of_counted_months_with_references_of_few_scans() -> None:
    """The reference's own error decides: the law of the points is not assumed to be known."""
    limit, scans = limit_for(16), 16
    assert limit is not None
    assert months_with_alarm(0.7 * limit, scans, 0.0, references=60) == pytest.approx(
        chance_of_alarm(0.7 * limit, scans, correlation=0.0), abs=0.15
    )
    assert months_with_alarm(limit, scans, 0.3, references=60) <= 0.05


@pytest.mark.parametrize("scans", [8, 32])
def test_a_limit_keeps_the_chance_of_an_alarm_in_a_month(scans: int) -> None:
    limit = limit_for(scans)
    assert limit is not None
    assert chance_of_alarm(limit, scans) <= CHANCE
    assert chance_of_alarm(0.97 * limit, scans) > CHANCE
    assert chance_of_alarm(limit, scans, correlation=0.5) > CHANCE


def test_more_scans_tell_a_smaller_drift_and_too_few_none() -> None:
    few, many = limit_for(24), limit_for(1000, 100)
    assert few is not None
    assert many is not None
    assert many < few < largest(24)
    assert limit_for(LEAST_SCANS - 1) is None


def test_the_stated_run_length_is_that_of_the_chance() -> None:
    assert run_length() == pytest.approx(MONTH / CHANCE, rel=0.01)
