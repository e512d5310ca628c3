"""Pixels that are counted scan by scan rank as all pixels sorted at once, to the bit."""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mentor3ad.evaluation import columns, marked
from mentor3ad.evaluation import pixels as counted
from mentor3ad.evaluation.aupro import (
    PixelRanking,
    aupro_99,
    pro_curve,
    sampled_pro_curve,
)
from mentor3ad.evaluation.bins import Bins
from mentor3ad.evaluation.curve import Curve
from mentor3ad.evaluation.metrics import Rankings, rank_scans
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.evaluation.ranking import Ranking
from mentor3ad.plumbing.errors import DataError
from tests.evaluation.plain import Sorted, thinned

KINDS = ("good", "cut", "hole", "bent")


def assert_equal(found: PixelRanking | None, plain: Sorted) -> None:
    assert found is not None
    for field in fields(Ranking):
        np.testing.assert_array_equal(
            getattr(found.roc, field.name), getattr(plain.roc, field.name)
        )
    np.testing.assert_array_equal(found.overlap(0, len(plain.roc.tp)), plain.overlap[plain.roc.tp])
    assert found.n_regions == plain.n_regions
    for num in (2, 99, len(plain.normal)):
        curves = zip(sampled_pro_curve(found, num).corners(), plain.sampled(num), strict=True)
        for one, other in curves:
            np.testing.assert_array_equal(one, other)
    roc, curve = found.roc, pro_curve(found)
    assert (roc.auroc(), roc.average_precision(), *roc.f1_max()) == plain.metrics()
    corners = plain.curve()
    for one, other in zip(curve.corners(), corners, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(curve.thinned(50), thinned(*corners, 50), strict=True):
        np.testing.assert_array_equal(one, other)
    assert curve.area() == np.trapezoid(corners[1], corners[0])


def assert_all_equal(
    found: Rankings, kinds: Sequence[str], maps: np.ndarray, masks: np.ndarray, valid=None
) -> None:
    """The rankings of all scans and of each kind are those of sorted pixels."""
    for kind in (None, *found.kinds):
        chosen = np.array([kind is None or one in ("good", kind) for one in kinds])
        inside = None if valid is None else valid[chosen]
        pixels = found.pixels if kind is None else found.kinds[kind][1]
        if not (masks[chosen] if inside is None else masks[chosen] & inside).any():
            assert pixels is None
        else:
            assert_equal(pixels, Sorted.of(maps[chosen], masks[chosen], inside))


@contextmanager
def little_memory(run: int, sample: int, group: int) -> Iterator[None]:
    """So few pixels and thresholds are in memory that small sets of scans take the disk."""
    with (
        patch.multiple(marked, RUN=run, SAMPLE=sample),
        patch.object(counted, "GROUP", group),
        patch.object(columns, "MEMORY", 64),
    ):
        yield


@given(
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=7),
    st.integers(0, 2**31),
    st.sampled_from([3, 50, 10**6]),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_counted_pixels_rank_as_sorted_ones(
    kinds: list[str], seed: int, levels: int, padded: bool
) -> None:
    """With many ties and with none; of all scans and of each kind, with and without padding."""
    rng = np.random.default_rng(seed)
    shape = (len(kinds), 9, 11)
    defective = np.array(kinds) != "good"
    masks = (rng.random(shape) < 0.2) & defective[:, None, None]
    maps = (rng.integers(-levels, levels, shape) / levels).astype(np.float32)
    valid = rng.random(shape) < 0.8 if padded else None
    arguments = maps, masks, maps.max(axis=(1, 2)), defective, kinds, valid
    assert_all_equal(rank_scans(*arguments), kinds, maps, masks, valid)
    with little_memory(run=10, sample=3, group=5):
        assert_all_equal(rank_scans(*arguments), kinds, maps, masks, valid)


@pytest.mark.parametrize("levels", [4, 10**9])
def test_many_pixels_rank_as_sorted_ones(levels: int, tmp_path: Path) -> None:
    """Of several parts each: runs, groups of thresholds, and what a metric reads at once."""
    rng = np.random.default_rng(levels)
    kinds = ["good", "cut", "hole", "cut", "hole", "hole"]
    defective = np.array(kinds) != "good"
    maps = (rng.integers(0, levels, (len(kinds), 224, 224)) / levels).astype(np.float32)
    masks = (rng.random(maps.shape) < 0.7) & defective[:, None, None]
    with little_memory(run=60_000, sample=1000, group=70_000):
        found = rank_scans(maps, masks, maps.max(axis=(1, 2)), defective, kinds, folder=tmp_path)
        assert_all_equal(found, kinds, maps, masks)
    assert not list(tmp_path.iterdir())


def test_counts_that_need_more_than_16_bits_are_whole() -> None:
    bins = Bins(np.array([1.0, 2.0]))
    for _ in range(3):
        bins.add(np.repeat([0.0, 1.0, 1.5, 3.0], [9, 50_000, 7, 200_000]))
    above, at_least = bins.take(1)
    assert (above.tolist(), at_least.tolist()) == ([600_000], [600_000])
    above, at_least = bins.take(1)
    assert (above.tolist(), at_least.tolist()) == ([600_021], [750_021])


def test_maps_of_different_types_are_refused() -> None:
    maps = [np.ones((2, 2), np.float32), np.ones((2, 2), np.float64)]
    with pytest.raises(DataError, match="of one type"):
        rank_pixels(maps, np.eye(2)[None].repeat(2, axis=0))


@pytest.mark.parametrize("corners", [2, 9, 1000, 65_536, 65_538, 131_073, 400_001])
def test_an_area_in_pieces_is_numpys(corners: int) -> None:
    rng = np.random.default_rng(corners)
    fpr, pro = (np.sort(rng.random(corners)) for _ in range(2))
    assert Curve.of(fpr, pro).area() == np.trapezoid(pro, fpr)


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
    assert aupro_99(found.pixels, [0.3]) == (Curve.of(*plain.sampled(99)).up_to(0.3).area() / 0.3,)
    assert_equal(found.pixels, plain)
    assert pro_curve(found.pixels).corners()[0][-1] == 1.0
