"""Blocks of foreground pixels and the pixel that stands for each."""

import numpy as np
from numpy.testing import assert_array_equal

from mentor3ad.dataset.grid import SIZE
from mentor3ad.features.cells import Cells


def test_each_block_has_the_pixel_nearest_to_its_middle():
    y, x = np.meshgrid(np.arange(8), np.arange(4), indexing="ij")
    foreground = np.sort((y * SIZE + x).ravel())
    cells = Cells.of(foreground, 4)
    assert_array_equal(cells.pixel, [1 * SIZE + 1, 5 * SIZE + 1])
    assert_array_equal(cells.cell, foreground // SIZE // 4)


def test_a_block_with_one_pixel_has_that_one():
    foreground = np.array([3 * SIZE + 3, 3 * SIZE + 4, 100 * SIZE + 223])
    cells = Cells.of(foreground, 4)
    assert_array_equal(cells.pixel, foreground)
    assert_array_equal(cells.cell, [0, 1, 2])
