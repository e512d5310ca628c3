"""TIFF's floating-point predictor (3) with Deflate, as GDAL writes it.

Of each row the bytes of all numbers are sorted by their significance, highest first, and each is
stored as its difference to the byte of the same channel one number before. Source: Adobe, "TIFF
Technical Note 3"; libtiff, tif_predict.c. tifffile leaves this to a package of compiled codecs.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

PREDICTOR = 3
_SEPARATE = 2  # planar configuration: one plane a channel


def decode_predicted(page: tifffile.TiffPage, segments: Iterable[bytes]) -> NDArray[Any]:
    """The page's array, in the shape that tifffile gives it.

    Args:
        segments: strips or tiles in the file's order, whose inflated sizes have been checked.

    Raises:
        ValueError, zlib.error: a segment is damaged or of another size.
    """
    height, width = page.imagelength, page.imagewidth
    planes, samples = 1, page.samplesperpixel
    if page.planarconfig == _SEPARATE:
        planes, samples = samples, 1
    rows, columns = page.rowsperstrip, width
    if page.is_tiled:
        rows, columns = page.tilelength, page.tilewidth
    values = np.empty((planes, height, width, samples), page.dtype)
    places = product(range(planes), range(0, height, rows), range(0, width, columns))
    for (plane, y, x), segment in zip(places, segments, strict=True):
        n = rows if page.is_tiled else min(rows, height - y)
        block = _undo(zlib.decompress(segment), (n, columns, samples), values.dtype)
        values[plane, y : y + n, x : x + columns] = block[: height - y, : width - x]
    return values.reshape(page.shape)


def _undo(data: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """(rows, columns, samples) of one segment."""
    rows, columns, samples = shape
    steps = np.frombuffer(data, np.uint8).reshape(rows, -1, samples)
    planes = steps.cumsum(axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, columns * samples)
    numbers = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
    return numbers.reshape(shape)
