"""f of eq. 7: repeated box means with zero padding, as the published CFM code blurs its maps."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import correlate1d


def box_means(maps: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """Box means of odd sides, one after the other, over the last two axes.

    Args:
        maps: (..., H, W), zero outside the image; sides: pixels, such as five 5s and three 7s.

    Returns:
        float64 of the same shape. Pixels out of reach of every non-zero one are exactly zero, and
        none is negative where the input is not: a running sum would leave rounding noise there.
    """
    result = maps.astype(np.float64)
    for side in sides:
        for axis in (-2, -1):
            result = correlate1d(result, np.full(side, 1 / side), axis=axis, mode="constant")
    return result
