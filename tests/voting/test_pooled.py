"""Statistics of pixels scan by scan are those of all pixels at once, to the bit."""

import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentor3ad.params.schema import Voting
from mentor3ad.voting.model import fit_voting
from mentor3ad.voting.pooled import Pooled, picked

SIZE = 32
sizes = st.lists(st.integers(1, 30_000), min_size=1, max_size=5)


def pixels(counts: list[int], values: int) -> list[np.ndarray]:
    """Values (K, P) of so many pixels of each scan, in memory as those of a scan's maps are."""
    rng = np.random.default_rng(sum(counts))
    return [np.asfortranarray(rng.gamma(2.0, 0.03, (values, count))) for count in counts]


@given(sizes, st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_the_mean_is_numpys_of_all_pixels_side_by_side(counts: list[int], values: int) -> None:
    scans = pixels(counts, values)
    pool, whole = Pooled.of(scans), np.concatenate(scans, axis=1)
    np.testing.assert_array_equal(pool.mean, whole.mean(axis=1))
    np.testing.assert_array_equal(
        pool.typical_worst, np.median([scan.max(axis=1) for scan in scans], axis=0)
    )
    assert pool.count == whole.shape[1]


@pytest.mark.parametrize(("values", "spread"), [([1, 1, 1], False), ([1, 2, 1], True)])
def test_spread_is_that_of_all_scans_together(values: list[float], spread: bool) -> None:
    """Each scan has none by itself."""
    scans = [np.stack([np.full(5, value), np.arange(5.0)]) for value in values]
    assert Pooled.of(scans).has_spread is spread


@given(sizes, st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_pixels_are_picked_in_the_order_that_is_asked_for(counts: list[int], seed: int) -> None:
    scans = pixels(counts, 3)
    whole, rng = np.concatenate(scans, axis=1), np.random.default_rng(seed)
    places = rng.choice(whole.shape[1], rng.integers(1, whole.shape[1] + 1), replace=False)
    found = picked(iter(scans), places)
    np.testing.assert_array_equal(found, whole[:, places])
    assert found.flags.f_contiguous


class Read(Sequence[np.ndarray]):
    """Scans that are made when they are asked for; notes how many there are at once."""

    def __init__(self, count: int, first: int) -> None:
        self.count, self.first = count, first
        self.given: list[weakref.ref[np.ndarray]] = []
        self.most = 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place):
        if not 0 <= place < self.count:
            raise IndexError(place)
        rng = np.random.default_rng(self.first + place)
        made = rng.gamma(2.0, 0.03, (4, SIZE, SIZE)).astype(np.float32)
        made[:, :6] = 0
        self.given.append(weakref.ref(made))
        self.most = max(self.most, sum(ref() is not None for ref in self.given))
        return made


@pytest.mark.parametrize("ocsvm", ["none", "product", "maps"])
@pytest.mark.parametrize("rule", ["paper", "calibrated", "trusted"])
def test_scans_that_are_read_one_by_one_give_the_same_model(params, rule: str, ocsvm: str) -> None:
    names = ["rgb", "xyz", "mtr", "near_xyz"]
    changes = {"rule": rule, "ocsvm": ocsvm, "maps": names, "smoothing": [3], "target_fpr": 0.2}
    options: Voting = params.voting.model_copy(update=changes)
    train, held_out = Read(5, 0), Read(7, 100)
    model = fit_voting(train, held_out, options)
    assert model == fit_voting(list(Read(5, 0)), list(Read(7, 100)), options)
    assert max(train.most, held_out.most) <= 3  # the last one's and the next one's, and its part
