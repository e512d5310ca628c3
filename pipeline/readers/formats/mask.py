"""Defect masks: which pixels of an image a person has marked.

A mask holds classes: 0 is good, and every other value is a defect. Where it holds grey instead, as
the soft edges of a brush or a JPEG leave it, a pixel is marked from half of the largest value up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from ...plumbing.errors import DataError
from .checks import read_head
from .image import decode_rgb, upright
from .raster import open_image, read_orientation, read_wide

_FORMATS = frozenset({"PNG", "JPEG", "TIFF", "BMP"})
_JPEG = b"\xff\xd8\xff"
_MOST_CLASSES = 16  # values between: more are shades
_DARK = 128  # of 255: the white of a JPEG's mask is above it, and classes are not


@dataclass(frozen=True)
class Mask:
    """What is marked, turned upright.

    Attributes:
        classes: (H, W) uint8, 0 is good.
        grey: whether values between were found, and those below half of the largest dropped.
        orientation: as which its pixels were stored, 1 to 8.
    """

    classes: NDArray[np.uint8]
    grey: bool
    orientation: int = 1


def read_mask_image(path: Path) -> Mask:
    """A PNG, TIFF, BMP or JPEG; any non-zero class is a defect.

    One channel, or several whose values are equal. Of a palette whose first colour is black the
    indices are the classes. Where alpha is not the same everywhere and the colours are, or mark the
    same pixels, alpha is the mask; else it is dropped. Classes above 255 become 255.

    Raises:
        DataError: no such file, none of these formats, damaged, a side over `MAX_SIDE`, channels
            that differ, colours and alpha that mark different pixels, negative or fractional
            classes, or a JPEG that is dark all over.
    """
    orientation = read_orientation(path, _FORMATS)
    is_jpeg = read_head(path, 3) == _JPEG
    values: NDArray[Any] | None = read_wide(path, _FORMATS)
    if values is None:
        with open_image(path, _FORMATS) as image:
            if image.mode == "F":
                raise DataError(f"{path} holds floats: save the mask as 8-bit classes.")
            values = np.array(image.convert("L")) if is_jpeg else _decode(image)
    values = _one_channel(path, values)
    if values.min() < 0:
        raise DataError(f"{path} has the class {values.min()}: 0 is good, defects are above it.")
    if is_jpeg and 0 < values.max() < _DARK:
        raise DataError(f"{path} is a dark JPEG, which keeps no classes: save the mask as PNG.")
    classes, grey = marked(values, always_grey=is_jpeg)
    return Mask(
        upright(path, np.minimum(classes, 255).astype(np.uint8), orientation), grey, orientation
    )


def marked(values: NDArray[Any], always_grey: bool = False) -> tuple[NDArray[Any], bool]:
    """Returns the classes (H, W) of a mask, and whether the mask is grey.

    In a grey mask all that is below half of the largest value is set to 0. A mask is grey where
    more than 16 values lie between 0 and the largest, or where every such pixel touches
    a brighter one: then they line the edges of what is marked, and are no areas of their own.
    """
    most = int(values.max())
    between = (values > 0) & (values < most)
    if not between.any() or not (always_grey or _is_grey(values, between)):
        return values, False
    return np.where(values.astype(np.int64) * 2 >= most, values, 0).astype(values.dtype), True


def _is_grey(values: NDArray[Any], between: NDArray[np.bool_]) -> bool:
    if len(np.unique(values[between])) > _MOST_CLASSES:
        return True
    height, width = values.shape
    padded = np.pad(values, 1)
    brighter = np.zeros(values.shape, dtype=bool)
    for row in range(3):
        for column in range(3):
            brighter |= padded[row : row + height, column : column + width] > values
    return bool(brighter[between].all())


def _decode(image: ImageFile) -> NDArray[Any]:
    if image.mode == "1":
        return np.array(image.convert("L"))
    if image.mode in ("L", "I"):
        return np.array(image)
    if image.mode == "P" and (image.getpalette("RGB") or [])[:3] == [0, 0, 0]:
        return np.array(image)
    if image.mode in ("LA", "RGBA", "PA"):
        return np.array(image.convert("RGBA"))
    return decode_rgb(image)


def _one_channel(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    """(H, W) of (H, W), RGB or RGBA."""
    if values.ndim == 2:
        return values
    colours = values[..., :3]
    if values.shape[2] == 4 and (values[..., 3] != values[0, 0, 3]).any():
        return _of_alpha(path, colours, values[..., 3])
    if (colours != colours[..., :1]).any():
        raise DataError(
            f"{path} has channels that differ: save the mask as greyscale with one channel."
        )
    return colours[..., 0]


def _of_alpha(path: Path, colours: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    plain = not (colours != colours[0, 0]).any()
    if plain or np.array_equal(colours.any(axis=-1), alpha > 0):
        return alpha
    raise DataError(
        f"{path} marks other pixels in its colours than in its alpha: save the mask as greyscale "
        "with one channel."
    )
