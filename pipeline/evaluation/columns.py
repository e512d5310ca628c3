"""Numbers that are appended and then read by ranges, beyond some of them on the disk."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MEMORY = 1 << 20  # bytes of a column that are in memory at most
PART = 1 << 16  # numbers that are read at once
_ADDED = 1 << 15  # numbers that are made and added at once, at least

Terms = Callable[[int, int], NDArray[np.float64]]  # the numbers from one position to another


class Column:
    """(N,) numbers or records; `column[first:last]` is an array of some of them.

    They are in memory up to `MEMORY` bytes, and beyond it in a file that has no name, so that none
    is left behind when the process is killed.
    """

    def __init__(self, dtype: DTypeLike, folder: Path | None = None) -> None:
        """
        Args:
            folder: whose file system has the file; None: the system's for temporary files.
        """
        self.dtype = np.dtype(dtype)
        self._count = 0
        place = None if folder is None else str(folder)
        self._file = SpooledTemporaryFile(MEMORY, dir=place)  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def append(self, values: NDArray[Any]) -> None:
        """Add numbers (n,) of the column's type."""
        assert values.dtype == self.dtype
        self._file.seek(0, os.SEEK_END)
        self._file.write(values.tobytes())
        self._count += len(values)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> NDArray[Any]:
        first, last, _ = part.indices(self._count)
        self._file.seek(first * self.dtype.itemsize)
        content = self._file.read(max(0, last - first) * self.dtype.itemsize)
        return np.frombuffer(content, self.dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:], dtype)


Numbers = NDArray[Any] | Column


def parts_of(count: int, size: int = PART) -> Iterator[slice]:
    """The ranges, of at most `size`, that so many numbers are read by."""
    return (slice(first, min(first + size, count)) for first in range(0, count, size))


def sum_of(count: int, terms: Terms) -> float:
    """The sum of so many numbers, which are not made all at once, as `np.sum` has it to the bit.

    NumPy adds by halves (pairwise summation), each of which is a multiple of 8 long.
    """

    def added(first: int, last: int) -> float:
        half = (last - first) // 2 // 8 * 8
        if half < _ADDED:
            return float(terms(first, last).sum())
        return added(first, first + half) + added(first + half, last)

    return added(0, count)
