"""Columns out of a table of points, as PLY and PCD hold it: one row a point, text or binary."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from ...plumbing.errors import DataError
from .checks import MAX_POINTS, check_side, truncated

MAX_FIELDS = 256  # colours, normals, features; more is a lie or no scan
MAX_STRIDE = 4096  # bytes of one point
MAX_BODY = 4 * 2**30  # bytes of all points
AXES = ("x", "y", "z")

# As Microsoft's C library writes what is no number: -1.#IND, 1.#QNAN0, 1.#INF, -nan(ind).
_NO_NUMBER = re.compile(rb"[-+]?(?:\d\.#[A-Z]{3,4}\d*|nan\([a-z]*\))", re.IGNORECASE)
_COMMA = re.compile(rb"\S*,\S*")


@dataclass(frozen=True)
class Cloud:
    """Points in file order.

    Attributes:
        points: (N, 3) float, in the file's unit; NaN where there is no return.
        grid: (H, W) with H W = N where the cloud is organised, row by row; else None.
        colours: (N, 3) uint8 of RGB; None where the cloud has none.
        units: of the points, where the format says; None: the data set's.
    """

    points: NDArray[Any]
    grid: tuple[int, int] | None
    colours: NDArray[np.uint8] | None = None
    units: Literal["m", "mm"] | None = None


@dataclass(frozen=True)
class Field:
    """One property of every point: `count` numbers of `dtype`, which carries the byte order."""

    name: str
    dtype: np.dtype[Any]
    count: int = 1

    @property
    def n_bytes(self) -> int:
        return self.dtype.itemsize * self.count


def check_fields(path: Path, fields: list[Field]) -> None:
    """Raises DataError unless x, y and z are there once each and the point has a sane size."""
    n_bytes = sum(field.n_bytes for field in fields)
    if len(fields) > MAX_FIELDS or n_bytes > MAX_STRIDE:
        raise DataError(
            f"{path} claims {len(fields)} properties of {n_bytes} bytes a point: "
            f"save x, y, z alone ({MAX_FIELDS} properties of {MAX_STRIDE} bytes are allowed)."
        )
    for axis in AXES:
        found = [field.count for field in fields if field.name == axis]
        if found != [1]:
            raise DataError(f"{path} has {len(found)} properties {axis!r}: save x, y and z once.")


def check_count(path: Path, n_points: int, grid: tuple[int, int] | None) -> None:
    """Raises DataError unless the header's number of points is sane and fills the grid."""
    if not 1 <= n_points <= MAX_POINTS:
        raise DataError(f"{path} claims {n_points} points: it must have 1 to {MAX_POINTS}.")
    if grid is None:
        return
    check_side(path, *grid)
    if grid[0] * grid[1] != n_points:
        raise DataError(
            f"{path} claims {grid[0]} x {grid[1]} pixels but {n_points} points: "
            "save an organised cloud whole, with NaN where there is no return."
        )


def read_body(path: Path, file: BinaryIO, n_bytes: int) -> bytes:
    """The next `n_bytes` of the file.

    Raises:
        DataError: fewer are left, or they are over `MAX_BODY`.
    """
    left = path.stat().st_size - file.tell()
    if n_bytes > left:
        raise truncated(path)
    if n_bytes > MAX_BODY:
        raise DataError(f"{path} has {n_bytes} bytes of points: save x, y, z alone.")
    return file.read(n_bytes)


def parse_binary(body: bytes, fields: list[Field], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """(N,) column of each named field, in its own type, from a body of whole records."""
    offsets = np.cumsum([0, *(field.n_bytes for field in fields)])
    wanted = [[field.name for field in fields].index(name) for name in names]
    record = np.dtype(
        {
            "names": list(names),
            "formats": [fields[i].dtype for i in wanted],
            "offsets": [int(offsets[i]) for i in wanted],
            "itemsize": int(offsets[-1]),
        }
    )
    rows = np.frombuffer(body, record)
    return {name: rows[name] for name in names}


def stack_axes(columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """(N, 3) in native byte order: float32 where all of x, y, z are, else float64."""
    narrow = all(columns[axis].dtype.newbyteorder("=") == np.float32 for axis in AXES)
    dtype = np.float32 if narrow else np.float64
    return np.stack([columns[axis].astype(dtype) for axis in AXES], axis=-1)


def parse_text(
    path: Path, body: bytes, fields: list[Field], names: Sequence[str], n_points: int
) -> tuple[dict[str, NDArray[Any]], int]:
    """Columns of named fields from the first lines of a body, one a point, blank ones aside.

    Returns:
        (N,) float64 of each name, and how many bytes the lines take.

    Raises:
        DataError: too few lines, or numbers with commas.
        ValueError: a line that is too short, or text that is no number.
    """
    firsts = np.cumsum([0, *(field.count for field in fields)])
    wanted = [int(firsts[[f.name for f in fields].index(name)]) for name in names]
    if n_points * 2 * int(firsts[-1]) - 1 > len(body) or not body.strip():
        raise truncated(path)
    stream = io.BytesIO(body)
    lines: Iterator[bytes] = islice((line for line in stream if not line.isspace()), n_points)
    if b"#" in body or b"(" in body:
        lines = (_NO_NUMBER.sub(b"nan", line) for line in lines)
    if b"," in body:
        lines = _without_commas(path, lines)
    values = np.loadtxt(lines, comments=None, usecols=wanted, ndmin=2)
    if len(values) < n_points:
        raise truncated(path)
    return {name: values[:, i] for i, name in enumerate(names)}, stream.tell()


def _without_commas(path: Path, lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if found := _COMMA.search(line):
            word = found[0].decode("latin-1")[:40]
            raise DataError(
                f"{path} has a comma in the number {word!r}: save it with decimal points, and with "
                "spaces between numbers."
            )
        yield line
