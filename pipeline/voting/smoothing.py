"""f of eq. 7: repeated box means with zero padding, as the published CFM code blurs its maps."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 0.05  # share of the boxes' weight that a mean of known pixels needs
BLOCK = 16  # rows a product: BLAS gives so small a one to a single thread


def box_means(maps: np.ndarray, sides: Sequence[int]) -> Floats:
    """Box means of odd sides, one after the other, over the last two axes.

    All boxes along an axis are one linear operator, a band matrix: eight passes become one.

    Args:
        maps: (..., H, W), zero outside the image; sides: pixels, such as five 5s and three 7s.

    Returns:
        float64 of the same shape. Pixels out of reach of every non-zero one are exactly zero, and
        none is negative where the input is not: a running sum would leave rounding noise there.
    """
    height, width = maps.shape[-2:]
    rows, columns = _boxes(height, tuple(sides)), _boxes(width, tuple(sides))
    reach = sum(side // 2 for side in sides)
    result = np.empty((maps.size // max(height * width, 1), height, width))
    across = np.empty((height, width))
    for one, smooth in zip(maps.reshape(result.shape), result, strict=True):
        _band_product(columns, one.astype(np.float64).T, reach, across.T)
        _band_product(rows, across, reach, smooth)
    return result.reshape(maps.shape)


def filled_means(
    maps: np.ndarray, known: NDArray[np.bool_], sides: Sequence[int], reach: float
) -> Floats:
    """Box means of the known pixels alone, on and around them.

    Plain box means take the background for zeros, so that a map fades towards the part's outline
    and around pixels without a return, where a cut or a bend is. Here a pixel within `reach` of a
    known one takes the nearest one's value, and the mean is over known and such pixels.

    Args:
        maps: (K, H, W), of which only known pixels count; known: (H, W).
        sides: of the boxes, pixels, odd.
        reach: pixels.

    Returns:
        (K, H, W) float64; zero where less than `LEAST` of the boxes' weight lies on known or filled
        pixels.
    """
    from scipy import ndimage  # takes half a second, which the other rules need not wait

    if not known.any():
        return np.zeros(maps.shape)
    distance, nearest = ndimage.distance_transform_edt(~known, return_indices=True)
    filled = distance <= reach
    values = maps[:, nearest[0], nearest[1]] * filled
    *totals, weight = box_means(np.concatenate([values, filled[None]]), sides)
    return np.where(weight >= LEAST, np.stack(totals) / np.maximum(weight, LEAST), 0.0)


def _band_product(matrix: Floats, values: Floats, reach: int, out: Floats) -> None:
    """`matrix` (N, N), zero further than `reach` from its diagonal, times values (N, M).

    By blocks of rows, each with the columns in its reach: a third of the whole product's work.
    """
    size = len(matrix)
    for start in range(0, size, BLOCK):
        rows = slice(start, min(start + BLOCK, size))
        near = slice(max(start - reach, 0), min(start + BLOCK + reach, size))
        np.matmul(matrix[rows, near], values[near], out=out[rows])


@cache
def _boxes(size: int, sides: tuple[int, ...]) -> Floats:
    """One matrix (size, size) of all boxes along an axis; what leaves the border is lost."""
    position = np.arange(size)
    distance = np.abs(position[:, None] - position)
    result = np.eye(size)
    for side in sides:
        box, inner, result = (distance <= side // 2) / side, result, np.empty_like(result)
        _band_product(box, inner, side // 2, result)
    return result
