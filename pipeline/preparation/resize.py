"""Bring a scan to 224 x 224 pixels so that RGB, point map and mask stay registered.

A scan that is not square is padded to one, centred, on all three, or a window of it is taken; then
RGB is averaged, and points and masks are picked. Points are never averaged over an edge: a mean of
two depths is a point on no surface. Padding is no part of the scan: it has no points and no
defects; `dataset.grid.inside_scan` tells it apart.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..dataset.grid import SIZE, has_return, nearest_indices
from ..dataset.window import Window

Scalar = TypeVar("Scalar", bound=np.generic)

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # of ImageNet, as the RGB backbone saw
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
_ONE_SURFACE = 4.0  # pitches across four neighbours (1.4 where flat): about 70 degrees of slope


def resize_rgb(rgb: NDArray[np.uint8], window: Window | None = None) -> NDArray[np.float32]:
    """(H, W, 3) uint8 to the RGB backbone's input, (3, 224, 224) float32, ImageNet-normalised."""
    unit = resize_rgb_u8(rgb, window).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(((unit - _MEAN) / _STD).transpose(2, 0, 1))


def restore_rgb(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The (224, 224, 3) uint8 picture that `resize_rgb` normalised to (3, 224, 224) float32."""
    unit = rgb.transpose(1, 2, 0) * _STD + _MEAN
    return np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)


def resize_rgb_u8(
    rgb: NDArray[np.uint8], window: Window | None = None, size: int = SIZE
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 to (224, 224, 3) uint8, or another size: antialiased bicubic.

    Args:
        window: the square to take; None: the whole scan. Past the border its pixels are repeated.
    """
    image = Image.fromarray(square(rgb, window))
    return np.array(image.resize((size, size), Image.Resampling.BICUBIC))


def resize_mask(mask: NDArray[np.uint8], window: Window | None = None) -> NDArray[np.bool_]:
    """(H, W) uint8 defect classes to (224, 224) bool, True on any defect; nearest pixel.

    Outside the scan it is False.
    """
    window = window or Window.whole(*mask.shape)
    drawn = square(mask != 0, window)
    rows, columns = (start + np.arange(window.side) for start in (window.top, window.left))
    drawn &= ((rows >= 0) & (rows < mask.shape[0]))[:, None]
    drawn &= (columns >= 0) & (columns < mask.shape[1])
    return _nearest(drawn)


def resize_mask_as_published(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """`resize_mask` as the code published with CFM does it: padding repeats the border's pixels.

    So a defect at the border of a scan that is not square grows into the padding. Source:
    crossmodal-feature-mapping, `models/dataset.py`, SquarePad of the ground truth.
    """
    return _nearest(square(mask != 0, None))


def resize_points(points: NDArray[np.float32], window: Window | None = None) -> NDArray[np.float32]:
    """(H, W, 3) float32 point map to (224, 224, 3), metres; what lies outside is no return.

    Every point of a whole scan, and of a window of at least 224 pixels a side, is the nearest one
    of the input. A smaller window is enlarged: between four points of one surface the result is
    their bilinear mean; over an edge, where a mean would lie on no surface, the nearest point.
    """
    whole = Window.whole(*points.shape[:2])
    nearest = _pick(points, window or whole)
    if window is None or window == whole or window.side >= SIZE:
        return nearest
    means, inside = _bilinear(points, window)
    return np.where(inside[..., None], means, nearest)


def nearest_points(points: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """(224, 224, 3): the nearest point of each pixel of a window; outside the scan no return."""
    return _pick(points, window)


def resize_foreground(
    foreground: NDArray[np.bool_], window: Window | None = None
) -> NDArray[np.bool_]:
    """(H, W) bool to (224, 224) bool, the nearest pixel of each; what lies outside is False."""
    return _pick(foreground, window or Window.whole(*foreground.shape))


def _nearest(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(side, side) bool to (224, 224) bool: the pixel under each output pixel's centre."""
    grey = Image.fromarray(np.where(pixels, 255, 0).astype(np.uint8))
    return np.asarray(grey.resize((SIZE, SIZE), Image.Resampling.NEAREST)) > 0


def square(image: NDArray[Scalar], window: Window | None) -> NDArray[Scalar]:
    """The window's pixels, (side, side, ...); past the image's border its pixels are repeated."""
    height, width = image.shape[:2]
    window = window or Window.whole(height, width)
    bottom, right = window.top + window.side, window.left + window.side
    if min(window.top, window.left) >= 0 and bottom <= height and right <= width:
        return np.ascontiguousarray(image[window.top : bottom, window.left : right])
    rows = np.clip(window.top + np.arange(window.side), 0, height - 1)
    columns = np.clip(window.left + np.arange(window.side), 0, width - 1)
    return image[rows[:, None], columns]


def _pick(image: NDArray[Scalar], window: Window) -> NDArray[Scalar]:
    """Nearest pixels of a window, 0 outside the image."""
    height, width = image.shape[:2]
    source = nearest_indices(window.side, SIZE)
    rows, columns = source + window.top, source + window.left
    inside_rows = (rows >= 0) & (rows < height)
    inside_columns = (columns >= 0) & (columns < width)
    result = np.zeros((SIZE, SIZE, *image.shape[2:]), dtype=image.dtype)
    picked = image.take(rows[inside_rows], axis=0).take(columns[inside_columns], axis=1)
    result[np.ix_(inside_rows, inside_columns)] = picked
    return result


def _bilinear(
    points: NDArray[np.float32], window: Window
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(224, 224, 3) means of the four points around each pixel, and where they are one surface."""
    rows, down = _between(window.top, window.side, points.shape[0])
    columns, right = _between(window.left, window.side, points.shape[1])
    corners = [points[np.ix_(rows + i, columns + j)] for i in (0, 1) for j in (0, 1)]
    returned = np.stack([has_return(corner) for corner in corners]).all(axis=0)
    across = [_lengths(corners[a] - corners[b]) for a, b in ((0, 3), (1, 2))]
    flat = np.stack(across).max(axis=0) <= _ONE_SURFACE * _pitch(points)
    weights = [
        vertical[:, None] * horizontal
        for vertical in (1 - down, down)
        for horizontal in (1 - right, right)
    ]
    means = sum(w[..., None] * corner for w, corner in zip(weights, corners, strict=True))
    return np.asarray(means, dtype=np.float32), returned & flat


def _between(start: int, side: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The first of the two source pixels around each output pixel's centre, and the way past it."""
    place = start + (np.arange(SIZE) + 0.5) * (side / SIZE) - 0.5
    first = np.clip(np.floor(place).astype(np.int64), 0, length - 2)
    return first, np.clip(place - first, 0, 1).astype(np.float32)


def _pitch(points: NDArray[np.float32]) -> float:
    """The median distance of two returns that lie side by side; 0 where there are none."""
    returned = has_return(points)
    pairs = returned[:, 1:] & returned[:, :-1]
    steps = _lengths((points[:, 1:] - points[:, :-1])[pairs])
    return float(np.median(steps)) if len(steps) else 0.0


def _lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(...) of (..., 3); numpy's norm is slow over an axis of three."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)))
