"""Finite numbers that stand for no return, as 0, 65535 or -9999 do at many sensors.

Such a number, taken for a length, is a perfect plane where there was nothing. So it is dropped
where the file's own key or `data.invalid` names it. Where neither does, and a depth at the end of
the range repeats exactly in many pixels and could not be measured, the file is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...dataset.grid import has_return
from ...plumbing.errors import NoReturnError

_MIN_SHARE = 0.002  # of the pixels: fewer equal depths are chance
_MIN_PIXELS = 100
_APART = 2.0  # a part stands nearer to its table than the sensor does to either
_SPANS = 3.0  # of all other heights: a fringe sensor's range is hardly more
_OFF_AXIS_M = 1e-9
_REMEDY = {
    "depth": "set data.invalid to {0}, or write no return as 0",
    "height": "set invalid: {0} in heightmap.yaml, or data.invalid to {0}",
}


def without(values: NDArray[Any], invalid: float | None) -> NDArray[Any]:
    """Depths (H, W) or points (..., 3) with zeros where the depth or z is `invalid`.

    The number is compared in the precision of the values.
    """
    if invalid is None:
        return values
    found = _equal(values if values.ndim == 2 else values[..., 2], invalid)
    if not found.any():
        return values
    cleaned = values.copy()
    cleaned[found] = 0
    return cleaned


def _equal(values: NDArray[Any], number: float) -> NDArray[np.bool_]:
    if values.dtype.kind in "iu":
        return np.asarray(values == number)
    with np.errstate(over="ignore"):  # a number that the type does not hold equals none
        return np.asarray(values == values.dtype.type(number))


def off_axes(points: NDArray[np.float32], returned: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Move returns that lie exactly on an axis off it by a nanometre, in place.

    The published rule takes a point with any coordinate of exactly 0 for background. So where a
    camera's centre falls on a pixel, a whole row and column of the part would be lost.

    Args:
        points: (..., 3) metres.
        returned: (...) which of them are returns.
    """
    points[returned[..., None] & (points == 0)] = _OFF_AXIS_M
    return points


def check_depths(path: Path, values: NDArray[Any]) -> None:
    """Refuse a depth image (H, W) or point map (H, W, 3) with an unnamed number for no return.

    That is the farthest or nearest depth where many pixels have it exactly, and no sensor measures
    it: it is not above 0, the last count of an integer type, or twice as far from the sensor as
    everything else, or half as far. A depth of 0 and a point (0, 0, 0) are no return already.

    Raises:
        NoReturnError: there is such a depth; the message has it in the file's own unit.
    """
    returned = values != 0 if values.ndim == 2 else has_return(values)
    depth = values if values.ndim == 2 else values[..., 2]
    _check_ends(path, depth[returned], returned.size, _is_no_depth, "depth")


def check_heights(path: Path, heights: NDArray[Any], invalid: float | None) -> None:
    """The same of heights of any sign, of which `invalid` has a name already.

    No sensor measures a height that is the first or last count of an integer type, or several
    times as far from the others as they lie apart.

    Raises:
        NoReturnError: there is such a height.
    """
    named = heights if invalid is None else heights[~_equal(heights, invalid)]
    _check_ends(path, named.ravel(), heights.size, _is_no_height, "height")


def _check_ends(
    path: Path,
    values: NDArray[Any],
    n_pixels: int,
    is_none: Callable[[float, NDArray[Any]], bool],
    what: Literal["depth", "height"],
) -> None:
    values = values[np.isfinite(values)]
    if not len(values):
        return
    for end in (values.max().item(), values.min().item()):
        same = values == end
        count = int(same.sum())
        if count < max(_MIN_PIXELS, _MIN_SHARE * n_pixels) or not is_none(end, values[~same]):
            continue
        remedy = _REMEDY[what].format(end)
        raise NoReturnError(
            f"{path} has the {what} {end} in {count} of {n_pixels} pixels, exactly, and no other "
            f"near it: it looks like the sensor's number for no return; {remedy}.",
            end,
        )


def _is_no_depth(end: float, others: NDArray[Any]) -> bool:
    if end <= 0 or (others.dtype.kind in "iu" and end == np.iinfo(others.dtype).max):
        return True
    others = others[others > 0]
    return len(others) > 0 and bool(end >= _APART * others.max() or end * _APART <= others.min())


def _is_no_height(end: float, others: NDArray[Any]) -> bool:
    if others.dtype.kind in "iu":
        limits = np.iinfo(others.dtype)
        return end in (limits.min, limits.max)
    if not len(others):
        return False
    low, high = float(others.min()), float(others.max())
    return max(low - end, end - high) >= _SPANS * (high - low) > 0
