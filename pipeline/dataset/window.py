"""The square of a raw scan that the grid of 224 x 224 pixels covers, and the way back from it.

Without a crop the square is the whole scan, padded where the scan is not square; with one it is the
part's own square. It is counted in pixels of the raw scan and may reach past the scan's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .grid import SIZE


@dataclass(frozen=True)
class Window:
    """A square in a raw scan.

    Attributes:
        top, left: row and column of its first pixel in the raw scan; negative in the padding.
        side: pixels of the raw scan along a side, >= 1.
    """

    top: int
    left: int
    side: int

    @classmethod
    def whole(cls, height: int, width: int) -> Window:
        """The square that a whole scan of H x W pixels is padded to, centred.

        The odd pixel of padding goes right or below.
        """
        side = max(height, width)
        return cls(-((side - height) // 2), -((side - width) // 2), side)

    @classmethod
    def around(cls, mask: NDArray[np.bool_], margin: float) -> Window:
        """The square around the True pixels of (H, W), inside the whole scan's square.

        Args:
            mask: (H, W) bool with at least one True pixel.
            margin: what is added on each side, as a share of the longer side of the pixels' box.
        """
        whole = cls.whole(*mask.shape)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        extents = [int(found[-1] - found[0]) + 1 for found in (rows, columns)]
        side = min(round(max(extents) * (1 + 2 * margin)), whole.side)
        first = [int(found[0] + found[-1] + 1 - side) // 2 for found in (rows, columns)]
        ends = [start + whole.side - side for start in (whole.top, whole.left)]
        top = min(max(first[0], whole.top), ends[0])
        left = min(max(first[1], whole.left), ends[1])
        return cls(top, left, side)

    @property
    def scale(self) -> float:
        """Pixels of the raw scan in one pixel of the grid, along a side."""
        return self.side / SIZE


def carry(
    image: NDArray[np.floating], window: Window, target: Window, size: int = SIZE
) -> NDArray[np.float32]:
    """Bring a map of one window's grid to the grid of another: area means, 0 outside the window.

    Args:
        image: (h, w) float, such as an anomaly map of 224 x 224.
        window: which `image` covers.
        target: which the result covers.
        size: pixels along a side of the result.

    Returns:
        (size, size) float32. A pixel that the window covers in part counts its rest as 0.
    """
    rows = _overlaps(image.shape[0], window.top, window.side, size, target.top, target.side)
    columns = _overlaps(image.shape[1], window.left, window.side, size, target.left, target.side)
    return np.asarray(rows @ image.astype(np.float64) @ columns.T, dtype=np.float32)


def _overlaps(
    pixels: int, start: int, side: int, targets: int, target_start: int, target_side: int
) -> NDArray[np.float64]:
    """(targets, pixels): which share of each target pixel's length each pixel covers."""
    edges = start + np.arange(pixels + 1) * (side / pixels)
    wanted = target_start + np.arange(targets + 1) * (target_side / targets)
    first = np.maximum(edges[None, :-1], wanted[:-1, None])
    last = np.minimum(edges[None, 1:], wanted[1:, None])
    return np.maximum(last - first, 0) * (targets / target_side)
