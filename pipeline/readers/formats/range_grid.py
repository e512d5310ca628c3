"""Stanford's range grid in PLY: for each cell a list of no index or of one, that of its vertex."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .ply_header import ASCII, Element

MOST_CELL_BYTES = 32  # of text: "1 ", the digits of an index, the end of the line


def parse_range_grid(
    path: Path, body: bytes, element: Element, byte_order: str, n_vertices: int
) -> NDArray[np.int64]:
    """(N,) index of each cell's vertex, -1 where the cell is empty.

    Raises:
        DataError: other properties than one list of integers, a list of several, an index that no
            vertex has, or too few cells.
    """
    if element.fields or len(element.lists) != 1 or element.lists[0][0].itemsize != 1:
        raise DataError(f"{path} has a range_grid that is not a uchar list of vertex indices.")
    item = element.lists[0][1]
    if item.kind not in "iu":
        raise DataError(f"{path} has a range_grid of {item}: save its indices as int.")
    if byte_order == ASCII:
        found = _pairs(_text_cells(path, body, element.count))
    else:
        found = _pairs(_binary_cells(path, body, element.count, item.itemsize))
        raw = np.frombuffer(body, np.uint8)[found[:, 1:] + np.arange(item.itemsize)]
        found[:, 1] = raw.view(item)[:, 0]
    if ((found[:, 1] < 0) | (found[:, 1] >= n_vertices)).any():
        raise DataError(f"{path} has a range_grid with an index that none of its vertices has.")
    index = np.full(element.count, -1, np.int64)
    index[found[:, 0]] = found[:, 1]
    return index


def _pairs(cells: Iterator[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(list(cells), np.int64).reshape(-1, 2)


def _text_cells(path: Path, body: bytes, n_cells: int) -> Iterator[tuple[int, int]]:
    """Cell and vertex index of each cell that has one."""
    lines = (line.split() for line in io.BytesIO(body))
    for cell in range(n_cells):
        words = next(lines, None)
        if words is None:
            raise _short(path)
        if words == [b"0"]:
            continue
        if len(words) != 2 or words[0] != b"1" or len(words[1]) > 15:
            raise _several(path, cell)
        yield cell, int(words[1])


def _binary_cells(path: Path, body: bytes, n_cells: int, n_bytes: int) -> Iterator[tuple[int, int]]:
    """Cell and where in the body the vertex index lies of each cell that has one."""
    at = 0
    for cell in range(n_cells):
        if at >= len(body) or at + 1 + body[at] * n_bytes > len(body):
            raise _short(path)
        if body[at] > 1:
            raise _several(path, cell)
        if body[at]:
            yield cell, at + 1
        at += 1 + body[at] * n_bytes


def _short(path: Path) -> DataError:
    return DataError(f"{path} has fewer cells in its range_grid than it claims: copy it again.")


def _several(path: Path, cell: int) -> DataError:
    return DataError(f"{path} has a cell, {cell}, that is not a list of no or one vertex index.")
