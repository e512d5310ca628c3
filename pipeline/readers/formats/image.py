"""RGB images and defect masks of a plant: PNG, JPEG, TIFF and BMP with 8 or 16 bits a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from ...plumbing.errors import DataError
from .raster import open_image, read_wide

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})

_RGB_FORMATS = frozenset({"PNG", "JPEG", "TIFF", "BMP"})
_MASK_FORMATS = _RGB_FORMATS - {"JPEG"}  # its ringing would be defects
_NUMERIC_MODES = {"I": "32-bit integers", "F": "floats"}


def read_rgb_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a PNG, JPEG, TIFF or BMP.

    Grey and palette become RGB, alpha is dropped, 16 bits become 8 by dividing by 257, rounded.
    The orientation in a JPEG's EXIF is NOT applied: the points are registered with the pixels as
    they are stored. Of a TIFF with several pages the first is read.

    Raises:
        DataError: no such file, none of these formats, damaged, a side over `MAX_SIDE`, samples
            that are not 8 or 16-bit intensities, or a TIFF with an orientation.
    """
    wide = read_wide(path, _RGB_FORMATS)
    if wide is not None:
        narrow = ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return np.dstack([narrow] * 3) if narrow.ndim == 2 else narrow[..., :3].copy()
    with open_image(path, _RGB_FORMATS) as image:
        if image.mode in _NUMERIC_MODES:
            raise DataError(
                f"{path} holds {_NUMERIC_MODES[image.mode]}: save it with 8 or 16 bits a channel."
            )
        return decode_rgb(image)


def read_mask_image(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8 defect class of each pixel, of a PNG, TIFF or BMP; any non-zero is a defect.

    One channel, or several whose values are equal; alpha is dropped. Of a palette whose first
    colour is black the indices are the classes. Classes above 255 become 255.

    Raises:
        DataError: no such file, none of these formats, damaged, a side over `MAX_SIDE`, channels
            that differ, negative or fractional classes, or a TIFF with an orientation.
    """
    values: NDArray[Any] | None = read_wide(path, _MASK_FORMATS)
    if values is None:
        with open_image(path, _MASK_FORMATS) as image:
            if image.mode == "F":
                raise DataError(f"{path} holds floats: save the mask as 8-bit classes.")
            values = _decode_classes(image)
    values = _one_channel(path, values)
    if values.min() < 0:
        raise DataError(f"{path} has the class {values.min()}: 0 is good, defects are above it.")
    return np.minimum(values, 255).astype(np.uint8)


def decode_rgb(image: ImageFile) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an image with 8 bits a channel or a palette; alpha is dropped."""
    if image.mode in ("P", "PA", "LA", "RGBA"):
        # By way of RGBA: Pillow warns of palettes with transparency otherwise.
        return np.array(image.convert("RGBA").convert("RGB"))
    return np.array(image.convert("RGB"))


def _decode_classes(image: ImageFile) -> NDArray[Any]:
    if image.mode == "1":
        return np.array(image.convert("L"))
    if image.mode in ("L", "I"):
        return np.array(image)
    if image.mode == "P" and (image.getpalette("RGB") or [])[:3] == [0, 0, 0]:
        return np.array(image)
    return decode_rgb(image)


def _one_channel(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 2:
        return values
    if (values[..., :3] != values[..., :1]).any():
        raise DataError(
            f"{path} has channels that differ: save the mask as greyscale with one channel."
        )
    return values[..., 0]
