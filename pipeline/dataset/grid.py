"""The pixels and patches that every scan is brought to."""

import numpy as np
from numpy.typing import NDArray

SIZE = 224  # pixels, input side of both backbones
PATCH = 8  # pixels, side of a patch of the RGB backbone
PATCHES = SIZE // PATCH  # patches along a side, 28


def nearest_indices(size: int, out: int) -> NDArray[np.int64]:
    """(out,) source index of each output pixel along an axis of `size`: floor(j * size / out)."""
    return np.arange(out) * size // out


def has_return(points: NDArray[np.number]) -> NDArray[np.bool_]:
    """(...) bool of (..., 3) points: False where all three coordinates are 0.

    This is `points.any(axis=-1)`, several times as fast: numpy is slow over an axis of three.
    """
    x, y, z = (points[..., axis] != 0 for axis in range(3))
    return np.asarray(x | y | z)


def is_part(points: NDArray[np.number]) -> NDArray[np.bool_]:
    """(...) bool of (..., 3) points without their background: True where no coordinate is 0.

    This is the published rule, and `points.all(axis=-1)` several times as fast.
    """
    x, y, z = (points[..., axis] != 0 for axis in range(3))
    return np.asarray(x & y & z)


def border_band(pixels: NDArray[np.generic], width: int) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels of (H, W, ...) that lie within `width` pixels of the edge."""
    band = np.ones(pixels.shape[:2], dtype=bool)
    band[width:-width, width:-width] = False
    return band


def inside_scan(height: int, width: int) -> NDArray[np.bool_]:
    """(224, 224) bool of a scan of H x W pixels, padded to a square: False in the padding.

    A pixel is inside where its centre is, as a mask is brought to this size: by nearest pixels.
    """
    side = max(height, width)
    places = (2 * np.arange(SIZE) + 1) * side // (2 * SIZE)  # of the square, under each centre
    inside = [
        (places >= (side - length) // 2) & (places < (side - length) // 2 + length)
        for length in (height, width)
    ]
    return np.logical_and.outer(*inside)
