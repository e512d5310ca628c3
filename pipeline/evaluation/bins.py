"""How many normal pixels are at and between thresholds, in four bytes a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ranking import FloatingArray, IntArray

_BITS = 16  # of each count that stand in the table


class Bins:
    """Counts of pixels at each threshold, and between one and the next.

    A count is the lower half of it in a table and, if it is a large one, its upper half apart:
    there are few such, as each of them stands for many pixels.
    """

    def __init__(self, thresholds: FloatingArray) -> None:
        """
        Args:
            thresholds: (K,), distinct and ascending.
        """
        self._thresholds = thresholds
        self._low = np.zeros(2 * len(thresholds) + 1, np.uint16)
        self._high: dict[int, int] = {}
        self._taken = 0  # thresholds, from the highest
        self._passed = 0  # pixels

    def add(self, normal: FloatingArray) -> None:
        """Add the scores (N,) of some pixels, sorted and ascending."""
        if not len(normal) or not len(self._thresholds):
            return
        first = _begins(normal)  # most pixels off the part are 0: one search is enough for them
        values, counts = normal[first], np.diff(first, append=len(normal))
        above = np.searchsorted(self._thresholds, values)
        last = len(self._thresholds) - 1
        bins = 2 * above + (self._thresholds[np.minimum(above, last)] == values)
        first = _begins(bins)
        bins = bins[first]
        sums = self._low[bins] + np.add.reduceat(counts, first)
        self._low[bins] = sums & ((1 << _BITS) - 1)
        for large in np.flatnonzero(sums >> _BITS).tolist():
            place = int(bins[large])
            self._high[place] = self._high.get(place, 0) + int(sums[large] >> _BITS)

    def take(self, count: int) -> tuple[IntArray, IntArray]:
        """How many pixels are above each of the next thresholds, and how many at or above.

        Thresholds are taken once each, the highest first.
        """
        high = 2 * (len(self._thresholds) - self._taken)
        low = high + 1 - 2 * count
        counts = self._low[low : high + 1].astype(np.int64)
        for place, upper in self._high.items():
            if low <= place <= high:
                counts[place - low] += upper << _BITS
        total = self._passed + np.cumsum(counts[::-1])
        if count:
            self._passed = int(total[-1])
        self._taken += count
        return total[::2], total[1::2]


def _begins(values: NDArray[Any]) -> IntArray:
    """Where each run of equal ones begins among sorted values, of which there is at least one."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))
