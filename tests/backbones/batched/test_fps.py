"""Batched FPS against the one scan at a time of `backbones/fps.py`, index by index."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mentor3ad.backbones.batched.fps import are_furthest, furthest_points
from mentor3ad.backbones.fps import furthest_point_sampling
from tests.backbones.test_fps import CASES
from tests.batches import DEVICES, padded

SOME = 128  # centres; the CPU takes seconds for a thousand in a large cloud


def chosen(scans: list[np.ndarray], groups: int, device: str) -> np.ndarray:
    return furthest_points(*padded(scans, device), groups).cpu().numpy()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_every_index_is_the_kernels(golden, case, device):
    arrays = golden("01_fps/fps.npz")
    expected = arrays[f"{case}_idx"][: SOME if device == "cpu" else None]
    assert_array_equal(chosen([arrays[f"{case}_points"]], len(expected), device)[0], expected)


@pytest.mark.parametrize("device", DEVICES)
def test_all_golden_clouds_in_one_batch_are_as_alone(golden, device):
    """Of 1 to 20,000 points: each has its own skip ball, lanes and number of points."""
    arrays = golden("01_fps/fps.npz")
    scans = [arrays[f"{case}_points"] for case in CASES]
    expected = [furthest_point_sampling(points, 64) for points in scans]
    assert_array_equal(chosen(scans, 64, device), expected)


@st.composite
def lattices(draw):
    """Points of a small lattice, many of them coincident, tied or in the skip ball."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shift = np.array([0, 0, draw(st.sampled_from([0, 10]))])
    points = rng.integers(0, draw(st.integers(2, 7)), (draw(st.integers(1, 700)), 3)) + shift
    return points.astype(np.float32)


@given(st.lists(lattices(), min_size=1, max_size=4), st.integers(1, 24))
@settings(max_examples=40)
def test_a_batch_equals_its_scans_one_by_one(scans, groups):
    expected = [furthest_point_sampling(points, groups) for points in scans]
    assert_array_equal(chosen(scans, groups, "cpu"), expected)


def test_what_pads_a_scan_does_not_matter():
    rng = np.random.default_rng(0)
    scans = [rng.normal(size=(n, 3)).astype(np.float32) for n in (600, 90)]
    points, counts = padded(scans, "cpu")
    points[1, 90:] = 1e6
    expected = [furthest_point_sampling(scan, 40) for scan in scans]
    assert_array_equal(furthest_points(points, counts, 40), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 31, 511, 512, 513, 1500])
def test_ties_are_decided_as_of_a_scan_alone(count):
    """Points of a lattice of 27: each step has many that are equally far, on all the lanes."""
    points = np.random.default_rng(count).integers(1, 4, (count, 3)).astype(np.float32)
    other = np.ones((1600, 3), np.float32)  # a larger scan in the batch, so that this one is padded
    assert_array_equal(chosen([points, other], 24, "cpu")[0], furthest_point_sampling(points, 24))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_right_centres_are_found_right_and_wrong_ones_wrong(golden, chunk, device):
    arrays = golden("01_fps/fps.npz")
    cases = ("metric_0", "ties", "unit", "allskipped")
    scans = [arrays[f"{case}_points"][:1200] for case in cases]
    points, counts = padded(scans, device)
    centres = furthest_points(points, counts, 50)
    assert are_furthest(points, counts, centres, chunk).all()
    for k in (0, 1, 20, 49):
        wrong = centres.clone()
        wrong[2, k] = (wrong[2, k] + 1) % counts[2]
        right = are_furthest(points, counts, wrong, chunk).tolist()
        assert right == [True, True, False, True]


def test_a_tie_taken_the_other_way_is_wrong():
    points = torch.tensor([[[0, 0, 1.0], [1, 0, 1], [-1, 0, 1], [0, 0, 1]]])
    counts = torch.tensor([4])
    right = furthest_points(points, counts, 2)
    other = torch.tensor([[0, 3 - int(right[0, 1])]])
    assert are_furthest(points, counts, right, 8).all()
    assert not are_furthest(points, counts, other, 8).any()
