"""What is found in a scan must be a part: an area of pixels, of a size that a sensor can see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dataset.grid import SIZE
from ..plumbing.errors import UnlikeTrainingError

# A structured-light sensor sees parts of a few millimetres to a few metres. Denormal coordinates of
# 1e-40 m, or kilometres, are no part of any, whatever the networks would say of their shape.
LEAST_PART_M, LARGEST_PART_M = 0.0005, 20.0
# Standard deviation, in pixels of 224 x 224, across the part's narrow side: 0.58 where it is two
# pixels wide, 0.87 where it is three.
LEAST_WIDTH = 0.8


def check_part(foreground: NDArray[np.bool_], points: NDArray[np.float32], name: str) -> None:
    """Refuse what cannot be a part.

    Args:
        foreground: (224, 224), at least one pixel.
        points: (224, 224, 3) metres.
        name: stands in messages.

    Raises:
        UnlikeTrainingError: the foreground is a line, or its points lie within less than
            `LEAST_PART_M` or farther apart than `LARGEST_PART_M`.
    """
    if _width(foreground) < LEAST_WIDTH:
        raise UnlikeTrainingError(
            f"{name} shows only a line of pixels at {SIZE} x {SIZE}, which is no part: scan it "
            "again, with its whole face."
        )
    part = points[foreground].astype(np.float64)
    size = float(np.linalg.norm(np.ptp(part, axis=0)))
    if not LEAST_PART_M <= size <= LARGEST_PART_M:
        raise UnlikeTrainingError(
            f"{name} shows a part of {size:.3g} m, but a sensor sees parts of {LEAST_PART_M} m to "
            f"{LARGEST_PART_M:g} m: check that its coordinates are in the unit of data.units."
        )


def _width(foreground: NDArray[np.bool_]) -> float:
    """The standard deviation of the pixels' places across their narrow side."""
    places = np.argwhere(foreground).astype(np.float64)
    places -= places.mean(axis=0)
    spread = np.einsum("ni,nj->ij", places, places) / len(places)
    return float(np.sqrt(max(np.linalg.eigvalsh(spread)[0], 0.0)))
