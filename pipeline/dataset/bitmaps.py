"""Masks of one bit a pixel, on the disk until they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from ..plumbing.errors import DataError
from ..seals.mapped import release
from .grid import SIZE

PACKED = SIZE * SIZE // 8  # bytes of a mask


def pack_bits(pixels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack (224, 224) bool into (6272,) uint8: one bit for each pixel, row-major."""
    return np.packbits(pixels)


@dataclass(frozen=True, eq=False)
class BitMaps:
    """(N, 224, 224) bool, of which only the rows that are asked for are unpacked.

    `maps[3]` is (224, 224); `maps[[3, 5]]` and `maps[3:5]` are (2, 224, 224).
    """

    packed: NDArray[np.uint8]  # (N, 6272), mapped

    @classmethod
    def load(cls, path: Path, count: int) -> Self:
        """Open the masks of `count` scans.

        Raises:
            DataError: the file is missing, damaged or of another number of scans.
        """
        try:  # a file without values cannot be mapped
            packed = np.load(path, allow_pickle=False, mmap_mode="r" if count else None)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path} cannot be read ({error}): run prepare again.") from error
        return cls.of(packed, path, count)

    @classmethod
    def of(cls, packed: NDArray, path: Path, count: int) -> Self:
        """The masks of `count` scans in the array of a file; raises as `load`."""
        if packed.dtype != np.uint8 or packed.shape != (count, PACKED):
            raise DataError(
                f"{path} is {packed.dtype} {packed.shape} but its manifest has {count} scans, "
                f"uint8 ({count}, {PACKED}): run prepare again."
            )
        return cls(packed)

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[NDArray[np.bool_]]:
        return (self[position] for position in range(len(self)))

    @overload
    def __getitem__(self, rows: int | np.integer) -> NDArray[np.bool_]: ...

    @overload
    def __getitem__(self, rows: Sequence[int] | slice) -> NDArray[np.bool_]: ...

    def __getitem__(self, rows: int | np.integer | Sequence[int] | slice) -> NDArray[np.bool_]:
        if not isinstance(rows, int | np.integer | slice):
            rows = np.asarray(rows, dtype=np.int64)  # type: ignore[assignment]
        found = np.asarray(self.packed[rows])
        bits = np.unpackbits(found, axis=-1).view(np.bool_)
        release(self.packed)
        return bits.reshape(*found.shape[:-1], SIZE, SIZE)
