"""Depth and XYZ in TIFF, and what any reader of TIFF pages checks before it decodes one."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import check_side, decoding, read_head, truncated
from .float_predictor import PREDICTOR, decode_predicted
from .format import Format
from .orientation import TAG, UPRIGHT, checked, turned
from .raster import open_image

# tifffile logs each oddity of a file that we then refuse in one sentence.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_NONE, _DEFLATE = 1, (8, 32946)  # values of the compression tag
_NO_DATA = 42113  # GDAL's tag: the number for no return, as text
_SEPARATE = 2  # planar configuration: one plane a channel


@dataclass(frozen=True)
class Keys:
    """What a TIFF says of its pixels.

    Attributes:
        orientation: of the pixels as they are stored, 1 to 8.
        no_return: the number that stands for no return; None where it names none.
    """

    orientation: int = UPRIGHT
    no_return: float | None = None


def page_keys(path: Path, page: tifffile.TiffPage) -> Keys:
    """The keys of a page.

    Raises:
        DataError: an orientation that there is not, or a no-data key that is no number.
    """
    tags = page.tags
    orientation = checked(path, int(tags[TAG].value)) if TAG in tags else UPRIGHT
    if _NO_DATA not in tags:
        return Keys(orientation)
    text = str(tags[_NO_DATA].value).strip("\0 ")
    try:
        return Keys(orientation, float(text))
    except ValueError:
        raise DataError(f"{path} has the no-data key {text!r}: write a number there.") from None


def read_keys(path: Path) -> Keys:
    """The keys of a file; what is no TIFF has none."""
    if read_head(path, 2) not in (b"II", b"MM"):
        return Keys()
    with decoding(path), tifffile.TiffFile(path) as tiff:
        return page_keys(path, tiff.pages.first)


def read_tiff(path: Path) -> NDArray[Any]:
    """(H, W, 3) float XYZ or (H, W) depth, float or 16-bit counts, turned as its orientation says.

    XYZ may be interleaved or planar within one page.

    Raises:
        DataError: damaged or truncated, a side over `MAX_SIDE`, several pages, another shape or
            dtype, or a compression that cannot be read.
    """
    with decoding(path), tifffile.TiffFile(path) as tiff:
        page = _only_page(path, tiff)
        planar = page.planarconfig == _SEPARATE and page.ndim == 3
        height, width = page.shape[1:3] if planar else page.shape[:2]
        check_side(path, height, width)
        if (page.ndim == 3 and page.shape[0 if planar else 2] != 3) or page.ndim > 3:
            raise DataError(
                f"{path} has shape {page.shape}: save x, y, z as (H, W, 3) or depth as (H, W)."
            )
        _check_dtype(path, page)
        check_page(path, page, tiff.filehandle)
        if page.compression not in (_NONE, *_DEFLATE):
            return _read_by_pillow(path, page)  # which turns it
        values = read_page(page, tiff.filehandle)
        values = np.moveaxis(values, 0, -1) if planar else values
        return turned(values, page_keys(path, page).orientation)


def check_page(path: Path, page: tifffile.TiffPage, file: tifffile.FileHandle) -> None:
    """Raises DataError where strips are missing, or inflate to more than the page holds."""
    if page.is_tiled:
        check_side(path, page.tilelength, page.tilewidth)
    # tifffile would read an absent strip as zeros, that is as points without a return.
    if max((o + n for o, n in _places(page)), default=0) > file.size or 0 in page.databytecounts:
        raise truncated(path)
    if page.compression in _DEFLATE:
        limit = _largest_segment(page)
        for place in _places(page):
            _check_inflated(path, _segment(file, *place), limit)


def read_page(page: tifffile.TiffPage, file: tifffile.FileHandle) -> NDArray[Any]:
    """The array of a page that has been checked."""
    if page.predictor != PREDICTOR or page.compression not in _DEFLATE:
        values: NDArray[Any] = page.asarray(maxworkers=1)
        return values
    return decode_predicted(page, (_segment(file, *place) for place in _places(page)))


def _places(page: tifffile.TiffPage) -> list[tuple[int, int]]:
    """Offset and length of each strip or tile."""
    return list(zip(page.dataoffsets, page.databytecounts, strict=True))


def _segment(file: tifffile.FileHandle, offset: int, n_bytes: int) -> bytes:
    file.seek(offset)
    content: bytes = file.read(n_bytes)
    return content


def _only_page(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    if len(tiff.pages) != 1:
        raise DataError(f"{path} has {len(tiff.pages)} pages: save x, y, z in one page of three.")
    return tiff.pages.first


def _check_dtype(path: Path, page: tifffile.TiffPage) -> None:
    kind = "x, y, z as float32" if page.ndim == 3 else "depth as float32 or uint16"
    counts = page.ndim == 2 and page.dtype in (np.uint16, np.int16)
    if page.dtype is None or not (counts or page.dtype.kind == "f"):
        raise DataError(f"{path} is {page.dtype}: save {kind}.")


def _largest_segment(page: tifffile.TiffPage) -> int:
    samples = page.shape[2] if page.ndim == 3 and page.planarconfig != _SEPARATE else 1
    tile = page.tilelength * page.tilewidth * samples if page.is_tiled else 0
    return max(page.size, tile) * page.bitspersample // 8


def _check_inflated(path: Path, segment: bytes, limit: int) -> None:
    # tifffile inflates without a limit, by up to 1,032 times.
    if len(segment) * 1032 <= limit:
        return
    inflater = zlib.decompressobj()
    if len(inflater.decompress(segment, limit + 1)) > limit:
        raise DataError(f"{path} inflates to more than it claims: save it again.")


def _read_by_pillow(path: Path, page: tifffile.TiffPage) -> NDArray[Any]:
    # For LZW and PackBits, as OpenCV and ImageJ write them; Pillow has no mode of three floats.
    if page.ndim != 2 or page.dtype not in (np.float32, np.uint16):
        raise DataError(
            f"{path} is compressed with {getattr(page.compression, 'name', page.compression)}: "
            "save it without compression or with Deflate (zlib)."
        )
    with open_image(path, frozenset({"TIFF"})) as image:
        return np.array(image)


TIFF = Format("TIFF", frozenset({".tif", ".tiff"}), (b"II", b"MM"), read_tiff)
