"""Pixel-level features against the reference (golden 04), its pooling and its upsampling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mentor3ad.dataset.grid import PATCHES, SIZE
from mentor3ad.features.interpolation import (
    bilinear_taps,
    fill_background_patches,
    nearest_centres,
    pixel_weights,
    points_map,
    pool_map,
    pool_matrix,
    pool_taps,
)
from tests.dense import rgb_map


@pytest.mark.parametrize("case", ["case_a", "case_b"])
def test_point_map_is_the_reference_in_double(golden, case):
    """Also pins down the foreground: pixels with one zero coordinate are background."""
    expected = golden(f"04_feature_maps/{case}.npz")
    foreground = expected["point_map"].all(axis=-1)
    index = np.zeros((SIZE, SIZE, 3), dtype=np.int64)
    weight = np.zeros((SIZE, SIZE, 3))
    index[foreground], weight[foreground] = nearest_centres(
        expected["point_map"][foreground], expected["center"]
    )
    tokens = torch.from_numpy(expected["group_features"].T.astype(np.float64))
    dense = points_map(tokens, torch.from_numpy(index), torch.from_numpy(weight))
    pooled = pool_map(dense).reshape(SIZE * SIZE, -1).numpy()
    assert_allclose(pooled, expected["xyz_map_f64"], rtol=0, atol=1e-5)


def test_pooling_alone_is_the_reference(golden):
    ramp = golden("04_feature_maps/pool_ramp.npz")
    pooled = pool_map(torch.from_numpy(ramp["input"].astype(np.float64))[..., None])[..., 0]
    assert_allclose(pooled.numpy(), ramp["output"], rtol=1e-6)


def test_rgb_map_is_the_reference(golden):
    expected = golden("04_feature_maps/case_b.npz")
    features = torch.from_numpy(expected["rgb_features"]).permute(1, 2, 0)
    image = rgb_map(features).reshape(SIZE * SIZE, -1).numpy()
    assert_allclose(image, expected["rgb_map"], rtol=0, atol=1e-5)


@st.composite
def clouds(draw):
    """Points and centres at z = 0.5 m; some points are centres, some centres coincide."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.uniform(-0.05, 0.05, (draw(st.integers(3, 60)), 3)) + np.array([0, 0, 0.5])
    points[-1] = points[0]
    chosen = rng.integers(0, len(points), draw(st.integers(3, 20)))
    return points.astype(np.float32), points.astype(np.float32)[chosen]


@given(clouds())
@settings(max_examples=40)
def test_three_weights_sum_to_one_and_are_the_inverse_squares(cloud):
    points, centres = cloud
    index, weight = nearest_centres(points, centres)
    assert_allclose(weight.sum(axis=1), 1, rtol=1e-12)
    d2 = np.square(points[:, None].astype(np.float64) - centres.astype(np.float64)).sum(axis=-1)
    inverse = 1 / (np.sort(d2, axis=1)[:, :3] + 1e-8)
    assert_allclose(weight, inverse / inverse.sum(axis=1, keepdims=True), rtol=1e-6)
    assert_allclose(np.take_along_axis(d2, index, axis=1), np.sort(d2, axis=1)[:, :3], atol=1e-15)


def test_factors_are_zero_on_the_background_and_nowhere_else():
    """Zero weight is how a factored store says background."""
    rng = np.random.default_rng(0)
    foreground = rng.random((SIZE, SIZE)) < 0.05
    points = rng.uniform(0, 1, (foreground.sum(), 3)).astype(np.float32)
    index, weight = pixel_weights(points, points[:9], foreground)
    assert_array_equal((weight != 0).any(axis=-1), foreground)
    assert not index[~foreground].any()
    assert_allclose(weight[foreground].astype(np.float64).sum(axis=-1), 1, atol=2e-3)


def test_factors_belong_to_pixels_in_row_order():
    foreground = np.zeros((SIZE, SIZE), dtype=bool)
    foreground[3, 7] = foreground[3, 9] = foreground[200, 1] = True
    centres = np.array([[0, 0, 1], [9, 0, 1], [0, 9, 1]], dtype=np.float32)
    index, weight = pixel_weights(centres, centres, foreground)
    nearest = [index[y, x, weight[y, x].argmax()] for y, x in ((3, 7), (3, 9), (200, 1))]
    assert nearest == [0, 1, 2]


@given(st.integers(4, 300))
@settings(max_examples=25)
def test_pool_matrix_rows_sum_to_one_over_at_most_four_pixels(size):
    matrix = pool_matrix(size)
    assert_allclose(matrix.sum(axis=1), 1, rtol=1e-12)
    assert (matrix >= 0).all()
    assert ((matrix > 0).sum(axis=1) <= 4).all()


@pytest.mark.parametrize("size", [8, 31, 224])
def test_pool_map_equals_the_two_poolings_of_the_published_code(size):
    torch.manual_seed(0)
    dense = torch.randn(size, size, 2, dtype=torch.float64)
    image = F.avg_pool2d(dense.permute(2, 0, 1)[None], 3, stride=1)
    expected = F.adaptive_avg_pool2d(image, size)[0].permute(1, 2, 0)
    torch.testing.assert_close(pool_map(dense), expected, rtol=1e-12, atol=1e-12)


def test_pool_taps_rebuild_the_matrix():
    first, taps = pool_taps()
    matrix = np.zeros((SIZE, SIZE))
    np.put_along_axis(matrix, first[:, None] + np.arange(4), taps, axis=1)
    assert_array_equal(matrix, pool_matrix())


def test_bilinear_taps_rebuild_the_rgb_map():
    torch.manual_seed(0)
    features = torch.randn(PATCHES, PATCHES, 3, dtype=torch.float64)
    lower, upper = bilinear_taps()
    axis = torch.zeros(SIZE, PATCHES, dtype=torch.float64)
    axis[torch.arange(SIZE), lower] = torch.from_numpy(1 - upper)
    axis[torch.arange(SIZE), lower + 1] += torch.from_numpy(upper)
    rebuilt = torch.einsum("yi,xj,ijc->yxc", axis, axis, features)
    torch.testing.assert_close(rgb_map(features), rebuilt, rtol=1e-12, atol=1e-12)


def test_a_known_patch_keeps_its_value_and_lends_it_one_patch_outward():
    features = np.zeros((PATCHES, PATCHES, 2), np.float32)
    known = np.zeros((PATCHES, PATCHES), bool)
    known[10, 10], known[10, 12] = True, True
    features[10, 10], features[10, 12] = 1, 3
    filled = fill_background_patches(features, known)
    assert_array_equal(filled[10, 9:15, 0], [1, 1, 2, 3, 3, 0])  # 11 is beside both
    assert_array_equal(filled[9, 9:14, 0], [1, 1, 2, 3, 3])
    assert not filled[:9].any()


def test_patches_on_the_image_border_do_not_wrap_around():
    features = np.zeros((PATCHES, PATCHES, 1), np.float32)
    known = np.zeros((PATCHES, PATCHES), bool)
    known[0, 0], features[0, 0] = True, 5
    filled = fill_background_patches(features, known)
    assert (filled != 0).sum() == 4


def test_nothing_is_filled_where_all_is_known():
    features = np.random.default_rng(0).normal(size=(PATCHES, PATCHES, 3)).astype(np.float32)
    filled = fill_background_patches(features, np.ones((PATCHES, PATCHES), bool))
    assert_array_equal(filled, features)
