"""The colour ranges of a category's maps, from scans that are read one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (1.0, 99.9)  # of the foreground's pixels: the lowest and the highest colour
_BITS = 16  # of a value's 32 that a pass tells apart
_BINS = 1 << _BITS

Values = NDArray[np.float32]
Range = tuple[float, float]


def colour_ranges(scans: Sequence[Values]) -> list[Range]:
    """The (vmin, vmax) of K maps: the 1st and 99.9th percentile of the foreground's pixels.

    They are those of `np.percentile` on the pixels of all scans, to the bit, by selection with a
    refined histogram. A first pass over the scans counts the upper halves of the values' bits; a
    second one counts the lower halves of those values that share them with a rank in question.

    Args:
        scans: (K, P) of each scan's foreground, read when they are asked for.

    Returns:
        K ranges, and none without scans. A constant map gets a range of width 1 above its value.
    """
    maps = [_Selection() for _ in range(len(scans[0]))] if len(scans) else []
    for values in scans:
        for one, row in zip(maps, values, strict=True):
            one.count(row)
    for one in maps:
        one.choose()
    for values in scans:
        for one, row in zip(maps, values, strict=True):
            one.refine(row)
    return [_range(*(one.percentile(q) for q in PERCENTILES)) for one in maps]


def _range(low: float, high: float) -> Range:
    """A range that is not empty."""
    return (low, high) if high > low else (low, low + 1.0)


class _Selection:
    """Percentiles of values that pass by twice."""

    def __init__(self) -> None:
        self._upper = np.zeros(_BINS, np.int64)
        self._lower: dict[int, NDArray[np.int64]] = {}

    def count(self, values: Values) -> None:
        self._upper += np.bincount(_keys(values) >> _BITS, minlength=_BINS)

    def choose(self) -> None:
        """Once all values were counted: find where those lie that are asked for."""
        self._up_to = np.cumsum(self._upper)
        self._count = int(self._up_to[-1])
        ranks = [rank for q in PERCENTILES for rank in self._neighbours(q)] if self._count else []
        self._lower = {self._bin(rank): np.zeros(_BINS, np.int64) for rank in ranks}

    def refine(self, values: Values) -> None:
        keys = _keys(values)
        upper = keys >> _BITS
        for bin_, counts in self._lower.items():
            counts += np.bincount(keys[upper == bin_] & (_BINS - 1), minlength=_BINS)

    def percentile(self, q: float) -> float:
        """As `np.percentile` has it, between two neighbours; of no values 0."""
        if not self._count:
            return 0.0
        low, high = (self._value(rank) for rank in self._neighbours(q))
        place = (self._count - 1) * (q / 100)
        part, step = np.float64(place - math.floor(place)), high - low
        return float(low + step * part if part < 0.5 else high - step * (1 - part))

    def _neighbours(self, q: float) -> tuple[int, int]:
        """The ranks, from 0, that a percentile lies between."""
        below = math.floor((self._count - 1) * (q / 100))
        return below, min(below + 1, self._count - 1)

    def _bin(self, rank: int) -> int:
        return int(np.searchsorted(self._up_to, rank, side="right"))

    def _value(self, rank: int) -> np.float32:
        """The value of a rank, from 0."""
        upper = self._bin(rank)
        rest = rank - int(self._up_to[upper] - self._upper[upper])
        lower = int(np.searchsorted(np.cumsum(self._lower[upper]), rest, side="right"))
        return _float(upper << _BITS | lower)


def _keys(values: Values) -> NDArray[np.uint32]:
    """Numbers in the order of the values: with the sign's bit turned, of negative ones all bits."""
    bits = (values + np.float32(0)).view(np.uint32)  # so that -0 is 0
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _float(key: int) -> np.float32:
    """The value of a key."""
    bits = key ^ (1 << 31) if key >> 31 else ~key & 0xFFFFFFFF
    return np.uint32(bits).view(np.float32)
