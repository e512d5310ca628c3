"""A scan that is given as arrays; they are held to what the readers promise of files."""

import numpy as np
from numpy.typing import NDArray

from ..dataset.scan import RawScan
from ..plumbing.errors import DataError
from ..readers.formats.checks import MAX_COORDINATE_M, MAX_POINTS, MAX_SIDE
from ..readers.layouts import find_layout


def raw_scan(rgb: NDArray[np.uint8], points: NDArray[np.float32], layout: str) -> RawScan:
    """Return what the layout's reader would make of files with this content.

    Args:
        rgb: (H, W, 3) uint8.
        points: (H, W, 3) float32 point map: metres, camera frame, (0, 0, 0) is no return.

    Raises:
        DataError: another shape or dtype, or a coordinate that cannot be in metres.
    """
    _check(rgb, np.dtype(np.uint8), "image")
    _check(points, np.dtype(np.float32), "point map")
    if rgb.shape != points.shape:
        raise DataError(
            f"the point map is {points.shape[0]} x {points.shape[1]} pixels but the image "
            f"{rgb.shape[0]} x {rgb.shape[1]}: they must be registered pixel by pixel."
        )
    if not np.isfinite(points).all() or np.abs(points).max() > MAX_COORDINATE_M:
        raise DataError(
            f"the point map has NaN, Inf or coordinates above {MAX_COORDINATE_M:g} m: write no "
            "return as (0, 0, 0), and lengths in metres."
        )
    return RawScan(rgb, points, None, find_layout(layout).is_part_only(rgb, points))


def _check(array: NDArray[np.generic], dtype: np.dtype[np.generic], what: str) -> None:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != dtype:
        raise DataError(
            f"the {what} is {array.dtype} of shape {array.shape}: give {dtype} of (H, W, 3)."
        )
    if not all(1 <= side <= MAX_SIDE for side in array.shape[:2]):
        raise DataError(f"the {what} has shape {array.shape}: sides are 1 to {MAX_SIDE} pixels.")
    if array.shape[0] * array.shape[1] > MAX_POINTS:
        raise DataError(
            f"the {what} has shape {array.shape}, over {MAX_POINTS} pixels: give every second row "
            "and column."
        )
