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

from .columns import Numbers, parts_of
from .curve import Curve
from .ranking import FloatArray, IntArray, Ranking


@dataclass(frozen=True)
class PixelRanking:
    """The ranked pixels of a set of scans, from which every pixel metric is read.

    Attributes:
        roc: counts at the distinct scores of the anomalous pixels.
        covered: (K,) float64, the regions' fractions above each of these scores, added up.
        n_regions: number of regions over all scans, at least 1.
    """

    roc: Ranking
    covered: Numbers
    n_regions: int

    def overlap(self, first: int, last: int) -> FloatArray:
        """PRO at some of the thresholds, from one position to another."""
        # Each region's fractions sum to 1, so only rounding keeps the last value from being 1.
        whole = self.covered[len(self.covered) - 1 :] / self.n_regions
        pro: FloatArray = self.covered[first:last] / self.n_regions / whole
        return pro


def label_regions(masks: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Regions of masks (n, H, W): labels of the same shape (0 outside) and their number."""
    from scipy import ndimage  # takes half a second, which the report need not wait

    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = True  # all 8 neighbours in the same scan, none in the scans beside it
    labels, count = ndimage.label(masks, structure=structure)
    return labels, int(count)


def pro_curve(ranking: PixelRanking) -> Curve:
    """The exact curve, PRO over the false positive rate, with ties merged; (0, 0) to (1, 1)."""
    return ranking.roc.curve(ranking.overlap)


def sampled_pro_curve(ranking: PixelRanking, num: int) -> Curve:
    """The curve of the official procedure: `num` >= 2 thresholds at even ranks of normal pixels.

    The false positive rate comes from the rank, so ties are not merged. `num = roc.n_negative`
    takes every normal pixel as a threshold.
    """
    n = ranking.roc.n_negative
    position = np.linspace(0, n - 1, num=num, dtype=np.int64)[::-1]  # highest threshold first
    fpr = 1.0 - (position + 1) / n
    return Curve.of(np.append(fpr, 1.0), np.append(_overlap_within(ranking, n - position), 1.0))


def _overlap_within(ranking: PixelRanking, most: IntArray) -> FloatArray:
    """PRO at the lowest threshold with fewer normal pixels than some numbers, which ascend."""
    pro = np.zeros(len(most))
    for part in parts_of(len(ranking.roc.fp)):
        passed = np.searchsorted(ranking.roc.fp[part], most)
        pro = np.where(passed, ranking.overlap(part.start, part.stop)[passed - 1], pro)
    return pro


def aupro(curve: Curve, limits: Sequence[float]) -> tuple[float, ...]:
    """The area under the curve up to each false positive rate in `limits`, over that limit."""
    return tuple(curve.up_to(limit).area() / limit for limit in limits)


def aupro_99(ranking: PixelRanking, limits: Sequence[float]) -> tuple[float, ...]:
    """AUPRO by 99 thresholds, as in published tables; it is coarse below a limit of 0.05."""
    return aupro(sampled_pro_curve(ranking, 99), limits)
