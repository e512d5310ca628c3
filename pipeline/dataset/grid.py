"""The pixels and patches that every scan is brought to."""

import numpy as np
from numpy.typing import NDArray

SIZE = 224  # pixels, input side of both backbones
PATCH = 8  # pixels, side of a patch of the RGB backbone
PATCHES = SIZE // PATCH  # patches along a side, 28


def border_band(pixels: NDArray[np.generic], width: int) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels of (H, W, ...) that lie within `width` pixels of the edge."""
    band = np.ones(pixels.shape[:2], dtype=bool)
    band[width:-width, width:-width] = False
    return band
