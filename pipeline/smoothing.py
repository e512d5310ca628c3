"""f of eq. 7: repeated box means with zero padding, as the published CFM code blurs its maps."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d


def box_means(maps: np.ndarray, sides: Sequence[int]) -> np.ndarray:
    """Box means of odd sides, one after the other, over the last two axes.

    Args:
        maps: (..., H, W), zero outside the image; sides: pixels, such as five 5s and three 7s.

    Returns:
        float64 of the same shape. Pixels out of reach of every non-zero one are exactly zero, as
        with a convolution: a running sum leaves rounding noise there.
    """
    result = maps.astype(np.float64)
    reach = maps != 0
    for side in sides:
        for axis in (-2, -1):
            result = uniform_filter1d(result, side, axis=axis, mode="constant")
    support = 2 * sum(side // 2 for side in sides) + 1
    for axis in (-2, -1):
        reach = uniform_filter1d(reach.astype(np.float32), support, axis=axis, mode="constant") > 0
    return np.where(reach, result, 0.0)
