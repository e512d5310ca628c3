"""Box means against the published code's (golden 06).

Stops: the rounding noise that a running sum leaves where every box is empty, which moves the mean
of the non-zero pixels.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from mentor3ad.voting.smoothing import box_means

SIDES = (5, 5, 5, 5, 5, 7, 7, 7)
REACH = 19  # pixels that the five 5s and three 7s spread to each side


def test_blurred_map_is_the_reference(golden):
    arrays = golden("06_cfm_map/case_b.npz")
    assert_allclose(box_means(arrays["product"], SIDES), arrays["blurred"], rtol=0, atol=2e-6)


def test_support_is_exactly_the_dilation_of_what_is_not_zero(golden):
    product = golden("06_cfm_map/case_b.npz")["product"]
    square = np.ones((2 * REACH + 1, 2 * REACH + 1), bool)
    expected = ndimage.binary_dilation(product != 0, square)
    assert_array_equal(box_means(product, SIDES) != 0, expected)


@st.composite
def maps(draw):
    """Two sparse maps whose values span ten orders of magnitude."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = 10.0 ** rng.uniform(-8, 2, (2, 30, 41))
    return values * (rng.random(values.shape) < draw(st.sampled_from([0.01, 0.2, 1.0])))


sides = st.lists(st.sampled_from([1, 3, 5, 7]), max_size=4)


def one_box_after_the_other(values, sides):
    """The plain form: a pass along each axis a box."""
    result = values.astype(np.float64)
    for side in sides:
        for axis in (-2, -1):
            result = ndimage.correlate1d(
                result, np.full(side, 1 / side), axis=axis, mode="constant"
            )
    return result


@given(maps(), st.lists(st.sampled_from([1, 3, 5, 7]), max_size=8))
@settings(max_examples=30)
def test_the_operator_equals_the_passes_that_it_stands_for(values, sides):
    expected = one_box_after_the_other(values, sides)
    found = box_means(values, sides)
    assert_allclose(found, expected, rtol=1e-12, atol=1e-16 * values.max())
    assert_array_equal(found != 0, expected != 0)


def test_a_real_size_map_equals_the_passes():
    values = np.random.default_rng(0).random((3, 224, 224)) ** 8
    values[:, :60] = 0
    assert_allclose(box_means(values, SIDES), one_box_after_the_other(values, SIDES), rtol=1e-12)


def test_bits_do_not_depend_on_the_threads_of_blas():
    code = (
        "import hashlib, numpy as np; from mentor3ad.voting.smoothing import box_means;"
        "maps = np.random.default_rng(0).random((2, 224, 224));"
        f"print(hashlib.sha256(box_means(maps, {SIDES}).tobytes()).hexdigest())"
    )
    names = "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | dict.fromkeys(names, threads),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "3")
    }
    assert len(hashes) == 1


@given(maps(), sides)
@settings(max_examples=30)
def test_repeated_boxes_equal_padded_average_pooling(values, sides):
    expected = torch.from_numpy(values)
    for side in sides:
        expected = F.avg_pool2d(expected[None], side, 1, side // 2)[0]
    atol = 1e-13 * values.max()
    assert_allclose(box_means(values, sides), expected, rtol=1e-9, atol=atol)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_scores_that_are_not_negative_stay_so(seed):
    """A bright pixel leaves -1e-15 of a running sum beside dim ones; the anomaly map must not."""
    values = np.zeros((60, 60))
    values[30, [10, 14, 30]] = np.random.default_rng(seed).random(3) * [100, 1e-8, 1e-10]
    assert (box_means(values, SIDES) >= 0).all()


@given(maps(), sides)
@settings(max_examples=20)
def test_maps_are_smoothed_each_for_itself(values, sides):
    assert_array_equal(box_means(values, sides)[1], box_means(values[1], sides))


def test_mass_away_from_borders_is_kept():
    values = np.zeros((70, 80))
    values[REACH : 70 - REACH, REACH : 80 - REACH] = np.random.default_rng(0).random((32, 42))
    assert_allclose(box_means(values, SIDES).sum(), values.sum(), rtol=1e-12)


@pytest.mark.parametrize("factor", [2.0**-20, 8.0])
def test_scaling_commutes_with_smoothing(factor):
    values = np.random.default_rng(0).random((60, 60))
    assert_array_equal(box_means(values * factor, SIDES), box_means(values, SIDES) * factor)


def test_no_boxes_is_the_map_itself():
    values = np.random.default_rng(0).random((3, 9, 9)).astype(np.float32)
    assert_array_equal(box_means(values, ()), values)
