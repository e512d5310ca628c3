"""What n held-out scans promise, against simulation and published intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentor3ad.calibration.conformal import (
    clopper_pearson,
    conformal_rank,
    expected_rate,
    rate_bound,
    scans_needed,
)


def true_rates(scans: int, target: float, draws: int = 40_000) -> np.ndarray:
    """False-alarm rates of thresholds set on uniform scores, whose rate is 1 - threshold."""
    scores = np.sort(np.random.default_rng(0).random((draws, scans)), axis=1)
    return 1 - scores[:, conformal_rank(scans, target) - 1]


@pytest.mark.parametrize(("scans", "target"), [(8, 0.05), (20, 0.05), (39, 0.05), (50, 0.2)])
def test_promise_and_bound_are_those_of_simulated_thresholds(scans: int, target: float) -> None:
    rates = true_rates(scans, target)
    assert rates.mean() == pytest.approx(expected_rate(scans, target), abs=0.002)
    assert np.quantile(rates, 0.95) == pytest.approx(rate_bound(scans, target), abs=0.005)


def test_eight_scans_stand_for_a_ninth() -> None:
    assert expected_rate(8, 0.05) == pytest.approx(1 / 9)
    assert rate_bound(8, 0.05) == pytest.approx(1 - 0.05 ** (1 / 8))


def test_twenty_scans_keep_five_percent_on_average_only() -> None:
    assert expected_rate(20, 0.05) == pytest.approx(1 / 21)
    assert rate_bound(20, 0.05) == pytest.approx(1 - 0.05 ** (1 / 20))


@given(st.floats(0.005, 0.5))
def test_scans_needed_is_the_fewest_that_keep_the_target(target: float) -> None:
    needed = scans_needed(target)
    assert expected_rate(needed, target) <= target + 1e-9
    assert needed == 1 or expected_rate(needed - 1, target) > target


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(0, 20, 0.0, 0.1684), (7, 20, 0.1539, 0.5922), (20, 20, 0.8316, 1.0), (1, 10, 0.0025, 0.4450)],
)
def test_clopper_pearson_gives_tabled_intervals(
    events: int, trials: int, low: float, high: float
) -> None:
    assert clopper_pearson(events, trials) == pytest.approx((low, high), abs=5e-5)


def test_without_trials_any_rate_is_possible() -> None:
    assert clopper_pearson(0, 0) == (0.0, 1.0)
