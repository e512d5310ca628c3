"""From a rival's score maps to its anomaly map: the smoothing of ours, and one join.

`product` multiplies the score maps before they are smoothed, as CFM does. `calibrated` joins them
after that, each over what good scans show at worst, as our own rule does but with equal weights
(docs/decisions/0009). `memory` needs no join: the last map is of a memory that saw all modalities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..plumbing.errors import TrainingError
from ..voting.smoothing import box_means

JOINED = "joined"  # the name of a rival's anomaly map
CALIBRATED, PRODUCT = "calibrated", "product"

Maps = NDArray[np.float32]


def smoothed_maps(scores: NDArray[np.float32], join: str, sides: Sequence[int]) -> Maps:
    """Smoothed score maps (K', 224, 224) of a scan, with the product as the last where asked for.

    Args:
        scores: (K, 224, 224), 0 on the background.
        join: of the rival.
        sides: of the box means.
    """
    if join == PRODUCT:
        scores = np.concatenate([scores, scores.prod(axis=0, keepdims=True)])
    return box_means(scores, sides).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """The calibrated join: what each of K smoothed maps shows on good scans.

    Attributes:
        centre: (K,) mean over foreground pixels.
        scale: (K,) median over scans of what their largest pixel exceeds the mean by.
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, scans: Iterable[NDArray[np.floating]]) -> Calibration:
        """Fit to the foreground pixels (K, P) of held-out good scans, one scan after the other.

        Raises:
            TrainingError: there is no scan, or no spread in its scores.
        """
        totals, counts, worst = [], [], []
        for values in scans:
            totals.append(values.sum(axis=1, dtype=np.float64))
            counts.append(values.shape[1])
            worst.append(values.max(axis=1))
        if not counts:
            raise TrainingError("no held-out good scan to calibrate on; add a validation split")
        centre = np.sum(totals, axis=0) / sum(counts)
        scale = np.median(worst, axis=0) - centre
        if not (scale > 0).all():
            raise TrainingError("a score map of the good scans has no spread in its scores")
        return cls(centre, scale)

    def joined(self, maps: NDArray[np.floating]) -> Maps:
        """The anomaly map (224, 224) of smoothed maps (K, 224, 224), at least 0."""
        excess = np.maximum((maps - self.centre[:, None, None]) / self.scale[:, None, None], 0)
        return np.sqrt(np.square(excess).sum(axis=0)).astype(np.float32)
