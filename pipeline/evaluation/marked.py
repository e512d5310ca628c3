"""The anomalous pixels of all scans, sorted by their scores with little memory.

They come in the order of scans and rows, and those of equal scores stay in it. So many at a time
are sorted in memory, which makes a run; runs are merged piece by piece. With one run there is
nothing to merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..plumbing.errors import DataError
from .columns import Column, parts_of
from .ranking import FloatingArray

RUN = 1 << 20  # pixels that are sorted in memory
SAMPLE = 1 << 14  # of so many pixels of a run, one cuts all runs into pieces

Pixels = NDArray[np.void]  # records of `_record`


def _record(score: DTypeLike) -> np.dtype[np.void]:
    """A pixel: its score, the pixels of its region, and the number of its scan's kind."""
    return np.dtype([("score", score), ("size", np.int32), ("kind", np.int32)])


class MarkedPixels:
    """Anomalous pixels that are added scan by scan."""

    def __init__(self, folder: Path | None) -> None:
        """
        Args:
            folder: see `Column`.
        """
        self._folder = folder
        self._waiting: list[Pixels] = []
        self._count = 0
        self._runs: list[Column] = []
        self._cuts: list[FloatingArray] = []

    def add(self, scores: FloatingArray, sizes: NDArray[np.integer], kind: int) -> None:
        """Add the pixels (P,) of a scan.

        Args:
            sizes: of the regions that they lie in, pixels.
            kind: the number of the scan's kind.

        Raises:
            DataError: the scores are not of the type that earlier ones were of.
        """
        pixels = np.empty(len(scores), _record(scores.dtype))
        pixels["score"], pixels["size"], pixels["kind"] = scores, sizes, kind
        if self._waiting and self._waiting[0].dtype != pixels.dtype:
            raise DataError("the anomaly maps are not all of one type of numbers.")
        self._waiting.append(pixels)
        self._count += len(pixels)
        if self._count >= RUN:
            self._sort()
            self._waiting = [pixels[:0]]

    def sorted(self) -> Column:
        """All pixels, the highest score first."""
        if self._count:
            self._sort()
        if len(self._runs) == 1:
            return self._runs[0]
        merged = Column(self._runs[0].dtype, self._folder)
        for pixels in _merged(self._runs, np.unique(np.concatenate(self._cuts))[::-1]):
            if len(pixels):
                merged.append(pixels)
        return merged

    def _sort(self) -> None:
        """Make a run of what is waiting."""
        run = _descending(self._waiting)
        self._cuts.append(run["score"][::SAMPLE].copy())
        self._runs.append(Column(run.dtype, self._folder))
        self._runs[-1].append(run)
        self._waiting, self._count = [], 0


def _descending(parts: Sequence[Pixels]) -> Pixels:
    """The pixels of some parts by their scores; equal ones stay in order."""
    pixels = np.concatenate(parts)
    ordered: Pixels = pixels[np.argsort(-pixels["score"], kind="stable")]
    return ordered


def _merged(runs: Sequence[Column], cuts: FloatingArray) -> Iterator[Pixels]:
    """The pixels of sorted runs in order, in pieces.

    Pieces end at the cuts, scores that descend. Each run's share of a piece is so small that all of
    them fit in memory. Pixels at a cut are equal, however many, and need no sorting.
    """
    left = [_Left(run) for run in runs]
    for cut in cuts:
        yield _descending([part for run in left for part in run.above(cut)])
        for run in left:
            yield from run.above(cut, or_at=True)
    yield _descending([part for run in left for part in run.above(-np.inf)])


class _Left:
    """What is left of a run."""

    def __init__(self, run: Column) -> None:
        self._parts = (run[part] for part in parts_of(len(run)))
        self._next = run[:0]

    def above(self, cut: float, or_at: bool = False) -> Iterator[Pixels]:
        """Take the pixels above a score, in parts; there is at least one, which may be empty."""
        while True:
            keys = -self._next["score"]
            count = int(np.searchsorted(keys, -cut, side="right" if or_at else "left"))
            yield self._next[:count]
            self._next = self._next[count:]
            if len(self._next):
                return
            following = next(self._parts, None)
            if following is None:
                return
            self._next = following
