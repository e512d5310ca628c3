"""Pixels that are counted scan by scan rank as all pixels sorted at once, to the bit."""

import weakref
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentor3ad.evaluation.aupro import (
    PixelRanking,
    ProCurve,
    aupro_99,
    pro_curve,
    sampled_pro_curve,
)
from mentor3ad.evaluation.metrics import rank_scans
from mentor3ad.evaluation.ranking import Ranking
from tests.evaluation.plain import Sorted

KINDS = ("good", "cut", "hole", "bent")


def assert_equal(found: PixelRanking | None, plain: Sorted) -> None:
    assert found is not None
    for field in fields(Ranking):
        np.testing.assert_array_equal(
            getattr(found.roc, field.name), getattr(plain.roc, field.name)
        )
    np.testing.assert_array_equal(found.overlap, plain.overlap)
    assert found.n_regions == plain.n_regions
    for num in (2, 99, len(plain.normal)):
        curve, (fpr, pro) = sampled_pro_curve(found, num), plain.sampled(num)
        np.testing.assert_array_equal(curve.fpr, fpr)
        np.testing.assert_array_equal(curve.pro, pro)


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=7),
    st.integers(0, 2**31),
    st.sampled_from([3, 50, 10**6]),
    st.booleans(),
)
@settings(max_examples=80)
def test_counted_pixels_rank_as_sorted_ones(
    kinds: list[str], seed: int, levels: int, padded: bool
) -> None:
    """With many ties and with none; of all scans and of each kind, with and without padding."""
    rng = np.random.default_rng(seed)
    shape = (len(kinds), 9, 11)
    defective = np.array(kinds) != "good"
    masks = (rng.random(shape) < 0.2) & defective[:, None, None]
    maps = (rng.integers(0, levels, shape) / levels).astype(np.float32)
    valid = rng.random(shape) < 0.8 if padded else None
    scores = maps.max(axis=(1, 2))
    found = rank_scans(maps, masks, scores, defective, kinds, valid)
    for kind in (None, *found.kinds):
        chosen = np.array([kind is None or one in ("good", kind) for one in kinds])
        inside = None if valid is None else valid[chosen]
        pixels = found.pixels if kind is None else found.kinds[kind][1]
        if not (masks[chosen] if inside is None else masks[chosen] & inside).any():
            assert pixels is None
        else:
            assert_equal(pixels, Sorted.of(maps[chosen], masks[chosen], inside))


@pytest.mark.parametrize("corners", [2, 9, 1000, 65_536, 65_538, 131_073, 400_001])
def test_an_area_in_pieces_is_numpys(corners: int) -> None:
    rng = np.random.default_rng(corners)
    fpr, pro = (np.sort(rng.random(corners)) for _ in range(2))
    assert ProCurve(fpr, pro).area() == np.trapezoid(pro, fpr)


class Read(Sequence[np.ndarray]):
    """Maps that are made when they are asked for; notes how many there are at once."""

    def __init__(self, maps: np.ndarray) -> None:
        self.maps, self.most = maps, 0
        self.given: list[weakref.ref[np.ndarray]] = []

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, place):
        made = self.maps[place].copy()
        self.given.append(weakref.ref(made))
        self.most = max(self.most, sum(ref() is not None for ref in self.given))
        return made


def test_one_scan_is_in_memory_at_a_time() -> None:
    rng = np.random.default_rng(0)
    kinds = list(KINDS) * 4
    defective = np.array(kinds) != "good"
    maps = rng.random((16, 20, 20)).astype(np.float32)
    masks = (rng.random(maps.shape) < 0.1) & defective[:, None, None]
    read, truth = Read(maps), Read(masks)
    found = rank_scans(read, truth, maps.max(axis=(1, 2)), defective, kinds)
    assert max(read.most, truth.most) <= 3  # what a pass ended with, the last one and the next
    plain = Sorted.of(maps, masks)
    assert found.pixels is not None
    assert aupro_99(found.pixels, [0.3]) == (ProCurve(*plain.sampled(99)).up_to(0.3).area() / 0.3,)
    assert_equal(found.pixels, plain)
    assert pro_curve(found.pixels).fpr[-1] == 1.0
