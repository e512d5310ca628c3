"""RGB images of a plant: PNG, JPEG, TIFF and BMP with 8 to 16 bits a channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from ...plumbing.errors import DataError
from .checks import read_head
from .orientation import turned
from .raster import open_image, read_bits, read_orientation, read_wide

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})

_FORMATS = frozenset({"PNG", "JPEG", "TIFF", "BMP"})
_NUMERIC_MODES = {"I": "32-bit integers", "F": "floats"}


@dataclass(frozen=True)
class Picture:
    """An image, turned upright.

    Attributes:
        rgb: (H, W, 3) uint8.
        orientation: as which its pixels were stored, 1 to 8.
    """

    rgb: NDArray[np.uint8]
    orientation: int


def read_rgb_image(path: Path, bits: int | None = None) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a PNG, JPEG, TIFF or BMP; see `read_picture`."""
    return read_picture(path, bits).rgb


def read_picture(path: Path, bits: int | None = None) -> Picture:
    """A PNG, JPEG, TIFF or BMP, turned as its TIFF tag or EXIF says.

    Grey and palette become RGB, alpha is dropped, and counts of up to 16 bits become 8, rounded. Of
    a TIFF with several pages the first is read.

    Args:
        bits: in use of 16 a channel; None: what a TIFF says, else all.

    Raises:
        DataError: no such file, none of these formats, damaged, a side over `MAX_SIDE`, samples
            that are not 8 or 16-bit intensities, or a count that `bits` do not hold.
    """
    orientation = read_orientation(path, _FORMATS)
    wide = read_wide(path, _FORMATS)
    if wide is not None:
        narrow = _to_bytes(path, wide, bits or read_bits(path, _FORMATS))
        rgb = np.dstack([narrow] * 3) if narrow.ndim == 2 else narrow[..., :3].copy()
        return Picture(upright(path, rgb, orientation), orientation)
    with open_image(path, _FORMATS) as image:
        if image.mode in _NUMERIC_MODES:
            raise DataError(
                f"{path} holds {_NUMERIC_MODES[image.mode]}: save it with 8 or 16 bits a channel."
            )
        return Picture(upright(path, decode_rgb(image), orientation), orientation)


def upright(path: Path, decoded: NDArray[Any], orientation: int) -> NDArray[Any]:
    """What Pillow decoded, turned as its orientation says; a TIFF comes turned."""
    return decoded if read_head(path, 2) in (b"II", b"MM") else turned(decoded, orientation)


def _to_bytes(path: Path, wide: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    """Counts of 0 to 2^bits - 1 as 0 to 255."""
    if bits == 16:
        return ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)
    most, largest = 2**bits - 1, int(wide.max())
    if largest > most:
        raise DataError(
            f"{path} has the count {largest}, more than {bits} bits hold: set data.bits to "
            f"{largest.bit_length()}."
        )
    return ((wide.astype(np.uint32) * 510 + most) // (2 * most)).astype(np.uint8)


def decode_rgb(image: ImageFile) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an image with 8 bits a channel or a palette; alpha is dropped."""
    if image.mode in ("P", "PA", "LA", "RGBA"):
        # By way of RGBA: Pillow warns of palettes with transparency otherwise.
        return np.array(image.convert("RGBA").convert("RGB"))
    return np.array(image.convert("RGB"))
