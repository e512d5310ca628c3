"""Bring a scan to 224 x 224 pixels so that RGB, point map and mask stay registered.

A scan that is not square is padded to one, centred, on all three; then RGB is averaged, points and
masks are picked. Points are never averaged: a mean of two depths is a point on no surface. Padding
is no part of the scan: it has no points and no defects; `dataset.grid.inside_scan` tells it apart.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..dataset.grid import SIZE

Scalar = TypeVar("Scalar", bound=np.generic)

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)  # of ImageNet, as the RGB backbone saw
_STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def resize_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) uint8 to the RGB backbone's input, (3, 224, 224) float32, ImageNet-normalised."""
    unit = resize_rgb_u8(rgb).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(((unit - _MEAN) / _STD).transpose(2, 0, 1))


def restore_rgb(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The (224, 224, 3) uint8 picture that `resize_rgb` normalised to (3, 224, 224) float32."""
    unit = rgb.transpose(1, 2, 0) * _STD + _MEAN
    return np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)


def resize_rgb_u8(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 to (224, 224, 3) uint8: edge-replicating pad, antialiased bicubic."""
    square = Image.fromarray(square_pad(rgb, mode="edge"))
    return np.array(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def resize_mask(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W) uint8 defect classes to (224, 224) bool, True on any defect; nearest pixel.

    Padding is False.
    """
    return _nearest(square_pad(mask != 0))


def resize_mask_as_published(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """`resize_mask` as the code published with CFM does it: padding repeats the border's pixels.

    So a defect at the border of a scan that is not square grows into the padding. Source:
    crossmodal-feature-mapping, `models/dataset.py`, SquarePad of the ground truth.
    """
    return _nearest(square_pad(mask != 0, mode="edge"))


def resize_points(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) float32 point map to (224, 224, 3), metres: nearest pixel, padded with no return.

    Every point of the result is one of the input's.
    """
    return _pick(points)


def resize_foreground(foreground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) bool to (224, 224) bool on the very pixels of `resize_points`; padding is False."""
    return _pick(foreground)


def square_pad(image: NDArray[Scalar], mode: str = "constant") -> NDArray[Scalar]:
    """(H, W, ...) centred in a square of the longer side; the odd pixel goes right or below.

    Args:
        image: any dtype.
        mode: "edge" repeats the border pixels, "constant" pads with zeros.
    """
    height, width = image.shape[:2]
    top, left = _offsets(height, width)
    side = max(height, width)
    padding = [(top, side - height - top), (left, side - width - left)]
    return np.pad(image, padding + [(0, 0)] * (image.ndim - 2), mode=mode)  # type: ignore[call-overload]


def nearest_indices(size: int, out: int) -> NDArray[np.int64]:
    """(out,) source index of each output pixel along an axis of `size`: floor(j * size / out)."""
    return np.arange(out) * size // out


def _nearest(square: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(side, side) bool to (224, 224) bool: the pixel under each output pixel's centre."""
    grey = Image.fromarray(np.where(square, 255, 0).astype(np.uint8))
    return np.asarray(grey.resize((SIZE, SIZE), Image.Resampling.NEAREST)) > 0


def _offsets(height: int, width: int) -> tuple[int, int]:
    side = max(height, width)
    return (side - height) // 2, (side - width) // 2


def _pick(image: NDArray[Scalar]) -> NDArray[Scalar]:
    """Nearest pixels of the zero-padded square, without building it."""
    height, width = image.shape[:2]
    top, left = _offsets(height, width)
    source = nearest_indices(max(height, width), SIZE)
    rows, columns = source - top, source - left
    inside_rows = (rows >= 0) & (rows < height)
    inside_columns = (columns >= 0) & (columns < width)
    result = np.zeros((SIZE, SIZE, *image.shape[2:]), dtype=image.dtype)
    picked = image[np.ix_(rows[inside_rows], columns[inside_columns])]
    result[np.ix_(inside_rows, inside_columns)] = picked
    return result
