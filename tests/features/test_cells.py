"""Cells: one foreground pixel for each block, and the way back."""

import numpy as np

from mentor3ad.features.cells import Cells


def test_the_pixel_nearest_to_the_middle_stands_for_its_block() -> None:
    block = np.array([0, 1, 2, 224, 225, 226, 448, 449, 450])  # the first block of 3 x 3
    assert Cells.of(block, 3).pixel.tolist() == [225]
    assert Cells.of(np.array([0, 2, 448]), 3).pixel.tolist() == [0]  # of equals, the first


def test_every_pixel_finds_the_cell_of_its_own_block() -> None:
    rng = np.random.default_rng(0)
    foreground = np.sort(rng.choice(224 * 224, 3000, replace=False))
    cells = Cells.of(foreground, 5)

    def block(pixel: np.ndarray) -> np.ndarray:
        return np.stack([pixel // 224 // 5, pixel % 224 // 5])

    np.testing.assert_array_equal(block(cells.pixel[cells.cell]), block(foreground))
    assert len(np.unique(block(foreground), axis=1).T) == len(cells.pixel)
    assert set(cells.pixel) <= set(foreground)


def test_cells_of_one_pixel_are_the_pixels() -> None:
    foreground = np.array([3, 10, 5000])
    cells = Cells.of(foreground, 1)
    assert cells.pixel[cells.cell].tolist() == foreground.tolist()
