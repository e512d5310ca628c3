"""Images by their content, not their suffix, in 8 or 16 bits a channel.

Pillow reads 16-bit colour only as its high bytes. Decoding the file a second time in the other
byte order gives the low bytes, by the same unpackers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from ...plumbing.errors import DataError
from . import png
from .checks import check_side, decoding, read_head
from .orientation import TAG, UPRIGHT, checked

# Opened by class, as Image.open would warn of a huge image before we can refuse it.
_OPENERS: dict[bytes, type[ImageFile]] = {
    png.SIGNATURE: PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"BM": BmpImageFile,
    b"II*\0": TiffImageFile,
    b"MM\0*": TiffImageFile,
}
_FOREIGN_ENDIAN = "B" if sys.byteorder == "little" else "L"
_BITS, _PHOTOMETRIC, _MAX_SAMPLE, _PLANAR = 258, 262, 281, 284  # TIFF tags
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_WIDE_GREY = ("I;16", "I;16B", "I;16L")


@contextmanager
def open_image(path: Path, formats: frozenset[str]) -> Iterator[ImageFile]:
    """An image of sensible size, not decoded yet; what fails while it is open is a DataError.

    Args:
        path: the file; of a TIFF or JPEG with several images the first counts.
        formats: names that Pillow gives to the accepted formats, as "PNG".
    """
    opener = _opener(path, formats)
    if opener is PngImageFile:
        png.read_png_header(path)  # as Pillow reads on, up to the pixels
    with decoding(path), path.open("rb") as file, _open(path, opener, file) as image:
        check_side(path, image.height, image.width)
        if isinstance(image, TiffImageFile):
            _check_tiff(path, image)
        yield image


def read_wide(path: Path, formats: frozenset[str]) -> NDArray[np.uint16] | None:
    """(H, W) or (H, W, 3 or 4) uint16 of an image with 16 bits a channel, else None.

    Raises:
        DataError: not a whole image of these formats, a side over `MAX_SIDE`, or 16-bit channels
            that are neither grey, RGB nor RGBA.
    """
    with open_image(path, formats) as image:
        if image.mode in _WIDE_GREY:
            return np.asarray(image).astype(np.uint16)
        rawmode = _rawmode(image)
        if image.format == "BMP" or ";16" not in rawmode or image.mode == "I":
            return None
        if rawmode == "LA;16B":  # four bytes a pixel, that is high and low of grey and of alpha
            grey = _decode_as(image, "RGBA").astype(np.uint16)
            return (grey[..., 0] << 8 | grey[..., 1]).astype(np.uint16)
        low_bytes = _other_endian(path, rawmode)
        high = np.asarray(image).astype(np.uint16)
    with open_image(path, formats) as image:
        return (high << 8 | _decode_as(image, low_bytes)).astype(np.uint16)


def read_orientation(path: Path, formats: frozenset[str]) -> int:
    """The orientation of an image, 1 to 8, that a TIFF's tag or EXIF says; 1 where nothing does.

    Pillow turns a TIFF as it decodes it, and nothing else.

    Raises:
        DataError: not one of these formats, or there is no such orientation.
    """
    with open_image(path, formats) as image:
        if isinstance(image, TiffImageFile):
            return checked(path, image.tag_v2.get(TAG, UPRIGHT))
        if "exif" not in image.info:
            return UPRIGHT
        return checked(path, image.getexif().get(TAG) or UPRIGHT)  # 0: not known


def read_bits(path: Path, formats: frozenset[str]) -> int:
    """Bits in use of an image with 16 a channel, by a TIFF's own tags; 16 where nothing says less.

    The largest sample counts where it is all ones, as 4095 is: some writers note the content's
    largest there. A PNG's sBIT does not count: by the standard such samples fill all 16 bits.
    """
    with open_image(path, formats) as image:
        if not isinstance(image, TiffImageFile):
            return 16
        bits = max(image.tag_v2.get(_BITS, (16,)))
        most = image.tag_v2.get(_MAX_SAMPLE, 0)
        most = max(most) if isinstance(most, tuple) else most
        if 8 < bits < 16:
            return int(bits)
        return int(most).bit_length() if most > 255 and most & (most + 1) == 0 else 16


def _opener(path: Path, formats: frozenset[str]) -> type[ImageFile]:
    head = read_head(path, 8)
    for signature, opener in _OPENERS.items():
        if head.startswith(signature) and opener.format in formats:
            return opener
    names = ", ".join(sorted(formats))
    raise DataError(f"{path} is none of {names}: save the image as one of them.")


def _open(path: Path, opener: type[ImageFile], file: BinaryIO) -> ImageFile:
    try:
        return opener(file)
    except SyntaxError as error:  # so Pillow says that it knows no such pixels
        raise DataError(
            f"{path} cannot be read ({error}): save it again with 8 or 16 bits a channel."
        ) from error


def _check_tiff(path: Path, image: TiffImageFile) -> None:
    tags = image.tag_v2
    if _TILE_WIDTH in tags:
        check_side(path, tags.get(_TILE_LENGTH, 0), tags[_TILE_WIDTH])
    if tags.get(_PHOTOMETRIC) == 0 and image.mode in _WIDE_GREY:  # Pillow does not invert these
        raise DataError(f"{path} has 16 bits and white is 0: save it with black as 0.")
    if tags.get(_PLANAR, 1) != 1 and max(tags.get(_BITS, (1,))) > 8:
        raise DataError(f"{path} is planar with 16 bits a channel: save the channels interleaved.")


def _rawmode(image: ImageFile) -> str:
    args: Any = image.tile[0].args if image.tile else ""
    first = args[0] if isinstance(args, tuple) else args
    return first if isinstance(first, str) else ""


def _other_endian(path: Path, rawmode: str) -> str:
    channels, _, order = rawmode.partition(";16")
    others = {"B": "L", "L": "B", "N": _FOREIGN_ENDIAN}
    if channels not in ("RGB", "RGBX", "RGBA") or order not in others:
        raise DataError(f"{path} has 16-bit channels {channels!r}: save it as RGB or greyscale.")
    return f"{channels};16{others[order]}"


def _decode_as(image: ImageFile, rawmode: str) -> NDArray[np.uint8]:
    def replaced(args: Any) -> Any:
        return (rawmode, *args[1:]) if isinstance(args, tuple) else rawmode

    image.tile = [tile._replace(args=replaced(tile.args)) for tile in image.tile]
    return np.asarray(image)
