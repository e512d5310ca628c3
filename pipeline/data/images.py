"""Read raw scans: RGB and mask PNGs, point-map TIFFs. A file that is not as it must be is refused.

Headers are checked before memory is taken: a few bytes can claim an image of many gigabytes.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pipeline.data.scan import RawScan
from pipeline.errors import DataError

MAX_SIDE = 8192  # pixels; below it Pillow's decompression-bomb guard has nothing to warn of
MAX_COORDINATE_M = 100.0  # beyond any structured-light sensor; a plant's millimetres are not metres

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = {0: "greyscale", 2: "RGB", 3: "palette", 4: "greyscale and alpha", 6: "RGBA"}
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def read_raw_scan(rgb: Path, points: Path, mask: Path | None = None) -> RawScan:
    """Read the two or three files of a scan.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    image, xyz = read_rgb(rgb), read_points(points)
    check_size(points, xyz.shape, rgb, image.shape)
    if mask is None:
        return RawScan(image, xyz, None)
    classes = read_mask(mask)
    check_size(mask, classes.shape, rgb, image.shape)
    return RawScan(image, xyz, classes)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an 8-bit PNG; alpha is dropped, greyscale and palette become RGB.

    Raises:
        DataError: no such file, not a whole 8-bit PNG, or a side over `MAX_SIDE`.
    """
    _check_png_header(path)
    try:
        with Image.open(path, formats=["PNG"]) as image:
            # By way of RGBA: Pillow warns of palettes with transparency otherwise.
            return np.array(image.convert("RGBA").convert("RGB"))
    except _DECODER_ERRORS as error:
        raise _damaged(path, error) from error


def read_mask(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8 of a single-channel 8-bit PNG: the defect class of each pixel, 0 is good.

    MVTec 3D-AD counts its classes down from 255, so any non-zero value is a defect. Of a palette
    image the indices are the classes.

    Raises:
        DataError: no such file, not a whole single-channel 8-bit PNG, or a side over `MAX_SIDE`.
    """
    colour = _check_png_header(path)
    if colour not in (0, 3):
        raise DataError(
            f"{path} is {_PNG_COLOURS[colour]}: save the mask as a greyscale PNG with one channel."
        )
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.array(image.convert("L") if image.mode == "1" else image)
    except _DECODER_ERRORS as error:
        raise _damaged(path, error) from error


def read_depth(path: Path) -> NDArray[np.uint16]:
    """(H, W) uint16 of a single-channel 16-bit PNG.

    Raises:
        DataError: no such file, not a whole single-channel 16-bit PNG, or a side over `MAX_SIDE`.
    """
    if _check_png_header(path, bits=16) != 0:
        raise DataError(f"{path} has colours: a depth image has one channel of 16 bits.")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return np.array(image, dtype=np.uint16)
    except _DECODER_ERRORS as error:
        raise _damaged(path, error) from error


def read_points(path: Path) -> NDArray[np.float32]:
    """(H, W, 3) float32 organised point map of a TIFF: metres, camera frame, (0, 0, 0) no return.

    Raises:
        DataError: no such file, damaged, a side over `MAX_SIDE`, not three interleaved float32
            channels, a coordinate that is not finite, or one that cannot be in metres.
    """
    _check_exists(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages.first
            _check_tiff_header(path, page, len(tiff.pages), tiff.filehandle.size)
            points = page.asarray(maxworkers=1).astype(np.float32, copy=False)
    except DataError:
        raise
    except Exception as error:  # tifffile lets whatever its parser stumbles on pass
        raise _damaged(path, error) from error
    _check_coordinates(path, points)
    return points


def _check_coordinates(path: Path, points: NDArray[np.float32]) -> None:
    finite = np.isfinite(points)
    if not finite.all():
        bad = int((~finite.all(axis=-1)).sum())
        raise DataError(f"{path} has {bad} points with NaN or Inf: write no return as (0, 0, 0).")
    farthest = float(np.abs(points).max())
    if farthest > MAX_COORDINATE_M:
        raise DataError(
            f"{path} has coordinates up to {farthest:g}, but the unit is the metre: "
            "divide by 1000 if they are millimetres."
        )


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} does not exist or is not a file: restore it or fix the path.")


def _check_png_header(path: Path, bits: int = 8) -> int:
    """Colour type of a PNG of sensible size and depth, from its first 26 bytes."""
    _check_exists(path)
    try:
        with path.open("rb") as file:
            head = file.read(26)
    except OSError as error:
        raise _damaged(path, error) from error
    if len(head) < 26 or not head.startswith(_PNG_SIGNATURE) or head[12:16] != b"IHDR":
        raise DataError(f"{path} is not a PNG file: save the image as PNG.")
    width, height, found, colour = struct.unpack(">IIBB", head[16:26])
    _check_side(path, height, width)
    if colour not in _PNG_COLOURS or (found > 8) != (bits > 8):
        kind = "an 8" if bits == 8 else "a 16"
        raise DataError(f"{path} has {found} bits a channel: save it as {kind}-bit PNG.")
    return int(colour)


def _check_tiff_header(path: Path, page: tifffile.TiffPage, n_pages: int, file_size: int) -> None:
    shape = (n_pages, *page.shape) if n_pages > 1 else page.shape
    _check_side(path, *(page.shape[-2:] if shape[0] == 3 and len(shape) == 3 else page.shape[:2]))
    if page.is_tiled:
        _check_side(path, page.tilelength, page.tilewidth)
    if len(shape) == 3 and shape[0] == 3 and shape[2] != 3:
        raise DataError(
            f"{path} is planar, shape {shape}: save the channels last, "
            f"as ({shape[1]}, {shape[2]}, 3)."
        )
    if len(shape) != 3 or shape[2] != 3 or page.planarconfig != 1:
        raise DataError(
            f"{path} has shape {shape}: save one TIFF page of shape (H, W, 3) with x, y, z."
        )
    if page.dtype != np.float32:
        raise DataError(f"{path} is {page.dtype}: save the point map as float32, in metres.")
    ends = (o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True))
    # tifffile would read an absent strip as zeros, that is as points without a return.
    if max(ends, default=0) > file_size or 0 in page.databytecounts:
        raise DataError(f"{path} is truncated: copy it from its source again.")


def _check_side(path: Path, height: int, width: int) -> None:
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise DataError(
            f"{path} claims {height} x {width} pixels: the sides must be 1 to {MAX_SIDE} pixels."
        )


def check_size(path: Path, shape: tuple[int, ...], rgb: Path, rgb_shape: tuple[int, ...]) -> None:
    """Refuse a file whose (H, W, ...) is not that of its scan's image."""
    if shape[:2] != rgb_shape[:2]:
        raise DataError(
            f"{path} is {shape[0]} x {shape[1]} pixels but {rgb} is {rgb_shape[0]} x "
            f"{rgb_shape[1]}: the files of one scan must be registered pixel by pixel."
        )


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read ({error}): copy it from its source again.")
