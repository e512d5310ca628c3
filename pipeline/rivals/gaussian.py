"""A Gaussian of good features a modality: the Mahalanobis distance, as PaDiM's without positions.

PaDiM has a Gaussian for each position of the picture, since its parts lie in one place. Ours lie
anywhere, so one Gaussian is of all foreground pixels. It is kept to the leading components: along
the rest the variance is that of rounding, and dividing by it would blow noise up.

Source: PaDiM (ICPR 2021), eq. 2; d^2 = (x - m)^T S^-1 (x - m), which is the squared length of x in
the whitened space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..features.space import FeatureSpace
from ..params.schema import Params
from ..training.sampling import generator
from .scans import Scans, bytes_of, fit_space


@dataclass(frozen=True)
class Gaussian:
    """The whitened spaces of both modalities."""

    space: FeatureSpace
    maps: ClassVar[tuple[str, ...]] = ("rgb", "xyz")
    join: ClassVar[str] = "calibrated"

    @property
    def bytes(self) -> int:
        return bytes_of(*self.space.buffers())

    def scores(self, scans: Scans, scan: int) -> NDArray[np.float32]:
        """The Mahalanobis distance (2, P) at the foreground pixels of a scan."""
        tiles = scans.in_space(self.space).tiles(scan, scans.features.foreground[scan])
        parts = [torch.stack([torch.linalg.vector_norm(x, dim=1) for x in pair]) for pair in tiles]
        return torch.cat(parts, dim=1).cpu().numpy()


def fit_gaussian(scans: Scans, params: Params, category: str) -> Gaussian:
    """Mean and covariance of good pixels' features (`rivals.gaussian`)."""
    rng = generator(params.rivals.seed, "space", category)
    return Gaussian(fit_space(scans, params.rivals.gaussian.components, 1.0, rng))
