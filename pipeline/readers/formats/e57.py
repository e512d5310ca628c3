"""Scans in E57 (ASTM E2807), through pye57: lengths are metres by the standard.

A scan with the index of each point's row and column is organised. The pose is not applied: points
are in the scanner's frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import MAX_POINTS, check_side, decoding, read_head, truncated
from .format import Format, from_extra
from .records import Cloud

_SIGNATURE = b"ASTM-E57"
_HEADER = struct.Struct("<8sIIQQQQ")  # name, version, file's length, XML's place and length, page
_LONGEST_XML = 4 * 2**20  # bytes
_PAGE, _CHECKSUM = 1024, 4  # bytes of a page, the last of which are its checksum
_AXES = ("cartesianX", "cartesianY", "cartesianZ")
_COLOURS = ("colorRed", "colorGreen", "colorBlue")
_PLACES = ("rowIndex", "columnIndex")
_INVALID = "cartesianInvalidState"
_MOST_EMPTY = 50  # cells of the grid for each point


def read_e57(path: Path) -> Cloud:
    """The points of the one scan, organised where they have rows and columns.

    Raises:
        DataError: damaged, truncated, not one scan, no Cartesian coordinates, or more points or
            rows and columns than the file can hold.
    """
    with decoding(path), _opened(path) as (file, header):
        fields = set(header.point_fields)
        if not fields.issuperset(_AXES):
            raise DataError(f"{path} has no Cartesian points: export it with x, y and z.")
        if not 1 <= header.point_count <= min(MAX_POINTS, path.stat().st_size):
            raise truncated(path)
        wanted = [*_AXES, *(n for n in (*_COLOURS, *_PLACES, _INVALID) if n in fields)]
        columns, buffers = file.make_buffers(wanted, header.point_count)
        if header.points.reader(buffers).read() != header.point_count:
            raise truncated(path)
    points = np.stack([columns[axis] for axis in _AXES], axis=-1)
    if _INVALID in columns:
        points[columns[_INVALID] != 0] = np.nan
    colours = None
    if fields.issuperset(_COLOURS):
        stacked = np.stack([columns[name] for name in _COLOURS], axis=-1)
        colours = np.clip(stacked, 0, 255).astype(np.uint8)
    if not fields.issuperset(_PLACES):
        return Cloud(points, None, colours, "m")
    return _arranged(path, points, colours, *(columns[name] for name in _PLACES))


def has_colour(path: Path) -> bool:
    """Whether the scan's points have colours; DataError where the file is damaged."""
    with decoding(path), _opened(path) as (_, header):
        return set(header.point_fields).issuperset(_COLOURS)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The file and the header of its scan."""
    _check_xml(path)
    pye57 = from_extra(path, "pye57")
    file = pye57.E57(str(path))
    try:
        if file.scan_count != 1:
            raise DataError(f"{path} has {file.scan_count} scans: export one a file.")
        yield file, file.get_header(0)
    finally:
        file.close()


def _check_xml(path: Path) -> None:
    """Refuse what an XML parser must not see: a false size, and types of its own.

    Entities of a document type may stand for gigabytes or for other files.
    """
    head = read_head(path, _HEADER.size)
    if len(head) < _HEADER.size:
        raise truncated(path)
    _, _, _, length, start, xml_length, page = _HEADER.unpack(head)
    if length > path.stat().st_size or start + xml_length > length:
        raise truncated(path)
    if xml_length > _LONGEST_XML or page != _PAGE:
        raise DataError(f"{path} has {xml_length} bytes of XML: export it again.")
    first = start - start % _PAGE
    with path.open("rb") as file:
        file.seek(first)
        pages = file.read((start - first) + xml_length + xml_length // 128 + 2 * _PAGE)
    kept = (pages[i : i + _PAGE - _CHECKSUM] for i in range(0, len(pages), _PAGE))
    if b"<!" in b"".join(kept).replace(b"<![CDATA[", b"").replace(b"<!--", b""):
        raise DataError(f"{path} has a document type in its XML: export it again.")


def _arranged(
    path: Path,
    points: NDArray[np.float64],
    colours: NDArray[np.uint8] | None,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Cloud:
    """One point a cell, NaN where a cell has none; of several in one the last is kept."""
    row, column = row - row.min(), column - column.min()
    height, width = int(row.max()) + 1, int(column.max()) + 1
    check_side(path, height, width)
    if height * width > _MOST_EMPTY * len(points):
        raise DataError(
            f"{path} has {len(points)} points in {height} x {width} rows and columns: export it "
            "with the points of every cell."
        )
    cell = row * width + column
    cells = np.full((height * width, 3), np.nan)
    cells[cell] = points
    if colours is None:
        return Cloud(cells, (height, width), None, "m")
    painted = np.zeros((height * width, 3), np.uint8)
    painted[cell] = colours
    return Cloud(cells, (height, width), painted, "m")


E57 = Format("E57", frozenset({".e57"}), (_SIGNATURE,), read_e57, has_colour)
