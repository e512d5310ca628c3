"""Groups and nearest centres of a batch against the trees' of each scan."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mentor3ad.backbones.batched.fps import furthest_points
from mentor3ad.backbones.batched.half import to_float16
from mentor3ad.backbones.batched.neighbours import (
    TILE,
    group_neighbours,
    nearest_centres,
    neighbourhoods,
    smallest,
)
from mentor3ad.backbones.grouping import group_points
from mentor3ad.features.interpolation import nearest_centres as nearest_centres_of_a_scan
from tests.batches import DEVICES, foreground_points, padded

GROUPS, SIZE = 40, 24


@pytest.fixture(scope="module")
def scans(make_scan) -> list[np.ndarray]:
    """Points in metres at 0.5 m, where |a|^2 + |b|^2 - 2ab loses the answer in float32."""
    return [foreground_points(make_scan(seed, half)) for seed, half in ((0, 18), (1, 9), (2, 14))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("tile", [1, 3000, TILE])
def test_groups_are_those_of_each_scan(scans, tile, device):
    points, counts = padded(scans, device)
    centre_index = furthest_points(points, counts, GROUPS)
    index = group_neighbours(points, counts, centre_index, SIZE, tile)
    centres = points.gather(1, centre_index[..., None].expand(-1, -1, 3))
    near = neighbourhoods(points, index, centres)
    for i, scan in enumerate(scans):
        expected = group_points(scan, GROUPS, SIZE)
        assert_array_equal(centre_index[i].cpu(), expected.centre_index)
        assert_array_equal(index[i].cpu(), expected.index)
        assert_array_equal(near[i].cpu(), expected.neighbourhoods)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("tile", [1, 3000, TILE])
def test_nearest_centres_and_weights_are_those_of_each_scan(scans, tile, device):
    """The tree takes the root of a distance and we do not: 1e-14 apart in float64, and the same
    once rounded to the store's float16."""
    points, counts = padded(scans, device)
    centre_index = furthest_points(points, counts, GROUPS)
    centres = points.gather(1, centre_index[..., None].expand(-1, -1, 3))
    index, weight = nearest_centres(points, centres, tile)
    for i, scan in enumerate(scans):
        expected = nearest_centres_of_a_scan(scan, centres[i].cpu().numpy())
        assert_array_equal(index[i, : len(scan)].cpu(), expected[0])
        assert_allclose(weight[i, : len(scan)].cpu(), expected[1], rtol=1e-14)
        rounded = to_float16(weight[i, : len(scan)]).cpu().numpy()
        assert_array_equal(rounded, expected[1].astype(np.float16))


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=40)
def test_the_smallest_are_those_of_a_stable_sort(seed, k):
    """Most values tied; k up to their number."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, rng.integers(1, 12), (4, 3, 30)).astype(float)
    values[rng.random(values.shape) < 0.1] = np.inf
    expected = np.argsort(values, axis=-1, kind="stable")[..., :k]
    assert_array_equal(smallest(torch.from_numpy(values), k), expected)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_among_coincident_points_the_centre_leads_then_the_lower_index(seed):
    rng = np.random.default_rng(seed)
    scan = (rng.integers(0, 2, (40, 3)) + np.array([0, 0, 10])).astype(np.float32)
    points, counts = padded([scan], "cpu")
    centre_index = furthest_points(points, counts, 6)
    index = group_neighbours(points, counts, centre_index, 12)[0].numpy()
    for row, centre in zip(index, centre_index[0].tolist(), strict=True):
        distance = np.square(scan.astype(float) - scan[centre]).sum(axis=1)
        distance[centre] = -1
        assert_array_equal(row, np.argsort(distance, kind="stable")[:12])


def test_points_that_coincide_with_a_centre_weigh_as_in_the_tree():
    scan = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 1], [0, 2, 1], [5, 0, 1]], np.float32)
    index, weight = nearest_centres(torch.from_numpy(scan)[None], torch.from_numpy(scan)[None])
    assert_array_equal(index[0, :2], [[0, 1, 2], [0, 1, 2]])
    assert_allclose(weight[0, 0], nearest_centres_of_a_scan(scan, scan)[1][0], rtol=1e-14)


def test_float16_is_numpys_where_two_roundings_are_another():
    rng = np.random.default_rng(0)
    half = rng.random(4000).astype(np.float16)
    middle = (half.astype(float) + np.nextafter(half, np.float16(2)).astype(float)) / 2
    values = np.concatenate([
        [0, 1, 2.0**-24, 2.0**-25, 3e-8, 1e-9], half, middle, middle * (1 + 2.0**-40),
        middle * (1 - 2.0**-40), rng.random(4000), rng.random(4000) * 1e-6,
    ])  # fmt: skip
    assert_array_equal(to_float16(torch.from_numpy(values)), values.astype(np.float16))
    twice = torch.from_numpy(values).half().numpy()
    assert (twice != values.astype(np.float16)).any()
