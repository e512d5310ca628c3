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

    def sampled(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        """The official curve (fpr, pro) by `num` normal pixels at even ranks."""
        n = len(self.normal)
        position = np.linspace(0, n - 1, num=num, dtype=np.int64)[::-1]
        above = np.searchsorted(self.anomalous[::-1], self.normal[position], side="right")
        pro = self.overlap[len(self.anomalous) - above]
        return np.append(1.0 - (position + 1) / n, 1.0), np.append(pro, 1.0)
