"""The area under the per-region overlap curve (AUPRO), exact and by sampled thresholds.

PRO at a threshold is the mean over ground-truth regions of the fraction of a region's pixels above
it; it is drawn against the false positive rate of the pixels outside every region. A region is an
8-connected component of one scan's mask. Source: Bergmann et al., "The MVTec 3D-AD data set"
(VISAPP 2022), section 4.2, and its official evaluation code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ranking import FloatArray, FloatingArray, IntArray, Ranking, rank_counted

_TRAPEZOIDS = 1 << 15  # that are made at once, at least


@dataclass(frozen=True)
class PixelRanking:
    """The ranked pixels of a set of scans, from which every pixel metric is read.

    Attributes:
        roc: counts at the distinct scores of the anomalous pixels.
        overlap: (P+1,) float64, PRO after the 0, 1, ..., P highest anomalous pixels.
        n_regions: number of regions over all scans, at least 1.
    """

    roc: Ranking
    overlap: FloatArray
    n_regions: int


@dataclass(frozen=True)
class ProCurve:
    """PRO against the false positive rate: two (M,) float64 arrays, neither of which falls."""

    fpr: FloatArray
    pro: FloatArray

    def up_to(self, limit: float) -> ProCurve:
        """The curve on [first fpr, limit], its end interpolated linearly; 0 < limit <= 1."""
        if not 0.0 < limit <= 1.0:
            raise ValueError(f"an AUPRO limit is a rate in (0, 1], not {limit}")
        inside = int(np.searchsorted(self.fpr, limit, side="right"))
        fpr, pro = self.fpr[:inside], self.pro[:inside]
        if inside == len(self.fpr) or fpr[-1] == limit:
            return ProCurve(fpr, pro)
        slope = (self.pro[inside] - pro[-1]) / (self.fpr[inside] - fpr[-1])
        end = pro[-1] + slope * (limit - fpr[-1])
        return ProCurve(np.append(fpr, limit), np.append(pro, end))

    def area(self) -> float:
        """The area under the curve, by trapezoids.

        They are added by halves, as NumPy adds them, but not made all at once.
        """
        half = (len(self.fpr) - 1) // 2 // 8 * 8
        if half < _TRAPEZOIDS:
            return float(np.trapezoid(self.pro, self.fpr))
        low = ProCurve(self.fpr[: half + 1], self.pro[: half + 1])
        return low.area() + ProCurve(self.fpr[half:], self.pro[half:]).area()


def label_regions(masks: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Regions of masks (n, H, W): labels of the same shape (0 outside) and their number."""
    from scipy import ndimage  # takes half a second, which the report need not wait

    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = True  # all 8 neighbours in the same scan, none in the scans beside it
    labels, count = ndimage.label(masks, structure=structure)
    return labels, int(count)


def rank_marked(
    scores: FloatingArray,
    region: NDArray[np.int32],
    n_regions: int,
    fp_above: IntArray,
    fp: IntArray,
    n_normal: int,
) -> PixelRanking:
    """The ranking of the pixels inside regions, by how many normal pixels are above their scores.

    Args:
        scores: (P,) of the pixels; region: (P,) their regions, from 1.
        fp_above, fp: (K,) normal pixels above each distinct score, and at or above; highest first.
        n_normal: normal pixels.
    """
    order = np.argsort(-scores, kind="stable")
    roc = rank_counted(scores[order], fp_above, fp, n_normal)
    return PixelRanking(roc, _overlap(region[order], n_regions), n_regions)


def _overlap(region: NDArray[np.int32], n_regions: int) -> FloatArray:
    """PRO after each anomalous pixel, highest first, from the region numbers (P,), from 1."""
    weight = 1.0 / np.bincount(region)[region]
    total = np.cumsum(weight) / n_regions
    # Each region's weights sum to 1, so only rounding keeps the last value from being 1.
    return np.concatenate([[0.0], total / total[-1]])


def pro_curve(ranking: PixelRanking) -> ProCurve:
    """The exact curve, with ties merged: its corners from (0, 0) to (1, 1)."""
    after = ranking.overlap[ranking.roc.tp]
    before = ranking.overlap[np.append(0, ranking.roc.tp[:-1])]
    return ProCurve(*ranking.roc.corners(after, before))


def sampled_pro_curve(ranking: PixelRanking, num: int) -> ProCurve:
    """The curve of the official procedure: `num` >= 2 thresholds at even ranks of normal pixels.

    The false positive rate comes from the rank, so ties are not merged. `num = roc.n_negative`
    takes every normal pixel as a threshold.
    """
    roc = ranking.roc
    n = roc.n_negative
    position = np.linspace(0, n - 1, num=num, dtype=np.int64)[::-1]  # highest threshold first
    passed = np.searchsorted(roc.fp, n - position)  # anomalous scores above that normal pixel's
    pro = ranking.overlap[np.append(0, roc.tp)[passed]]
    fpr = 1.0 - (position + 1) / n
    return ProCurve(np.append(fpr, 1.0), np.append(pro, 1.0))


def aupro(curve: ProCurve, limits: Sequence[float]) -> tuple[float, ...]:
    """The area under the curve up to each false positive rate in `limits`, over that limit."""
    return tuple(curve.up_to(limit).area() / limit for limit in limits)


def aupro_99(ranking: PixelRanking, limits: Sequence[float]) -> tuple[float, ...]:
    """AUPRO by 99 thresholds, as in published tables; it is coarse below a limit of 0.05."""
    return aupro(sampled_pro_curve(ranking, 99), limits)
