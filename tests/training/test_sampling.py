"""Which pixels a training step sees. Stops: false negatives, background pixels, forgotten scans."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mentor3ad.features.pixels import patch_of
from mentor3ad.training.sampling import generator, patch_pixels, random_pixels, scan_batches

SIZE = 224


@st.composite
def foregrounds(draw):
    """Up to four scans of few to many pixels, each in a corner of its own size."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scans = []
    for _ in range(draw(st.integers(1, 4))):
        mask = np.zeros((SIZE, SIZE), bool)
        side = rng.integers(1, 60)
        mask[-side:, :side] = rng.random((side, side)) < rng.uniform(0.02, 1)
        mask[-1, 0] = True
        scans.append(np.flatnonzero(mask))
    return scans


counts = st.integers(1, 9)


@given(foregrounds(), counts, counts, st.integers(0, 99))
@settings(max_examples=30)
def test_no_two_pixels_share_a_patch_of_a_scan(foreground, scans, pixels, seed):
    """Neighbours of one patch share its token and would be negatives of each other."""
    rng = np.random.default_rng(seed)
    for batch in patch_pixels(foreground, scans, pixels, 5, rng):
        taken = list(zip(batch.scan, patch_of(batch.pixel), strict=True))
        assert len(set(taken)) == len(taken)
        assert np.bincount(batch.scan).max() <= pixels


@pytest.mark.parametrize("draw", [patch_pixels, random_pixels])
@given(foregrounds(), counts, counts, st.integers(0, 99))
@settings(max_examples=30)
def test_every_pixel_is_in_the_foreground_of_its_scan(draw, foreground, scans, pixels, seed):
    for batch in draw(foreground, scans, pixels, 4, np.random.default_rng(seed)):
        for scan in np.unique(batch.scan):
            assert np.isin(batch.pixel[batch.scan == scan], foreground[scan]).all()


@given(foregrounds(), counts, counts)
@settings(max_examples=20)
def test_random_pixels_are_as_many_as_asked_for(foreground, scans, pixels):
    batches = list(random_pixels(foreground, scans, pixels, 3, np.random.default_rng(0)))
    assert [len(b.pixel) for b in batches] == [scans * pixels] * 3
    assert [len(b.scan) for b in batches] == [scans * pixels] * 3


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 40), st.integers(0, 99))
@settings(max_examples=50)
def test_every_scan_is_visited_once_an_epoch(scans, per_batch, steps, seed):
    batches = list(scan_batches(scans, per_batch, steps, np.random.default_rng(seed)))
    assert [len(b) for b in batches] == [per_batch] * steps
    visited = np.concatenate(batches)
    for start in range(0, len(visited) - scans + 1, scans):
        assert_array_equal(np.sort(visited[start : start + scans]), np.arange(scans))


@pytest.mark.parametrize("draw", [patch_pixels, random_pixels])
def test_every_foreground_pixel_can_be_drawn(draw):
    """The first and the last included."""
    foreground = [np.arange(100, 120), np.array([7, 50000])]
    seen = [set(), set()]
    for batch in draw(foreground, 2, 16, 200, np.random.default_rng(0)):
        for scan, pixel in zip(batch.scan, batch.pixel, strict=True):
            seen[scan].add(int(pixel))
    assert seen == [set(f.tolist()) for f in foreground]


@pytest.mark.parametrize("draw", [patch_pixels, random_pixels])
def test_the_same_seed_draws_the_same_pixels(draw):
    foreground = [np.arange(5000), np.arange(9000, 12000)]
    one, two = (list(draw(foreground, 2, 8, 5, generator(0, "mfm", "bagel"))) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert_array_equal(a.scan, b.scan)
        assert_array_equal(a.pixel, b.pixel)


def test_generators_of_other_seeds_modules_and_categories_differ():
    names = [(0, "mfm", "a"), (1, "mfm", "a"), (0, "mgm", "a"), (0, "mfm", "b")]
    assert len({generator(*name).integers(2**62) for name in names}) == 4


def test_patch_of_counts_8_by_8_patches_in_row_order():
    pixel = np.array([0, 7, 8, 7 * SIZE + 7, 8 * SIZE, SIZE * SIZE - 1])
    assert patch_of(pixel).tolist() == [0, 0, 1, 0, 28, 783]


def test_patches_of_a_grid_that_does_not_divide_the_picture_hold_pixels_by_their_centres():
    """The centre of pixel x lies at (x + 0.5) * 50 / 224 cells; 224 - 4 = 220 is in the 50th."""
    pixel = np.array([0, 3, 4, 8, 223, 224 * 4, 224 * 223 + 220])
    assert patch_of(pixel, side=50).tolist() == [0, 0, 1, 1, 49, 50, 50 * 49 + 49]


def test_pixels_of_a_finer_grid_share_no_cell_of_it():
    foreground = [np.arange(224 * 224)]
    (batch,) = patch_pixels(foreground, 1, 10**4, 1, np.random.default_rng(0), side=50)
    assert len(np.unique(patch_of(batch.pixel, 50))) == len(batch.pixel) == 2500
