"""Pixel rankings of maps in memory, by sorting all pixels: what counting them has to equal."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mentor3ad.evaluation.ranking import Ranking, rank_sorted


@dataclass(frozen=True, eq=False)
class Sorted:
    """All pixels in order: the anomalous ones descend, the normal ones ascend."""

    roc: Ranking
    overlap: np.ndarray
    anomalous: np.ndarray
    normal: np.ndarray
    n_regions: int

    @classmethod
    def of(cls, maps: np.ndarray, masks: np.ndarray, valid: np.ndarray | None = None) -> "Sorted":
        truth = masks != 0 if valid is None else (masks != 0) & valid
        normal = np.sort(maps[~truth] if valid is None else maps[~truth & valid])
        structure = np.zeros((3, 3, 3), dtype=bool)
        structure[1] = True
        labels, n_regions = ndimage.label(truth, structure)
        anomalous, region = maps[truth], labels[truth]
        order = np.argsort(-anomalous, kind="stable")
        anomalous, region = anomalous[order], region[order]
        total = np.cumsum(1.0 / np.bincount(region)[region]) / n_regions
        overlap = np.concatenate([[0.0], total / total[-1]])
        return cls(rank_sorted(anomalous, normal), overlap, anomalous, normal, int(n_regions))

    def metrics(self) -> tuple[float, float, float, float]:
        """AUROC, average precision, F1 and its threshold, each by one sum over all thresholds."""
        roc = self.roc
        steps, found = np.diff(roc.tp, prepend=0), roc.tp + roc.fp
        won = (steps * (2 * roc.n_negative - roc.fp_above - roc.fp)).sum()
        auroc = float(won) / (2.0 * roc.n_positive * roc.n_negative)
        precision = float(np.sum(steps / roc.n_positive * (roc.tp / found)))
        f1 = 2.0 * roc.tp / (found + roc.n_positive)
        best = int(np.argmax(f1))
        return auroc, precision, float(f1[best]), float(roc.thresholds[best])

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """All corners of the exact PRO curve."""
        fpr, pro = (np.repeat(0.0, 2 * len(self.roc.tp) + 2) for _ in range(2))
        fpr[1:-1:2], fpr[2:-1:2] = (
            n / self.roc.n_negative for n in (self.roc.fp_above, self.roc.fp)
        )
        pro[2:-1:2], pro[3:-1:2] = self.overlap[self.roc.tp], self.overlap[self.roc.tp[:-1]]
        fpr[-1] = pro[-1] = 1.0
        return fpr, pro

    def sampled(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        """The official curve (fpr, pro) by `num` normal pixels at even ranks."""
        n = len(self.normal)
        position = np.linspace(0, n - 1, num=num, dtype=np.int64)[::-1]
        above = np.searchsorted(self.anomalous[::-1], self.normal[position], side="right")
        pro = self.overlap[len(self.anomalous) - above]
        return np.append(1.0 - (position + 1) / n, 1.0), np.append(pro, 1.0)


def thinned(x: np.ndarray, y: np.ndarray, max_points: int) -> tuple[np.ndarray, np.ndarray]:
    """What `Curve.thinned` has to equal."""
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
