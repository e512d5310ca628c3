"""Ranking metrics (AUROC, average precision, F1-max) from one sort of the scores.

A threshold that no positive's score reaches lies on a horizontal piece of the ROC curve and lowers
precision, so all three metrics are exact on the distinct scores of the positives. There are few of
those: of the negatives only counts are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..plumbing.errors import DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FloatingArray = NDArray[np.floating]


@dataclass(frozen=True)
class Ranking:
    """Counts at every distinct score of a positive, highest first.

    Attributes:
        thresholds: (K,) distinct scores of the positives, descending, in the dtype of the scores.
        tp: (K,) positives with score >= threshold.
        fp_above: (K,) negatives with score > threshold.
        fp: (K,) negatives with score >= threshold; the excess over `fp_above` are ties.
        n_positive: number of positives, at least 1.
        n_negative: number of negatives, at least 1.
    """

    thresholds: NDArray[np.floating]
    tp: IntArray
    fp_above: IntArray
    fp: IntArray
    n_positive: int
    n_negative: int

    def auroc(self) -> float:
        """Area under the ROC curve, ties counted half (midrank); integers until the division."""
        won = np.diff(self.tp, prepend=0) * (2 * self.n_negative - self.fp_above - self.fp)
        return float(won.sum()) / (2.0 * self.n_positive * self.n_negative)

    def average_precision(self) -> float:
        """Sum of precision times recall step, without interpolation, as in scikit-learn."""
        steps = np.diff(self.tp, prepend=0) / self.n_positive
        return float(np.sum(steps * (self.tp / (self.tp + self.fp))))

    def f1_max(self) -> tuple[float, float]:
        """Largest F1 and its threshold, the highest of several; score >= threshold is positive."""
        f1 = 2.0 * self.tp / (self.tp + self.fp + self.n_positive)
        best = int(np.argmax(f1))
        return float(f1[best]), float(self.thresholds[best])

    def roc_curve(self) -> tuple[FloatArray, FloatArray]:
        """(fpr, tpr), each (2K+2,), from (0, 0) to (1, 1): every corner of the ROC curve."""
        recall = self.tp / self.n_positive
        return self.corners(recall, np.concatenate([[0.0], recall[:-1]]))

    def corners(self, after: FloatArray, before: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Corners (fpr, y) of a curve that rises from `before` to `after` at each threshold."""
        fpr, y = np.zeros(2 * len(self.fp) + 2), np.zeros(2 * len(self.fp) + 2)
        fpr[1:-1:2], fpr[2:-1:2] = self.fp_above / self.n_negative, self.fp / self.n_negative
        y[1:-1:2], y[2:-1:2] = before, after
        fpr[-1] = y[-1] = 1.0
        return fpr, y


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


def thin_curve(x: FloatArray, y: FloatArray, max_points: int) -> tuple[FloatArray, FloatArray]:
    """At most `max_points` (>= 8) corners, without repeats, of a curve whose x and y never fall.

    The first and the last corner stay. A third of the points is spread evenly in x, a third evenly
    in log x (small false positive rates are what a plant cares about) and a third evenly in y,
    which follows the steep pieces.
    """
    moves = np.append(True, (np.diff(x) > 0) | (np.diff(y) > 0))
    x, y = x[moves], y[moves]
    if len(x) <= max_points:
        return x, y
    share = (max_points - 2) // 3
    low = max(x[x > 0][0], x[-1] * 1e-5) if x[-1] > 0 else 1.0
    keep = np.concatenate(
        [
            [0, len(x) - 1],
            np.searchsorted(x, np.linspace(x[0], x[-1], share)),
            np.searchsorted(x, np.geomspace(low, max(x[-1], low), share)),
            np.searchsorted(y, np.linspace(y[0], y[-1], share)),
        ]
    )
    keep = np.unique(np.minimum(keep, len(x) - 1))
    return x[keep], y[keep]
