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

from ..plumbing.errors import DataError
from .ranking import FloatArray, Ranking, finite_scores, rank_sorted


@dataclass(frozen=True)
class PixelRanking:
    """The sorted pixels of a set of scans, from which every pixel metric is read.

    Attributes:
        roc: counts at the distinct scores of the anomalous pixels.
        overlap: (P+1,) float64, PRO after the 0, 1, ..., P highest anomalous pixels.
        anomalous: (P,) scores of the pixels inside regions, descending.
        normal: (N,) scores of the pixels outside every region, ascending.
        n_regions: number of regions over all scans, at least 1.
    """

    roc: Ranking
    overlap: FloatArray
    anomalous: NDArray[np.floating]
    normal: NDArray[np.floating]
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


def label_regions(masks: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Regions of masks (n, H, W): labels of the same shape (0 outside) and their number."""
    from scipy import ndimage  # takes half a second, which the report need not wait

    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = True  # all 8 neighbours in the same scan, none in the scans beside it
    labels, count = ndimage.label(masks, structure=structure)
    return labels, int(count)


def rank_pixels(maps: NDArray[np.floating], masks: NDArray[np.generic]) -> PixelRanking:
    """Sort the pixels of anomaly maps (n, H, W) under ground-truth masks (n, H, W), 0 = normal.

    Raises:
        DataError: shapes differ, a score is not finite, or no pixel is anomalous or none is normal.
    """
    scores, truth = finite_scores(maps), np.asarray(masks) != 0
    if scores.shape != truth.shape or scores.ndim != 3:
        raise DataError(f"maps {scores.shape} and masks {truth.shape} are not both (n, H, W).")
    return rank_regions(scores, truth, sorted_normal(scores, truth))


def sorted_normal(
    scores: NDArray[np.floating], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> NDArray[np.floating]:
    """Sort the scores outside every region, ascending (N,), of maps and masks (n, H, W).

    Args:
        valid: (n, H, W), True on the pixels that count; None: all do.
    """
    normal = scores[~truth] if valid is None else scores[~truth & valid]
    normal.sort()
    return normal


def rank_regions(
    scores: NDArray[np.floating], truth: NDArray[np.bool_], normal: NDArray[np.floating]
) -> PixelRanking:
    """`rank_pixels` of checked maps and masks (n, H, W) whose normal pixels are sorted."""
    marked = truth.any(axis=(1, 2))  # labels of scans without a region would only cost memory
    scores, truth = scores[marked], truth[marked]
    labels, n_regions = label_regions(truth)
    anomalous, region = scores[truth], labels[truth]  # (P,)
    order = np.argsort(-anomalous, kind="stable")
    anomalous, region = anomalous[order], region[order]
    roc = rank_sorted(anomalous, normal)
    return PixelRanking(roc, _overlap(region, n_regions), anomalous, normal, n_regions)


def merged(parts: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Merge ascending arrays; a stable sort finds their runs and only merges them."""
    return np.sort(np.concatenate(parts), kind="stable")


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

    The false positive rate comes from the rank, so ties are not merged. `num = len(ranking.normal)`
    takes every normal pixel as a threshold.
    """
    n = len(ranking.normal)
    position = np.linspace(0, n - 1, num=num, dtype=np.int64)[::-1]  # highest threshold first
    above = np.searchsorted(ranking.anomalous[::-1], ranking.normal[position], side="right")
    pro = ranking.overlap[len(ranking.anomalous) - above]
    fpr = 1.0 - (position + 1) / n
    return ProCurve(np.append(fpr, 1.0), np.append(pro, 1.0))


def aupro(curve: ProCurve, limits: Sequence[float]) -> tuple[float, ...]:
    """The area under the curve up to each false positive rate in `limits`, over that limit."""
    parts = [curve.up_to(limit) for limit in limits]
    areas = [np.trapezoid(part.pro, part.fpr) for part in parts]
    return tuple(float(area / limit) for area, limit in zip(areas, limits, strict=True))


def aupro_99(ranking: PixelRanking, limits: Sequence[float]) -> tuple[float, ...]:
    """AUPRO by 99 thresholds, as in published tables; it is coarse below a limit of 0.05."""
    return aupro(sampled_pro_curve(ranking, 99), limits)
