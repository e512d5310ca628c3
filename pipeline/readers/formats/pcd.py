"""Point clouds in PCL's PCD: ascii, binary and binary_compressed.

Source: pointclouds.org, "The PCD (Point Cloud Data) file format". VIEWPOINT says where the sensor
stood and is not applied: the points of a scan are in the sensor's frame already.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from . import lzf
from .checks import decoding, read_head, truncated
from .colours import colour_names, stack_colours
from .format import Format
from .records import (
    AXES,
    Cloud,
    Field,
    check_count,
    check_fields,
    parse_binary,
    parse_text,
    read_body,
    stack_axes,
)

_LONGEST_HEADER = 65536  # bytes
_DTYPES = {f"{kind.upper()}{n}": f"<{kind}{n}" for kind in "iu" for n in (1, 2, 4, 8)}
_DTYPES |= {"F4": "<f4", "F8": "<f8"}
_MOST_LZF = 88  # times that LZF can inflate: three bytes make at most 264
_DATA = re.compile(rb"^DATA[ \t]+(\S+)[ \t]*\r?\n", re.MULTILINE)


@dataclass(frozen=True)
class _Header:
    fields: list[Field]
    n_points: int
    grid: tuple[int, int] | None
    storage: str  # ascii, binary, binary_compressed
    n_bytes: int

    @property
    def stride(self) -> int:
        return sum(field.n_bytes for field in self.fields)


def read_pcd(path: Path) -> Cloud:
    """All points, with the colours of a field rgb or rgba; HEIGHT over 1: an organised cloud.

    Raises:
        DataError: a header that is not PCD's, lacks x, y or z, or claims what the file does not
            hold; a truncated or damaged body.
    """
    with decoding(path):
        header = _read_header(path)
        with path.open("rb") as file:
            file.seek(header.n_bytes)
            columns = _read_columns(path, file, header)
        return Cloud(stack_axes(columns), header.grid, stack_colours(columns, header.fields))


def has_colour(path: Path) -> bool:
    """Whether the header names a colour; DataError where it is none."""
    with decoding(path):
        return bool(colour_names(_read_header(path).fields))


def _read_header(path: Path) -> _Header:
    head = read_head(path, _LONGEST_HEADER)
    data = _DATA.search(head)
    if data is None:
        raise DataError(f"{path} has no DATA line in its header: save it as PCD again.")
    lines = (line.split() for line in head[: data.start()].decode("latin-1").splitlines())
    entries = {words[0].upper(): words[1:] for words in lines if words}
    fields = _fields(path, entries)
    check_fields(path, fields)
    width, height = _integer(path, entries, "WIDTH"), _integer(path, entries, "HEIGHT")
    n_points = _integer(path, entries, "POINTS") if "POINTS" in entries else width * height
    grid = (height, width) if height > 1 else None
    if grid is None and width * height != n_points:
        raise DataError(f"{path} claims {width} x {height} but {n_points} points: save it again.")
    check_count(path, n_points, grid)
    return _Header(fields, n_points, grid, data[1].decode("latin-1").lower(), data.end())


def _fields(path: Path, entries: dict[str, list[str]]) -> list[Field]:
    names = entries.get("FIELDS", [])
    counts = entries.get("COUNT", ["1"] * len(names))
    columns = (names, entries.get("SIZE", []), entries.get("TYPE", []), counts)
    if len({len(column) for column in columns}) != 1:
        raise DataError(f"{path} has FIELDS, SIZE, TYPE and COUNT of different lengths.")
    fields = []
    for name, size, kind, count in zip(*columns, strict=True):
        code = kind.upper() + size
        if code not in _DTYPES or not re.fullmatch(r"\d{1,5}", count):  # 0: a padding of no bytes
            raise DataError(f"{path} has {name} of type {kind}, size {size}, count {count}.")
        fields.append(Field(name, np.dtype(_DTYPES[code]), int(count)))
    return fields


def _integer(path: Path, entries: dict[str, list[str]], key: str) -> int:
    words = entries.get(key, [])
    if len(words) != 1 or not re.fullmatch(r"\d{1,15}", words[0]):
        raise DataError(f"{path} has {key} {' '.join(words) or 'nowhere'}: write a whole number.")
    return int(words[0])


def _read_columns(path: Path, file: BinaryIO, header: _Header) -> dict[str, NDArray[Any]]:
    names = (*AXES, *colour_names(header.fields))
    if header.storage == "ascii":
        body = read_body(path, file, path.stat().st_size - header.n_bytes)
        return parse_text(path, body, header.fields, names, header.n_points)[0]
    if header.storage == "binary":
        body = read_body(path, file, header.n_points * header.stride)
        return parse_binary(body, header.fields, names)
    if header.storage == "binary_compressed":
        return _read_compressed(path, file, header, names)
    raise DataError(f"{path} has DATA {header.storage}: save it as binary.")


def _read_compressed(
    path: Path, file: BinaryIO, header: _Header, names: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    """Field after field instead of point after point, as LZF likes it better.

    A block that LZF cannot shrink is stored as it is: both sizes are equal then.
    """
    packed, size = struct.unpack("<II", read_body(path, file, 8))
    if size != header.n_points * header.stride:
        raise DataError(
            f"{path} holds {size} bytes of points, not {header.n_points} x {header.stride}."
        )
    if packed * _MOST_LZF < size:
        raise truncated(path)
    block = read_body(path, file, packed)
    body = block if packed == size else lzf.decompress(block, size)
    columns: dict[str, NDArray[Any]] = {}
    start = 0
    for field in header.fields:
        if field.name in names:
            columns[field.name] = np.frombuffer(body, field.dtype, header.n_points, start)
        start += field.n_bytes * header.n_points
    return columns


PCD = Format("PCD", frozenset({".pcd"}), (b"#", b"VERSION", b"FIELDS"), read_pcd, has_colour)
