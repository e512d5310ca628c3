"""FPS against the published kernel's own lists (golden 01), and what furthest means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mentor3ad.backbones.fps import furthest_point_sampling
from mentor3ad.plumbing.errors import DataError

CASES = (
    "metric_0",
    "metric_1",
    "metric_3",
    "unit",
    "nearzero",  # most points and the first one lie in the skip ball
    "ties",
    "ties_small",  # fewer points than the kernel's 512 lanes
    "oversample",  # more centres than points
    "allskipped",
)


@pytest.mark.parametrize("case", CASES)
def test_every_index_is_the_kernels(golden, case):
    arrays = golden("01_fps/fps.npz")
    expected = arrays[f"{case}_idx"]
    chosen = furthest_point_sampling(arrays[f"{case}_points"], len(expected))
    assert_array_equal(chosen, expected)


@st.composite
def lattices(draw):
    """Points of a small lattice, many of them coincident or tied, out of the skip ball."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.integers(0, draw(st.integers(2, 7)), (draw(st.integers(1, 40)), 3))
    return (points + np.array([0, 0, 10])).astype(np.float32)


@given(lattices(), st.integers(1, 40))
@settings(max_examples=40)
def test_no_point_repeats_while_distinct_ones_remain(points, count):
    chosen = points[furthest_point_sampling(points, count)]
    distinct = min(count, len(np.unique(points, axis=0)))
    assert len(np.unique(chosen[:distinct], axis=0)) == distinct


@given(lattices(), st.integers(2, 40))
@settings(max_examples=40)
def test_each_centre_is_the_furthest_from_those_before_it(points, count):
    """So the distances at which centres are taken never grow."""
    chosen = furthest_point_sampling(points, count)
    taken = []
    for k in range(1, count):
        d2 = np.square(points[:, None] - points[chosen[:k]]).sum(axis=-1).min(axis=1)
        assert d2[chosen[k]] == d2.max()
        taken.append(d2[chosen[k]])
    assert (np.diff(taken) <= 0).all()


def test_memory_order_and_type_of_the_input_do_not_matter():
    """A view of a point map is not contiguous; float64 points are read as the float32 they were."""
    points = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    expected = furthest_point_sampling(points, 50)
    assert_array_equal(furthest_point_sampling(np.asfortranarray(points), 50), expected)
    assert_array_equal(furthest_point_sampling(points.astype(np.float64), 50), expected)


def test_input_is_left_as_it_was():
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    before = points.copy()
    furthest_point_sampling(points, 10)
    assert_array_equal(points, before)


def test_no_points_is_a_sentence():
    with pytest.raises(DataError, match="foreground is empty"):
        furthest_point_sampling(np.zeros((0, 3), np.float32), 4)
