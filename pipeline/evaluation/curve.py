"""A curve whose corners are read by ranges, so that one of many millions takes no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .columns import parts_of, sum_of

FloatArray = NDArray[np.float64]
Corners = tuple[FloatArray, FloatArray]  # x and y


@dataclass(frozen=True, eq=False)
class Curve:
    """Corners (x, y), neither of which falls.

    Attributes:
        count: how many there are, at least 1.
        read: the corners from one position to another.
    """

    count: int
    read: Callable[[int, int], Corners]

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray) -> Curve:
        """The curve through corners (M,) in memory."""
        return cls(len(x), lambda first, last: (x[first:last], y[first:last]))

    def corners(self) -> Corners:
        """All of them: two (count,) arrays."""
        return self.read(0, self.count)

    def up_to(self, limit: float) -> Curve:
        """The curve on [first x, limit], its end interpolated linearly; 0 < limit <= 1."""
        if not 0.0 < limit <= 1.0:
            raise ValueError(f"an AUPRO limit is a rate in (0, 1], not {limit}")
        inside = self._within(limit)
        (x, *beyond), (y, *above) = self.read(inside - 1, inside + 1)
        if not beyond or x == limit:
            return Curve(inside, self.read)
        slope = (above[0] - y) / (beyond[0] - x)
        end = y + slope * (limit - x)

        def read(first: int, last: int) -> Corners:
            xs, ys = self.read(first, min(last, inside))
            return (xs, ys) if last <= inside else (np.append(xs, limit), np.append(ys, end))

        return Curve(inside + 1, read)

    def _within(self, limit: float) -> int:
        """How many corners are not beyond a limit of x."""
        count = 0
        for part in parts_of(self.count):
            x, _ = self.read(part.start, part.stop)
            count += int(np.searchsorted(x, limit, side="right"))
            if count < part.stop:
                break
        return count

    def area(self) -> float:
        """The area under the curve, by trapezoids; as `np.trapezoid` has it, to the bit."""

        def trapezoids(first: int, last: int) -> FloatArray:
            x, y = self.read(first, last + 1)
            return np.diff(x) * (y[1:] + y[:-1]) / 2.0

        return sum_of(self.count - 1, trapezoids)

    def thinned(self, most: int) -> Corners:
        """At most `most` (>= 8) of the corners, without repeats.

        The first and the last corner stay. A third of the points is spread evenly in x, a third
        evenly in log x (small false positive rates are what a plant cares about) and a third evenly
        in y, which follows the steep pieces.
        """
        count, low = 0, 0.0
        for x, _ in self._moves():
            count += len(x)
            if not low and x[-1] > 0:
                low = float(x[x > 0][0])
        if count <= most:
            return self._at(np.arange(count))
        (start, *_), (bottom, *_) = self.read(0, 1)
        (end, *_), (top, *_) = self.read(self.count - 1, self.count)
        share = (most - 2) // 3
        low = max(low, end * 1e-5) if end > 0 else 1.0
        of_x = np.append(np.linspace(start, end, share), np.geomspace(low, max(end, low), share))
        of_y = np.linspace(bottom, top, share)
        places = np.zeros(3 * share, np.int64)
        for x, y in self._moves():
            places += np.append(np.searchsorted(x, of_x), np.searchsorted(y, of_y))
        return self._at(np.unique(np.minimum([0, count - 1, *places], count - 1)))

    def _moves(self) -> Iterator[Corners]:
        """The corners, in parts, without those that repeat the one before; no part is empty."""
        for part in parts_of(self.count):
            x, y = self.read(max(part.start - 1, 0), part.stop)
            moves = (np.diff(x) > 0) | (np.diff(y) > 0)
            if part.start == 0:
                moves = np.append(True, moves)
            else:
                x, y = x[1:], y[1:]
            if moves.any():
                yield x[moves], y[moves]

    def _at(self, places: NDArray[np.int64]) -> Corners:
        """The corners at ascending places among those of `_moves`."""
        found, before = [], 0
        for x, y in self._moves():
            first, last = np.searchsorted(places, (before, before + len(x)))
            inside = places[first:last] - before
            found.append((x[inside], y[inside]))
            before += len(x)
        xs, ys = zip(*found, strict=True)
        return np.concatenate(xs), np.concatenate(ys)
