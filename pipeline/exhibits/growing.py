"""A NumPy file that grows row by row, so that its rows need not be in memory together."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import DTypeLike, NDArray


class GrowingArray:
    """Writes a .npy file whose bytes are those of `np.save` of all its rows.

    NumPy leaves room in the header for the length of the first axis, so the header is written
    anew when the file is closed, and nothing behind it moves.
    """

    def __init__(self, path: Path, dtype: DTypeLike, *row: int) -> None:
        """
        Args:
            row: the shape of a row.
        """
        self._dtype, self._row = np.dtype(dtype), row
        self._rows = 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: NDArray[np.generic]) -> None:
        """Add rows (n, *row)."""
        assert (rows.dtype, rows.shape[1:]) == (self._dtype, self._row)
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._rows, *self._row),
            },
        )
