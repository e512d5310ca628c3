"""Zivid's ZDF, an HDF5 file: organised points in millimetres with colours, through h5py.

Zivid's own samples read it as NetCDF: /data/pointcloud is (H, W, 3) float, NaN where there is no
return, and /data/rgba_image is (H, W, 4) uint8.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import check_side, decoding, truncated
from .format import Format, from_extra
from .records import Cloud

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_POINTS, _COLOURS = "pointcloud", ("rgba_image", "rgb_image")
_MOST_DEFLATE = 1032  # times that Deflate can inflate
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3  # HDF5's numbers of filters
_SLACK = 8  # bytes of a chunk's checksum


def read_zdf(path: Path) -> Cloud:
    """The points and colours of one frame.

    Raises:
        DataError: another kind of HDF5 file, damaged, truncated, or data that lies elsewhere.
    """
    with decoding(path), _opened(path) as (h5py, data):
        points = _array(path, h5py, data, _POINTS, "f", (3,))
        names = [name for name in _COLOURS if name in data]
        colours = _array(path, h5py, data, names[0], "u", (3, 4)) if names else None
    if colours is not None and colours.shape[:2] != points.shape[:2]:
        raise DataError(f"{path} has colours of another size than its points: save it again.")
    grid = (points.shape[0], points.shape[1])
    flat = None if colours is None else np.ascontiguousarray(colours[..., :3]).reshape(-1, 3)
    return Cloud(points.reshape(-1, 3), grid, flat, "mm")


def has_colour(path: Path) -> bool:
    """Whether the frame has colours; DataError where the file is damaged."""
    with decoding(path), _opened(path) as (_, data):
        return any(name in data for name in _COLOURS)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    h5py = from_extra(path, "h5py")
    with h5py.File(path, "r") as file:
        if not _is_own(h5py, file, "data") or not isinstance(file["data"], h5py.Group):
            raise DataError(f"{path} is no ZDF, it has no group data: save the cloud as PLY.")
        yield h5py, file["data"]


def _is_own(h5py: Any, group: Any, name: str) -> bool:
    """Whether a name stands for something in this file: links may lead to others."""
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _array(
    path: Path, h5py: Any, data: Any, name: str, kind: str, channels: tuple[int, ...]
) -> NDArray[Any]:
    found = data[name] if _is_own(h5py, data, name) else None
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise DataError(f"{path} has no {name} of its own: save it with Zivid's software again.")
    shape, dtype = found.shape, found.dtype
    sizes = {"f": (4, 8), "u": (1,)}[kind]
    if len(shape) != 3 or shape[2] not in channels or dtype.kind != kind:
        raise DataError(f"{path} has {name} of shape {shape} and type {dtype}: save it again.")
    if dtype.itemsize not in sizes:
        raise DataError(f"{path} has {name} of type {dtype}: save it again.")
    check_side(path, shape[0], shape[1])
    _check_storage(path, found)
    values: NDArray[Any] = found[...]
    return values


def _check_storage(path: Path, found: Any) -> None:
    """Refuse data that is not there, and chunks that inflate to more than they claim."""
    claimed = found.dtype.itemsize * int(np.prod(found.shape))
    if claimed > found.id.get_storage_size() * _MOST_DEFLATE:
        raise truncated(path)
    if found.chunks is None:
        return
    plan = found.id.get_create_plist()
    filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
    limit = found.dtype.itemsize * int(np.prod(found.chunks)) + _SLACK
    if not filters <= {_DEFLATE, _SHUFFLE, _CHECKSUM} or limit > 2 * claimed + 2**20:
        raise DataError(f"{path} is packed in a way that is not read: save it again.")
    for i in range(found.id.get_num_chunks() if _DEFLATE in filters else 0):
        place = found.id.get_chunk_info(i)
        if place.size * _MOST_DEFLATE <= limit:
            continue
        _, packed = found.id.read_direct_chunk(place.chunk_offset)
        if len(zlib.decompressobj().decompress(packed, limit + 1)) > limit:
            raise DataError(f"{path} inflates to more than it claims: save it again.")


ZDF = Format("ZDF", frozenset({".zdf"}), (_SIGNATURE,), read_zdf, has_colour)
