"""Point clouds in PLY: ascii, binary little and big endian; organised ones by their header.

A header line `num_cols N` and `num_rows M`, or `width N` and `height M`, after `comment` or
`obj_info`, makes the cloud organised: a vertex a pixel, row by row, or fewer vertices and
Stanford's `range_grid`. Source: Turk, "The PLY Polygon File Format"; the Stanford 3D Scanning
Repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import decoding, truncated
from .colours import colour_names, stack_colours
from .format import Format
from .ply_header import ASCII, Element, PlyHeader, read_ply_header
from .range_grid import MOST_CELL_BYTES, parse_range_grid
from .records import (
    AXES,
    Cloud,
    check_count,
    check_fields,
    parse_binary,
    parse_text,
    read_body,
    stack_axes,
)


def read_ply(path: Path) -> Cloud:
    """All vertices, with their colours; of a range grid all cells, NaN where a cell is empty.

    Raises:
        DataError: a header that is not PLY's, has lists on vertices, lacks x, y or z, or claims
            what the file does not hold; a truncated or damaged body.
    """
    with decoding(path):
        header = read_ply_header(path)
        before, vertex, after = _around_vertex(path, header)
        check_fields(path, vertex.fields)
        grid_element = after[0] if after and after[0].name == "range_grid" else None
        check_count(path, vertex.count, None if grid_element else header.grid)
        with path.open("rb") as file:
            file.seek(header.n_bytes)
            _skip(path, file, header, before)
            columns = _read_vertices(path, file, header, vertex)
            cloud = Cloud(stack_axes(columns), header.grid, stack_colours(columns, vertex.fields))
            if grid_element is None:
                return cloud
            return _arrange(path, file, header, grid_element, cloud)


def has_colour(path: Path) -> bool:
    """Whether the header names a colour of each vertex; DataError where it is none."""
    with decoding(path):
        elements = read_ply_header(path).elements
        return any(e.name == "vertex" and colour_names(e.fields) for e in elements)


def _around_vertex(path: Path, header: PlyHeader) -> tuple[list[Element], Element, list[Element]]:
    names = [element.name for element in header.elements]
    if names.count("vertex") != 1:
        raise DataError(f"{path} has {names.count('vertex')} vertex elements: save just one.")
    at = names.index("vertex")
    vertex = header.elements[at]
    if vertex.has_list:
        raise DataError(f"{path} has lists on its vertices: save x, y, z as plain properties.")
    return header.elements[:at], vertex, header.elements[at + 1 :]


def _skip(path: Path, file: BinaryIO, header: PlyHeader, elements: list[Element]) -> None:
    for element in elements:
        if header.byte_order == ASCII:
            for _ in range(element.count):
                if not file.readline():
                    raise truncated(path)
        elif element.has_list:
            raise DataError(f"{path} has lists before its vertices: save the vertices first.")
        else:
            n_bytes = element.count * element.stride
            if n_bytes > path.stat().st_size - file.tell():
                raise truncated(path)
            file.seek(n_bytes, 1)


def _read_vertices(
    path: Path, file: BinaryIO, header: PlyHeader, vertex: Element
) -> dict[str, NDArray[Any]]:
    names = (*AXES, *colour_names(vertex.fields))
    if header.byte_order != ASCII:
        body = read_body(path, file, vertex.count * vertex.stride)
        return parse_binary(body, vertex.fields, names)
    start = file.tell()
    body = read_body(path, file, path.stat().st_size - start)
    columns, n_bytes = parse_text(path, body, vertex.fields, names, vertex.count)
    file.seek(start + n_bytes)
    return columns


def _arrange(
    path: Path, file: BinaryIO, header: PlyHeader, element: Element, cloud: Cloud
) -> Cloud:
    """One point a cell of the range grid; an empty one is black."""
    if header.grid is None:
        raise DataError(f"{path} has a range_grid but no num_cols and num_rows in its header.")
    check_count(path, element.count, header.grid)
    left = path.stat().st_size - file.tell()
    body = read_body(path, file, min(left, MOST_CELL_BYTES * element.count))
    index = parse_range_grid(path, body, element, header.byte_order, len(cloud.points))
    filled, vertex = index >= 0, index[index >= 0]
    cells = np.full((element.count, 3), np.nan, cloud.points.dtype)
    cells[filled] = cloud.points[vertex]
    if cloud.colours is None:
        return Cloud(cells, header.grid)
    colours = np.zeros((element.count, 3), np.uint8)
    colours[filled] = cloud.colours[vertex]
    return Cloud(cells, header.grid, colours)


PLY = Format("PLY", frozenset({".ply"}), (b"ply",), read_ply, has_colour)
