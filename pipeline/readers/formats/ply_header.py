"""The header of a PLY: its elements, its byte order and the grid that its comments name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...plumbing.errors import DataError
from .checks import read_head
from .records import MAX_FIELDS, Field

ASCII = ""  # the byte order of text

_LONGEST_HEADER = 65536  # bytes
_BYTE_ORDERS = {"ascii": ASCII, "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2"}
_TYPES |= {"uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8"}
_END = re.compile(rb"^end_header[ \t]*\r?\n", re.MULTILINE)
_GRID = re.compile(r"(?:(?:comment|obj_info)\s+)?(num_cols|num_rows|width|height)\s*[:=]?\s*(\d+)")
_COUNT = re.compile(r"\d{1,15}")


@dataclass
class Element:
    """A table of the file: its scalar properties and its lists, (type of length, type of item)."""

    name: str
    count: int
    fields: list[Field] = field(default_factory=list)
    lists: list[tuple[np.dtype[Any], np.dtype[Any]]] = field(default_factory=list)

    @property
    def has_list(self) -> bool:
        return bool(self.lists)

    @property
    def stride(self) -> int:
        return sum(one.n_bytes for one in self.fields)


@dataclass(frozen=True)
class PlyHeader:
    """What a PLY holds.

    Attributes:
        byte_order: "<", ">" or `ASCII`.
        elements: in file order.
        grid: (H, W) of an organised cloud, else None.
        n_bytes: where the first element starts.
    """

    byte_order: str
    elements: list[Element]
    grid: tuple[int, int] | None
    n_bytes: int


def read_ply_header(path: Path) -> PlyHeader:
    """The header.

    Raises:
        DataError: not a PLY, no end within 64 KiB, or a line that is not understood.
    """
    head = read_head(path, _LONGEST_HEADER)
    end = _END.search(head)
    if end is None or not re.match(rb"ply[ \t]*\r?\n", head):
        raise DataError(f"{path} has no whole PLY header: save it as PLY again.")
    # Comments are free text, in whatever encoding.
    lines = head[: end.start()].decode("latin-1").splitlines()[1:]
    byte_order = _byte_order(path, lines)
    elements = _elements(path, [line.split() for line in lines], byte_order)
    return PlyHeader(byte_order, elements, _grid(path, lines), end.end())


def _byte_order(path: Path, lines: list[str]) -> str:
    formats = [line.split()[1:] for line in lines if line.startswith("format ")]
    if len(formats) != 1 or formats[0][0] not in _BYTE_ORDERS or formats[0][1:] != ["1.0"]:
        raise DataError(f"{path} has no format that we read: save it as ascii or binary PLY 1.0.")
    return _BYTE_ORDERS[formats[0][0]]


def _elements(path: Path, lines: list[list[str]], byte_order: str) -> list[Element]:
    elements: list[Element] = []
    for words in lines:
        match words:
            case ["element", name, count] if _COUNT.fullmatch(count):
                elements.append(Element(name, int(count)))
            case ["property", "list", length, item, _] if elements:
                types = (_dtype(path, length, byte_order), _dtype(path, item, byte_order))
                elements[-1].lists.append(types)
            case ["property", kind, name] if elements:
                elements[-1].fields.append(Field(name, _dtype(path, kind, byte_order)))
            case ["element" | "property", *_]:
                raise DataError(f"{path} has the line {' '.join(words)[:80]!r}: save it again.")
        if elements and len(elements[-1].fields) > MAX_FIELDS:
            raise DataError(f"{path} claims over {MAX_FIELDS} properties: save x, y, z alone.")
    return elements


def _dtype(path: Path, name: str, byte_order: str) -> np.dtype[Any]:
    if name not in _TYPES:
        raise DataError(f"{path} has a property of type {name[:80]!r}: save it as float.")
    return np.dtype(byte_order + _TYPES[name])


def _grid(path: Path, lines: list[str]) -> tuple[int, int] | None:
    sides: dict[str, int] = {}
    for found in filter(None, (_GRID.fullmatch(line.strip().lower()) for line in lines)):
        side = "width" if found[1] in ("num_cols", "width") else "height"
        value = int(found[2][:15])
        if sides.setdefault(side, value) != value:
            raise DataError(f"{path} names two {side}s, {sides[side]} and {value}: keep one.")
    return (sides["height"], sides["width"]) if len(sides) == 2 else None
