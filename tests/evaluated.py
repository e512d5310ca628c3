"""Metrics of made-up scans in one call, and the official AUPRO of their pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mentor3ad.evaluation.aupro import PixelRanking, aupro, sampled_pro_curve
from mentor3ad.evaluation.metrics import LIMITS, CategoryMetrics, rank_scans


def evaluate(
    maps: NDArray[np.floating],
    masks: NDArray[np.generic] | None,
    object_scores: ArrayLike,
    labels: ArrayLike,
    defects: Sequence[str],
    limits: Sequence[float] = LIMITS,
) -> CategoryMetrics:
    """See `rank_scans` and `Rankings.metrics`."""
    return rank_scans(maps, masks, object_scores, labels, defects).metrics(limits)


def aupro_all_thresholds(ranking: PixelRanking, limits: Sequence[float]) -> tuple[float, ...]:
    """AUPRO with each normal pixel as a threshold, by rank: the official procedure's limit."""
    return aupro(sampled_pro_curve(ranking, ranking.roc.n_negative), limits)
