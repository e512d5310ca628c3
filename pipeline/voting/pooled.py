"""Statistics of the pixels of many scans, of which one scan is in memory at a time.

The voting module asks three things of the pixels of all good scans: a mean, whether there is any
spread, and the median over scans of their largest pixel. The median is an order statistic of one
number a scan, and these are kept. The sum behind the mean is taken in the order in which NumPy adds
all pixels side by side. So the results are, to the bit, those of NumPy on all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .smoothing import Floats

_PIECE = 1 << 16  # values that NumPy itself adds, in the same order


@dataclass(frozen=True, eq=False)
class Pooled:
    """What K values show on the pixels of all scans.

    Attributes:
        count: pixels of all scans.
        mean: (K,) over all pixels.
        typical_worst: (K,), the median over scans of their largest value.
        has_spread: whether no value is the same on all pixels.
    """

    count: int
    mean: Floats
    typical_worst: Floats
    has_spread: bool

    @classmethod
    def of(cls, scans: Sequence[Floats]) -> Pooled:
        """Pool the values (K, P) of the pixels of each scan, of which there is at least one.

        The scans are gone through once, and twice where K is 1.
        """
        count, total, least, worst = 0, None, np.full(1, np.inf), []
        for values in scans:
            count += values.shape[1]
            least = np.minimum(least, values.min(axis=1))
            worst.append(values.max(axis=1))
            total = _added(total, values)
        assert total is not None
        if len(total) == 1:
            total = np.array([_pairwise_sum((values[0] for values in scans), count)])
        return cls(
            count=count,
            mean=total / count,
            typical_worst=np.asarray(np.median(worst, axis=0)),
            has_spread=bool((np.max(worst, axis=0) > least).all()),
        )


def _added(total: Floats | None, values: Floats) -> Floats:
    """The sum (K,) with the pixels of values (K, P), one after the other, as NumPy adds columns."""
    pixels = np.ascontiguousarray(values.T)
    return np.add.reduce(pixels if total is None else np.concatenate([total[None], pixels]), axis=0)


def _pairwise_sum(values: Iterable[Floats], count: int) -> float:
    """The sum of `count` values in arrays (P,), added by halves of halves as NumPy adds a row."""
    found = _Taken(iter(values))

    def total(size: int) -> float:
        if size <= _PIECE:
            return float(np.add.reduce(found.next(size)))
        half = size // 2
        half -= half % 8
        return total(half) + total(size - half)

    return total(count)


class _Taken:
    """Takes so many values at a time from arrays of other lengths."""

    def __init__(self, arrays: Iterator[Floats]) -> None:
        self._arrays, self._rest = arrays, np.zeros(0)

    def next(self, size: int) -> Floats:
        while len(self._rest) < size:
            self._rest = np.concatenate([self._rest, next(self._arrays)])
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def picked(scans: Iterable[Floats], places: np.ndarray) -> Floats:
    """The values (K, n) of the pixels at n places, as they are counted over all scans.

    Args:
        scans: the values (K, P) of each scan's pixels.
        places: (n,), in any order, which the result keeps.
    """
    order = np.argsort(places)
    ahead, found, start = places[order], [], 0
    for values in scans:
        stop = start + values.shape[1]
        first, last = np.searchsorted(ahead, (start, stop))
        found.append(values[:, ahead[first:last] - start])
        start = stop
    chosen = np.concatenate(found, axis=1)
    result = np.empty_like(chosen, order="F")  # pixel by pixel, as the factors of a scan are
    result[:, order] = chosen
    return result
