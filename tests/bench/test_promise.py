"""False alarms over draws of good scans, beside the promise."""

import numpy as np
import pytest

from bench import promise
from mentor3ad.dataset.grid import SIZE


@pytest.fixture
def good():
    """Scans whose worst pixel alone differs."""
    made = promise.Good.__new__(promise.Good)
    rng = np.random.default_rng(0)
    foreground = np.zeros((SIZE, SIZE), bool)
    foreground[100:130, 100:130] = True
    made.unseen = list(range(12))
    made.maps, made.foreground = {}, dict.fromkeys(made.unseen, foreground)
    for i in made.unseen:
        maps = np.zeros((3, SIZE, SIZE), np.float32)
        maps[:, foreground] = rng.uniform(0.1, 0.2, (3, foreground.sum()))
        maps[:, 110:116, 110:116] += 0.05 * (i + 1)
        made.maps[i] = maps
    made.train = [made.maps[i] for i in range(3)]
    return made


def test_rates_are_of_the_scans_that_do_not_calibrate(good, params):
    found = good.rates(11, params.voting, np.random.default_rng(1))
    assert set(found) <= {0.0, 1.0}  # one scan is judged
    assert len(found) == 2


def test_a_scan_that_is_left_out_is_stranger_than_one_that_was_fitted(good, params):
    draws = np.array([good.rates(3, params.voting, np.random.default_rng(i)) for i in range(12)])
    alarms, as_fitted = draws.mean(axis=0)
    assert alarms <= as_fitted


def test_a_row_has_the_promise_beside_the_means(good, params):
    row = promise.rates({"rope": good}, 3, 2, params)
    assert row["promised"] == 0.25
    assert row["what"] == "3 held-out scans"
