"""Ranking metrics (AUROC, average precision, F1-max) from one sort of the scores.

A threshold that no positive's score reaches lies on a horizontal piece of the ROC curve and lowers
precision, so all three metrics are exact on the distinct scores of the positives. There are few of
those: of the negatives only counts are needed. Where there are many, they are read by parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..plumbing.errors import DataError
from .columns import Numbers, parts_of, sum_of
from .curve import Corners, Curve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FloatingArray = NDArray[np.floating]
Heights = Callable[[int, int], FloatArray]  # of a curve behind the thresholds from a to b


@dataclass(frozen=True)
class Ranking:
    """Counts at every distinct score of a positive, highest first.

    Attributes:
        thresholds: (K,) distinct scores of the positives, descending, in the dtype of the scores.
        tp: (K,) int64, positives with score >= threshold.
        fp_above: (K,) int64, negatives with score > threshold.
        fp: (K,) int64, negatives with score >= threshold; the excess over `fp_above` are ties.
        n_positive: number of positives, at least 1.
        n_negative: number of negatives, at least 1.
    """

    thresholds: Numbers
    tp: Numbers
    fp_above: Numbers
    fp: Numbers
    n_positive: int
    n_negative: int

    def auroc(self) -> float:
        """Area under the ROC curve, ties counted half (midrank); integers until the division."""
        won = 0
        for part in parts_of(len(self.tp)):
            lost = self.fp_above[part] + self.fp[part]
            steps = np.diff(self._found(part.start - 1, part.stop))
            won += int((steps * (2 * self.n_negative - lost)).sum())
        return float(won) / (2.0 * self.n_positive * self.n_negative)

    def average_precision(self) -> float:
        """Sum of precision times recall step, without interpolation, as in scikit-learn."""

        def terms(first: int, last: int) -> FloatArray:
            tp = self._found(first - 1, last)
            steps = np.diff(tp) / self.n_positive
            precise: FloatArray = steps * (tp[1:] / (tp[1:] + self.fp[first:last]))
            return precise

        return sum_of(len(self.tp), terms)

    def _found(self, first: int, last: int) -> IntArray:
        """`tp` of some thresholds; 0 before the first of all, at -1."""
        tp: IntArray = self.tp[max(first, 0) : last]
        return tp if first >= 0 else np.append(0, tp)

    def f1_max(self) -> tuple[float, float]:
        """Largest F1 and its threshold, the highest of several; score >= threshold is positive."""
        best, threshold = -1.0, 0.0
        for part in parts_of(len(self.tp)):
            tp = self.tp[part]
            f1 = 2.0 * tp / (tp + self.fp[part] + self.n_positive)
            place = int(np.argmax(f1))
            if f1[place] > best:
                best, threshold = float(f1[place]), float(self.thresholds[part][place])
        return best, threshold

    def roc_curve(self) -> Curve:
        """Every corner of the ROC curve, 2K+2, from (0, 0) to (1, 1)."""
        return self.curve(lambda first, last: self.tp[first:last] / self.n_positive)

    def curve(self, heights: Heights) -> Curve:
        """The curve over the false positive rate that rises to a height at each threshold."""
        count = 2 * len(self.fp) + 2

        def read(first: int, last: int) -> Corners:
            last = min(last, count)
            low, high = max(first - 1, 0) // 2, min(last, count - 1) // 2  # thresholds
            after = heights(max(low - 1, 0), high)
            after = after if low else np.append(0.0, after)  # and before the first of them
            x, y = np.empty(2 * (high - low)), np.empty(2 * (high - low))
            x[::2], x[1::2] = self.fp_above[low:high], self.fp[low:high]
            x /= self.n_negative
            y[::2], y[1::2] = after[:-1], after[1:]
            ends = [0.0] * (first == 0), [1.0] * (last == count)
            skipped = 0 if first == 0 else first - 1 - 2 * low
            x, y = (np.concatenate([ends[0], one[skipped:], ends[1]]) for one in (x, y))
            return x[: last - first], y[: last - first]

        return Curve(count, read)


def rank(labels: ArrayLike, scores: ArrayLike) -> Ranking:
    """Rank `scores` (any shape, higher means more anomalous) under binary `labels` (same shape).

    Raises:
        DataError: shapes differ, a score is not finite, or one of the two classes is missing.
    """
    truth, values = np.asarray(labels, dtype=bool), finite_scores(scores)
    if truth.shape != values.shape:
        raise DataError(f"labels of shape {truth.shape} do not fit scores of shape {values.shape}.")
    return rank_sorted(np.sort(values[truth])[::-1], np.sort(values[~truth]))


def rank_sorted(positives: FloatingArray, negatives: FloatingArray) -> Ranking:
    """Rank positives (P,), sorted descending, against negatives (N,), sorted ascending."""
    if not len(positives) or not len(negatives):
        kind = "negatives" if len(positives) else "positives"
        raise DataError(f"a ranking needs positives and negatives, but there are no {kind}.")
    thresholds = positives[_last_of_equals(positives)]
    above = len(negatives) - np.searchsorted(negatives, thresholds, side="right")
    at_least = len(negatives) - np.searchsorted(negatives, thresholds, side="left")
    return rank_counted(positives, above, at_least, len(negatives))


def rank_counted(
    positives: FloatingArray, fp_above: IntArray, fp: IntArray, n_negative: int
) -> Ranking:
    """Rank positives (P,), sorted descending, by the negatives that were counted at their scores.

    Args:
        fp_above, fp: (K,) as in `Ranking`.
    """
    last = _last_of_equals(positives)
    return Ranking(positives[last], last + 1, fp_above, fp, len(positives), n_negative)


def _last_of_equals(values: FloatingArray) -> IntArray:
    """The last place (K,) of each distinct value of sorted ones (P,), at least one."""
    return np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)


def finite_scores(scores: ArrayLike) -> NDArray[np.floating]:
    """The scores as floats; float32 stays, to save memory. Raises DataError if not finite."""
    values = np.asarray(scores)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    wrong = int(values.size - np.count_nonzero(np.isfinite(values)))
    if wrong:
        raise DataError(f"{wrong} of {values.size} scores are not finite (NaN or infinity).")
    return values
