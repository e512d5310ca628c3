"""AUPRO against the official procedure's numbers and against its definition by brute force."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage

from mentor3ad.evaluation.aupro import (
    aupro,
    aupro_99,
    label_regions,
    pro_curve,
    sampled_pro_curve,
)
from mentor3ad.evaluation.curve import Curve
from mentor3ad.evaluation.pixels import rank_pixels
from mentor3ad.evaluation.ranking import rank
from mentor3ad.plumbing.errors import DataError
from tests.evaluated import aupro_all_thresholds
from tests.paths import ROOT

GOLDEN = ROOT / "tests/golden" / "07_aupro"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())
LIMITS = (0.3, 0.1, 0.05, 0.01)
METHODS = {
    "aupro_99": aupro_99,
    "aupro_100": lambda pixels, limits: aupro(sampled_pro_curve(pixels, 100), limits),
    "aupro_all_thresholds": aupro_all_thresholds,
    "aupro_distinct_thresholds_exact": lambda pixels, limits: aupro(pro_curve(pixels), limits),
}


@pytest.fixture(scope="module", params=sorted(EXPECTED))
def golden(request):
    with np.load(GOLDEN / f"{request.param}.npz") as stored:
        gt, score = stored["gt"], stored["score"]
    return EXPECTED[request.param], gt, score, rank_pixels(score, gt)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_aupro_equals_the_reference_at_every_limit(golden, method):
    expected, _, _, pixels = golden
    wanted = [expected[method][str(limit)] for limit in LIMITS]
    assert_allclose(METHODS[method](pixels, LIMITS), wanted, rtol=0, atol=1e-9)


def test_curve_of_99_thresholds_equals_the_reference_point_by_point(golden):
    expected, _, _, pixels = golden
    fpr, pro = sampled_pro_curve(pixels, 99).corners()
    assert_allclose(fpr, expected["curve99_fpr"], rtol=0, atol=1e-9)
    assert_allclose(pro, expected["curve99_pro"], rtol=0, atol=1e-9)


def test_auroc_equals_the_reference(golden):
    expected, gt, score, pixels = golden
    assert_allclose(pixels.roc.auroc(), expected["pixel_auroc"], rtol=0, atol=1e-9)
    image = rank(gt.any(axis=(1, 2)), score.max(axis=(1, 2))).auroc()
    assert_allclose(image, expected["image_auroc_max"], rtol=0, atol=1e-9)


def test_counts_equal_the_reference(golden):
    expected, gt, score, pixels = golden
    assert pixels.n_regions == expected["n_components"]
    assert pixels.roc.n_negative == expected["n_ok_pixels"]
    assert [label_regions(mask[None])[1] for mask in gt != 0] == expected["components_per_map"]
    assert len(np.unique(score)) == expected["n_distinct_scores"]


def brute_force(maps, masks, limit):
    """AUPRO from its definition: a loop over thresholds, scans and regions, ties merged."""
    thresholds = [np.inf, *np.unique(maps)[::-1]]
    fpr = np.array([np.mean(maps[~masks] >= t) for t in thresholds])
    pro = []
    for t in thresholds:
        overlaps = []
        for scan, mask in zip(maps, masks, strict=True):
            labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
            overlaps += [np.mean(scan[labels == r + 1] >= t) for r in range(count)]
        pro.append(np.mean(overlaps))
    end = np.interp(limit, fpr, pro)  # at a vertical step np.interp takes the upper end
    inside = fpr <= limit
    return np.trapezoid([*np.array(pro)[inside], end], [*fpr[inside], limit]) / limit


@st.composite
def tiny_sets(draw, levels=5):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 3)), 5, 6)
    masks = rng.random(shape) < draw(st.sampled_from([0.1, 0.3, 0.6]))
    masks[0, 0, 0], masks[0, 4, 5] = True, False
    return rng.integers(0, levels, shape).astype(np.float32) / 4, masks


@given(tiny_sets(), st.sampled_from([0.01, 0.1, 0.3, 1.0]))
@settings(max_examples=60, deadline=None)
def test_exact_aupro_equals_its_definition(tiny, limit):
    maps, masks = tiny
    value = aupro(pro_curve(rank_pixels(maps, masks)), [limit])[0]
    assert_allclose(value, brute_force(maps, masks, limit), atol=1e-12)


@given(tiny_sets(levels=50))
@settings(max_examples=30, deadline=None)
def test_aupro_does_not_change_under_a_monotone_transform(tiny):
    maps, masks = tiny
    one = aupro(pro_curve(rank_pixels(maps, masks)), LIMITS)
    assert aupro(pro_curve(rank_pixels(2.0 * maps**3 - 7.0, masks)), LIMITS) == one


@given(tiny_sets())
@settings(max_examples=30, deadline=None)
def test_aupro_does_not_depend_on_the_order_of_scans(tiny):
    maps, masks = tiny
    one = aupro(pro_curve(rank_pixels(maps, masks)), LIMITS)
    turned = aupro(pro_curve(rank_pixels(maps[::-1], masks[::-1])), LIMITS)
    assert_allclose(turned, one, rtol=0, atol=1e-12)


def test_a_perfect_map_gives_one():
    masks = np.zeros((2, 8, 8), dtype=bool)
    masks[1, 2:4, 2:5] = True
    assert aupro(pro_curve(rank_pixels(masks.astype(np.float32), masks)), LIMITS) == (1.0,) * 4


def test_a_constant_map_gives_half_the_limit():
    masks = np.zeros((1, 8, 8), dtype=bool)
    masks[0, 0, 0] = True
    pixels = rank_pixels(np.ones((1, 8, 8), dtype=np.float32), masks)
    assert_allclose(aupro(pro_curve(pixels), (0.3, 1.0)), (0.15, 0.5))


def test_regions_join_over_a_diagonal_but_not_over_scans():
    masks = np.zeros((2, 4, 4), dtype=bool)
    masks[0, 0, 0] = masks[0, 1, 1] = masks[1, 1, 1] = True
    labels, count = label_regions(masks)
    assert (count, labels[0, 0, 0] == labels[0, 1, 1]) == (2, True)


def test_large_and_small_regions_count_alike():
    masks = np.zeros((1, 4, 40), dtype=bool)
    masks[0, :, :10] = masks[0, 0, 20] = True
    maps = np.zeros(masks.shape, dtype=np.float32)
    maps[0, :, :10] = 1.0
    _, pro = pro_curve(rank_pixels(maps, masks)).up_to(0.5).corners()
    assert_allclose(pro[2], 0.5)


def test_up_to_interpolates_at_the_limit():
    curve = Curve.of(np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.4, 1.0])).up_to(0.4)
    assert_allclose([one[-1] for one in curve.corners()], (0.4, 0.55))


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.5])
def test_a_limit_outside_its_range_is_refused(limit):
    with pytest.raises(ValueError, match="in \\(0, 1\\]"):
        Curve.of(np.array([0.0, 1.0]), np.array([0.0, 1.0])).up_to(limit)


def test_masks_of_another_shape_are_named():
    with pytest.raises(DataError, match="are not both"):
        rank_pixels(np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 5), bool))
