"""A coarser grid on the part: methods that keep a memory look at one pixel of each small block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import SIZE


@dataclass(frozen=True)
class Cells:
    """The blocks of a scan that hold foreground, each with the pixel that stands for it.

    Attributes:
        pixel: (C,) int64, y * 224 + x of the foreground pixel nearest to the middle of its block.
        cell: (P,) int64, for each foreground pixel the position of its block in `pixel`.
    """

    pixel: NDArray[np.int64]
    cell: NDArray[np.int64]

    @classmethod
    def of(cls, foreground: NDArray[np.int64], side: int) -> Cells:
        """Cut a scan into blocks of side x side pixels.

        Args:
            foreground: (P,) pixels y * 224 + x, rising.
            side: pixels; the last block of a row may be narrower.
        """
        y, x = foreground // SIZE, foreground % SIZE
        block = (y // side) * (-(-SIZE // side)) + x // side
        middle = (side - 1) / 2
        distance = (y % side - middle) ** 2 + (x % side - middle) ** 2
        order = np.lexsort((distance, block))  # stable: of equals, the first pixel
        _, first, cell = np.unique(block[order], return_index=True, return_inverse=True)
        of_pixel = np.empty(len(foreground), dtype=np.int64)
        of_pixel[order] = cell.reshape(-1)
        return cls(foreground[order[first]], of_pixel)
