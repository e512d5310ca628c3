"""The distinct scores of anomalous pixels, which are the thresholds of all pixel metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .aupro import PixelRanking
from .columns import Column
from .marked import Pixels
from .ranking import FloatArray, IntArray, Ranking

Scores = NDArray[np.floating]


class Thresholds:
    """The thresholds of some scans, the highest first, and what is counted at each of them.

    Attributes:
        scores, tp, covered, fp_above, fp: the columns of `Ranking` and `PixelRanking`.
    """

    def __init__(self, score: DTypeLike, folder: Path | None, n_regions: int) -> None:
        """
        Args:
            score: the type of the scores.
            folder: see `Column`.
            n_regions: that the anomalous pixels lie in.
        """
        self.scores, self.covered = Column(score, folder), Column(np.float64, folder)
        self.tp, self.fp_above, self.fp = (Column(np.int64, folder) for _ in range(3))
        self._n_regions = n_regions
        self._score: Scores | None = None  # (1,) of the last pixel; more may be at it
        self._found, self._covered = 0, 0.0  # with that pixel

    def add(self, pixels: Pixels) -> None:
        """Add anomalous pixels (P,), the next in their order."""
        if not len(pixels):
            return
        before = pixels["score"][:1] if self._score is None else self._score
        scores = np.append(before, pixels["score"])  # (P+1,), as are the next two
        tp = self._found + np.arange(len(scores))
        covered = np.cumsum(np.append(self._covered, 1.0 / pixels["size"]))
        self._append(np.flatnonzero(scores[1:] != scores[:-1]), scores, tp, covered)
        self._score, self._found, self._covered = scores[-1:], int(tp[-1]), float(covered[-1])

    def close(self) -> None:
        """Once all pixels were added, of which there is at least one."""
        assert self._score is not None
        last = np.zeros(1, np.intp)
        self._append(last, self._score, np.array([self._found]), np.array([self._covered]))

    def _append(self, ends: IntArray, scores: Scores, tp: IntArray, covered: FloatArray) -> None:
        self.scores.append(scores[ends])
        self.tp.append(tp[ends])
        self.covered.append(covered[ends])

    def uncounted(self, lowest: np.floating, most: int) -> Scores:
        """Those at which nothing is counted yet, down to a score; there are at most `most`."""
        first = len(self.fp)
        scores: Scores = self.scores[first : first + most]
        return scores[: int(np.searchsorted(-scores, -lowest, side="right"))]

    def count(self, above: IntArray, at_least: IntArray) -> None:
        """Note the normal pixels above the next thresholds, and at or above."""
        self.fp_above.append(above)
        self.fp.append(at_least)

    def ranking(self, n_normal: int) -> PixelRanking:
        """The ranking, once all are counted."""
        columns = self.scores, self.tp, self.fp_above, self.fp
        return PixelRanking(Ranking(*columns, self._found, n_normal), self.covered, self._n_regions)
