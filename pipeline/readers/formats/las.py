"""Clouds in LAS, through laspy. They have no rows and columns, so a camera is needed.

LAZ is not read: its decoders end the process on some damaged files, and a station must go on.

Source: ASPRS, "LAS Specification 1.4 - R15".
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import MAX_POINTS, decoding, read_head, truncated
from .format import Format, from_extra
from .records import Cloud

_SIGNATURE = b"LASF"
_HEADER_BYTES = 375  # of version 1.4, the longest
_SIZES = struct.Struct("<HII")  # at byte 94: of the header, to the points, records before them
_FORMAT_AT, _COLOURED, _COMPRESSED = 104, (2, 3, 5, 7, 8, 10), 0xC0
_RECORD_BYTES, _EXTENDED_BYTES = 54, 60
_CHUNK = 100_000  # points that are decoded at once: a false count then costs no memory


def read_las(path: Path) -> Cloud:
    """All points, with their colours of 16 bits brought to 8.

    Files that hold 8 bits in the 16, as many do against the standard, are told by their maximum.

    Raises:
        DataError: damaged, truncated, or more points than can be taken.
    """
    _check_header(path)
    with decoding(path):
        laspy = from_extra(path, "laspy")
        with laspy.open(path) as file:
            count = file.header.point_count
            if not 1 <= count <= MAX_POINTS:
                raise DataError(f"{path} claims {count} points: it must have 1 to {MAX_POINTS}.")
            chunks = list(file.chunk_iterator(_CHUNK))
        if sum(map(len, chunks)) != count:
            raise truncated(path)
        points = np.concatenate([np.stack([c.x, c.y, c.z], axis=-1) for c in chunks])
        if not has_colour(path):
            return Cloud(points, None)
        wide = [np.stack([c.red, c.green, c.blue], axis=-1) for c in chunks]
        return Cloud(points, None, _narrow(np.concatenate(wide)))


def has_colour(path: Path) -> bool:
    """Whether the format of its points has colours; DataError where the header is damaged."""
    head = _check_header(path)
    return head[_FORMAT_AT] & 0x3F in _COLOURED


def _check_header(path: Path) -> bytes:
    """The header, once the records that it claims can be in the file."""
    head = read_head(path, _HEADER_BYTES)
    if len(head) < 227:
        raise truncated(path)
    header, start, records = _SIZES.unpack_from(head, 94)
    size = path.stat().st_size
    if start > size or header + records * _RECORD_BYTES > start:
        raise truncated(path)
    if head[25] >= 4 and len(head) >= 247:
        (extended,) = struct.unpack_from("<I", head, 243)
        if extended * _EXTENDED_BYTES > size:
            raise truncated(path)
    if head[_FORMAT_AT] & _COMPRESSED:
        raise DataError(f"{path} is LAZ, compressed: run laszip -i {path.name} -o OUT.las on it.")
    return head


def _narrow(wide: NDArray[Any]) -> NDArray[np.uint8]:
    if wide.max() <= 255:
        return wide.astype(np.uint8)
    return ((wide.astype(np.uint32) + 128) // 257).astype(np.uint8)


LAS = Format("LAS", frozenset({".las", ".laz"}), (_SIGNATURE,), read_las, has_colour)
