"""Read raw scans in MVTec 3D-AD's own form: 8-bit PNGs and point-map TIFFs, and nothing else.

A plant's own files, more freely: `mentor3ad.readers.formats`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..dataset.scan import RawScan
from ..plumbing.errors import DataError, MismatchError, UnitsError
from ..plumbing.words import counted
from .formats import no_return, png
from .formats.checks import MAX_COORDINATE_M, check_file, check_side, decoding
from .formats.image import decode_rgb
from .formats.mask import marked
from .formats.orientation import UPRIGHT, registered, turned
from .formats.raster import open_image
from .formats.tiff import check_page, page_keys, read_keys, read_page

_PNG = frozenset({"PNG"})


def read_raw_scan(
    rgb: Path, points: Path, mask: Path | None = None, invalid: float | None = None
) -> RawScan:
    """Read the two or three files of a scan.

    Args:
        invalid: what stands for no return in the points' z; None: no number does.

    Raises:
        DataError: a file is refused, or their sizes differ.
    """
    image, xyz = read_rgb(rgb), read_points(points, invalid)
    orientation = read_keys(points).orientation
    xyz = registered(points, xyz, orientation, rgb, image.shape, UPRIGHT)
    check_size(points, xyz.shape, rgb, image.shape)
    if mask is None:
        return RawScan(image, xyz, None)
    classes, grey = marked(read_mask(mask))
    check_size(mask, classes.shape, rgb, image.shape)
    return RawScan(image, xyz, classes, grey_mask=grey)


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of an 8-bit PNG; alpha is dropped, greyscale and palette become RGB.

    Raises:
        DataError: no such file, not a whole 8-bit PNG, or a side over `MAX_SIDE`.
    """
    _check_eight_bit_png(path)
    with open_image(path, _PNG) as image:
        return decode_rgb(image)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """(H, W) uint8 of a single-channel 8-bit PNG: the defect class of each pixel, 0 is good.

    MVTec 3D-AD counts its classes down from 255, so any non-zero value is a defect. Of a palette
    image the indices are the classes.

    Raises:
        DataError: no such file, not a whole single-channel 8-bit PNG, or a side over `MAX_SIDE`.
    """
    colour = _check_eight_bit_png(path)
    if colour not in (png.GREY, png.PALETTE):
        raise DataError(
            f"{path} is {png.COLOURS[colour]}: save the mask as a greyscale PNG with one channel."
        )
    with open_image(path, _PNG) as image:
        return np.array(image.convert("L") if image.mode == "1" else image)


def read_points(path: Path, invalid: float | None = None) -> NDArray[np.float32]:
    """(H, W, 3) float32 organised point map of a TIFF: metres, camera frame, (0, 0, 0) no return.

    It is turned as an orientation in the file says. A point whose z is `invalid`, or GDAL's key for
    no return in the file, is none.

    Raises:
        NoReturnError: a number that nobody named looks like one for no return.
        DataError: no such file, damaged, a side over `MAX_SIDE`, not three interleaved float32
            channels, a coordinate that is not finite, or one that cannot be in metres.
    """
    check_file(path)
    with decoding(path), tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _check_shape(path, page, len(tiff.pages))
        check_page(path, page, tiff.filehandle)
        keys = page_keys(path, page)
        stored = read_page(page, tiff.filehandle).astype(np.float32, copy=False)
    points = turned(stored, keys.orientation)
    points = no_return.without(points, keys.no_return if invalid is None else invalid)
    no_return.check_depths(path, points)
    _check_coordinates(path, points)
    return points


def _check_coordinates(path: Path, points: NDArray[np.float32]) -> None:
    finite = np.isfinite(points)
    if not finite.all():
        bad = int((~finite.all(axis=-1)).sum())
        raise DataError(
            f"{path} has {counted(bad, 'point')} with NaN or Inf: write no return as (0, 0, 0)."
        )
    farthest = max(float(points.max()), -float(points.min()))  # no copy, as np.abs makes one
    if farthest > MAX_COORDINATE_M:
        raise UnitsError(
            f"{path} has coordinates up to {farthest:g}, but the unit is the metre: "
            "divide by 1000 if they are millimetres."
        )


def _check_eight_bit_png(path: Path) -> int:
    """The colour type of a PNG. Raises DataError if it has more than 8 bits a channel."""
    header = png.read_png_header(path)
    if header.bits > 8:
        raise DataError(f"{path} has {header.bits} bits a channel: save it as an 8-bit PNG.")
    return header.colour


def _check_shape(path: Path, page: tifffile.TiffPage, n_pages: int) -> None:
    shape = (n_pages, *page.shape) if n_pages > 1 else page.shape
    check_side(path, *(page.shape[-2:] if shape[0] == 3 and len(shape) == 3 else page.shape[:2]))
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


def check_size(path: Path, shape: tuple[int, ...], rgb: Path, rgb_shape: tuple[int, ...]) -> None:
    """Refuse a file whose (H, W, ...) is not that of its scan's image."""
    if shape[:2] != rgb_shape[:2]:
        raise MismatchError(
            f"{path} is {shape[0]} x {shape[1]} pixels but {rgb} is {rgb_shape[0]} x "
            f"{rgb_shape[1]}: the files of one scan must be registered pixel by pixel."
        )
