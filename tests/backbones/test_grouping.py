"""Groups against the published code's (golden 02), and the centre's place among coincident points.

Stops: distances by |a|^2 + |b|^2 - 2ab, which are wrong at z = 0.5 m in float32.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mentor3ad.backbones.grouping import group_points, normalise_points
from mentor3ad.plumbing.errors import DataError


@pytest.fixture(scope="module", params=["small", "mid", "full"])
def case(request, golden):
    arrays = golden("02_knn_group/knn_group.npz")
    part = {k.removeprefix(f"{request.param}_"): v for k, v in arrays.items()}
    expected = {k: part[k] for k in ("points", "center_idx", "center", "idx", "rows")}
    expected["neighborhood"] = part["neighborhood"]
    return expected, group_points(expected["points"], *expected["idx"].shape)


def test_centres_are_the_reference(case):
    expected, groups = case
    assert_array_equal(groups.centre_index, expected["center_idx"])
    assert_array_equal(groups.centres, expected["center"])


def test_each_group_holds_the_reference_points(case):
    expected, groups = case
    assert_array_equal(np.sort(groups.index, axis=1), np.sort(expected["idx"], axis=1))


def test_groups_are_ordered_by_distance_from_the_centre_itself(case):
    expected, groups = case
    points = expected["points"].astype(np.float64)

    def distances(index):
        return np.linalg.norm(points[index] - points[groups.centre_index][:, None], axis=-1)

    assert_array_equal(groups.index[:, 0], groups.centre_index)
    assert_allclose(distances(groups.index), distances(expected["idx"]), rtol=0, atol=1e-8)


def test_neighbourhoods_are_the_reference_to_the_bit(case):
    expected, groups = case
    rows = expected["rows"]
    ours, theirs = np.argsort(groups.index[rows], 1), np.argsort(expected["idx"][rows], 1)
    assert_array_equal(
        np.take_along_axis(groups.neighbourhoods[rows], ours[..., None], axis=1),
        np.take_along_axis(expected["neighborhood"], theirs[..., None], axis=1),
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
@settings(max_examples=30)
def test_the_centre_leads_its_group_among_coincident_points(seed, size):
    """Also where more points coincide than a group holds, and the tree returns others of them."""
    rng = np.random.default_rng(seed)
    points = (rng.integers(0, 2, (40, 3)) + np.array([0, 0, 10])).astype(np.float32)
    groups = group_points(points, 6, size)
    assert_array_equal(groups.index[:, 0], groups.centre_index)
    assert all(len(set(row)) == size for row in groups.index.tolist())
    assert_array_equal(groups.neighbourhoods, points[groups.index] - groups.centres[:, None])


def test_too_few_points_for_the_groups_is_a_sentence():
    points = np.ones((20, 3), np.float32)
    with pytest.raises(DataError, match=r"20 foreground points are too few for 32 groups of 4;"):
        group_points(points, 32, 4)
    with pytest.raises(DataError, match=r"too few for 4 groups of 32; lower .*group_size"):
        group_points(points, 4, 32)


def test_none_leaves_metres_as_they_are():
    points = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    assert_array_equal(normalise_points(points, "none"), points)


def test_unit_sphere_is_centred_and_reaches_radius_one():
    points = np.random.default_rng(0).uniform(0.4, 0.6, (500, 3)).astype(np.float32)
    unit = normalise_points(points, "unit_sphere")
    assert unit.dtype == np.float32
    assert_allclose(unit.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    assert_allclose(np.linalg.norm(unit, axis=1).max(), 1, rtol=1e-6)


@pytest.mark.parametrize(("scale", "shift"), [(1000.0, 0.0), (0.5, 2.0)])
def test_unit_sphere_forgets_unit_and_place(scale, shift):
    """The coordinates have few bits, so that float32 moves them exactly."""
    points = np.random.default_rng(0).integers(-64, 64, (300, 3)).astype(np.float32) / 64
    expected = normalise_points(points, "unit_sphere")
    moved = (points * scale + shift).astype(np.float32)
    assert_allclose(normalise_points(moved, "unit_sphere"), expected, rtol=0, atol=1e-6)


def test_points_without_extent_are_refused():
    with pytest.raises(DataError, match="coincide"):
        normalise_points(np.full((5, 3), 0.5, np.float32), "unit_sphere")


def test_per_axis_normalisation_gives_every_axis_unit_variance_and_leaves_a_flat_one_at_zero():
    points = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32) * [0.05, 0.02, 0.0]
    moved = np.add(points, (0, 0, 0.5)).astype(np.float32)
    normalised = normalise_points(moved, "per_axis")
    assert_allclose(normalised.std(axis=0), [1, 1, 0], atol=1e-5)
    assert_allclose(normalised.mean(axis=0), 0, atol=1e-5)
