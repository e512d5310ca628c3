"""Height maps as text: a table of numbers, a row a line, after whatever lines its sensor adds.

Cells are parted by tabs, semicolons, commas or blanks; an empty one, NaN, dashes or stars are no
return. LMI's Gocator writes the places of its columns and rows too, in millimetres.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import MAX_POINTS, MAX_SIDE, check_side, decoding, truncated
from .format import Format
from .height_map import Heights

_LONGEST_LINE = MAX_SIDE * 40  # bytes
_MOST_LINES = MAX_SIDE + 1000  # with those before and after the table
_SEPARATORS = ("\t", ";", ",")
_AXES = re.compile(r"\s*y\s*[\\/]\s*x\b", re.IGNORECASE)  # the corner of a table with axes
_COUNTS = ("row count", "column count")
_NO_RETURN = re.compile(r"[-*]*|-?nan(\(\w*\))?", re.IGNORECASE)
_MM = 0.001
_EVEN = 0.01  # of the pitch, that printed places may be off

Table = NDArray[np.float64]


def read_csv(path: Path) -> Heights | Table:
    """A table with the places of its columns and rows, or (H, W) float64 without; NaN: no return.

    Raises:
        DataError: no table of numbers, several, one with lines of different lengths, fewer lines
            than its header says, places that are not even, or a size over `MAX_SIDE`.
    """
    with decoding(path):
        lines = _read_lines(path)
        separator = _separator(lines)
        rows = _Rows(lines, separator)
        starts = [i for i, line in enumerate(lines) if _AXES.match(line)]
        if len(starts) > 1:
            raise DataError(f"{path} has {len(starts)} height maps: export one frame a file.")
        if starts:
            return _with_axes(path, rows, starts[0])
        return _plain(path, rows)


class _Rows:
    """The cells of each line, parted when they are asked for: they take ten times the memory."""

    def __init__(self, lines: list[str], separator: str | None) -> None:
        self.lines, self.separator = lines, separator

    def cells(self, i: int) -> list[str]:
        return self.lines[i].split(self.separator)

    def numbers(self, cells: list[str]) -> NDArray[np.float64] | None:
        """(W,) float64; None where a cell is neither a number nor empty."""
        if self.separator in ("\t", ";"):
            cells = [cell.replace(",", ".") for cell in cells]
        try:
            return np.array([float(cell or "nan") for cell in cells])
        except ValueError:
            pass
        stripped = [cell.strip() for cell in cells]
        try:
            return np.array([np.nan if _NO_RETURN.fullmatch(c) else float(c) for c in stripped])
        except ValueError:
            return None


def _read_lines(path: Path) -> list[str]:
    """The lines without their ends, bounded in number and length."""
    lines: list[str] = []
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE + 1):
            if len(line) > _LONGEST_LINE or len(lines) == _MOST_LINES:
                raise DataError(f"{path} has lines or rows without end: its sides are too long.")
            if b"\0" in line:
                raise DataError(f"{path} is not text of one byte a letter: save it as UTF-8.")
            lines.append(line.decode("latin-1").strip("\r\n"))
    if lines:
        lines[0] = lines[0].removeprefix("\xef\xbb\xbf")
    return lines


def _separator(lines: list[str]) -> str | None:
    """The separator of the longest line, which belongs to the table; None where blanks separate."""
    longest = max(lines, key=len, default="")
    return next((separator for separator in _SEPARATORS if separator in longest), None)


def _with_axes(path: Path, rows: _Rows, start: int) -> Heights:
    columns = rows.numbers(rows.cells(start)[1:])
    if columns is None:
        raise DataError(f"{path} has places of columns that are no numbers: export it again.")
    table = _table_from(path, rows, start + 1, len(columns) + 1)
    n_rows, n_columns = len(table), len(columns)
    claimed = _claimed([rows.cells(i) for i in range(max(0, start - 2), start)])
    if claimed not in (None, (n_rows, n_columns)):
        raise truncated(path)
    check_side(path, n_rows, n_columns)
    pitch = _pitch(path, columns, "column"), _pitch(path, table[:, 0], "row")
    return Heights(table[:, 1:], pitch, _MM)


def _claimed(rows: list[list[str]]) -> tuple[int, int] | None:
    """Rows and columns by the header, where it says so."""
    for names, values in pairwise(rows):
        known = dict(zip((name.strip().lower() for name in names), values, strict=False))
        if all(known.get(name, "").strip().isdecimal() for name in _COUNTS):
            return int(known[_COUNTS[0]][:9]), int(known[_COUNTS[1]][:9])
    return None


def _pitch(path: Path, places: NDArray[np.float64], what: str) -> float:
    if len(places) < 2 or not np.isfinite(places).all():
        raise DataError(f"{path} has no two places of a {what}: export it again.")
    pitch = float(places[-1] - places[0]) / (len(places) - 1)
    even = places[0] + pitch * np.arange(len(places))
    if pitch == 0 or np.abs(places - even).max() > _EVEN * abs(pitch):
        raise DataError(f"{path} has {what}s at uneven places: export it resampled.")
    return abs(pitch)


def _plain(path: Path, rows: _Rows) -> Table:
    """The largest block of lines that hold equally many numbers; nothing but text may follow."""
    first, width, n_rows = 0, 0, 0
    start = 0
    while start < len(rows.lines):
        cells, end = len(rows.cells(start)), start
        while end < len(rows.lines) and _is_row(rows, end, cells):
            end += 1
        if cells * (end - start) > width * n_rows:
            first, width, n_rows = start, cells, end - start
        start = max(end, start + 1)
    if n_rows == 0:
        raise DataError(
            f"{path} is none of PLY, PCD, CSV: it is text without their headers or a table of "
            "numbers; save the geometry again."
        )
    return _table_from(path, rows, first, width)


def _is_row(rows: _Rows, i: int, width: int) -> bool:
    cells = rows.cells(i)
    return len(cells) == width > 1 and rows.numbers(cells) is not None


def _table_from(path: Path, rows: _Rows, start: int, width: int) -> Table:
    table: list[NDArray[np.float64]] = []
    for i in range(start, len(rows.lines)):
        cells = rows.cells(i)
        if len(cells) < 2:  # a blank line, or the sensor's closing word
            break
        values = rows.numbers(cells) if len(cells) == width else None
        if values is None:
            raise DataError(
                f"{path} has {len(cells)} cells in line {i + 1} that are not the {width} numbers "
                "of the lines before: copy it from its source again."
            )
        table.append(values)
    check_side(path, len(table), width)
    if len(table) * width > MAX_POINTS:
        raise DataError(f"{path} has {len(table)} x {width} cells: it must have fewer.")
    return np.stack(table)


CSV = Format("CSV", frozenset({".csv"}), (), read_csv)
