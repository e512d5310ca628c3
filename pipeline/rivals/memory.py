"""A memory of good features: how far a feature is from the nearest of them (PatchCore, M3DM)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .coreset import greedy_coreset, random_projection

QUERIES = 512  # rows compared with the memory at once, which bounds the table of distances


@dataclass(frozen=True)
class Memory:
    """The rows of a coreset, centred.

    Attributes:
        centre: (C,) what is subtracted from every feature, so that distances keep their digits.
        rows: (M, C) float32.
        neighbours: (M, B) the B rows nearest to each row, itself first; B = 0: no re-weighting.
    """

    centre: Tensor
    rows: Tensor
    neighbours: Tensor

    @classmethod
    def fit(
        cls, features: Tensor, size: int, width: int, reweight: int, rng: np.random.Generator
    ) -> Memory:
        """Keep a coreset of features (N, C) of good parts.

        Args:
            size: rows that are kept; all where there are no more.
            width: of the random projection that the greedy choice compares in.
            reweight: the neighbours b of eq. 7; 0: distances as they are, as PatchCore's own code.
        """
        features = features.float()
        if size < len(features):
            chosen = greedy_coreset(random_projection(features, width, rng), size, rng)
            features = features[chosen.to(features.device)]
        centre = features.mean(dim=0)
        rows = (features - centre).contiguous()
        return cls(centre, rows, _neighbours(rows, min(reweight, len(rows))))

    @property
    def bytes(self) -> int:
        """What prediction has to keep."""
        parts = (self.centre, self.rows, self.neighbours)
        return sum(part.numel() * part.element_size() for part in parts)

    def distances(self, features: Tensor) -> Tensor:
        """The distance (N,) of features (N, C) to the nearest row, times eq. 7's weight if set."""
        parts = [self._distances(part) for part in (features.float() - self.centre).split(QUERIES)]
        return torch.cat(parts) if parts else features.new_zeros(0)

    def _distances(self, features: Tensor) -> Tensor:
        distances = _pairwise(features, self.rows)  # (n, M)
        nearest, row = distances.min(dim=1)
        if not self.neighbours.shape[1]:
            return nearest
        around = distances.gather(1, self.neighbours[row])  # (n, B), of the nearest row's own
        return nearest * reweighting(nearest, around)


def reweighting(nearest: Tensor, around: Tensor) -> Tensor:
    """PatchCore's eq. 7: 1 - exp(|m - m*|) / sum_b exp(|m - m_b|), (N,) in [0, 1).

    The weight is near 1 where the memory is sparse around the nearest row m*: a feature far from
    a rare good one is more of an anomaly than one that is as far from a common one. PatchCore uses
    it for the most anomalous patch; here it is of each feature, as the object score is a maximum.

    Args:
        nearest: (N,) distance to m*; around: (N, B) to the B rows nearest to m*, itself among them.
    """
    return 1 - (nearest - torch.logsumexp(around, dim=1)).exp()


def _pairwise(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (N, M) of rows (N, C) and (M, C)."""
    squares = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1)
    return torch.addmm(squares, a, b.T, alpha=-2).clamp_min_(0).sqrt_()


def _neighbours(rows: Tensor, count: int) -> Tensor:
    """(M, count) int64: the rows nearest to each row, by chunks."""
    if not count:
        return torch.zeros((len(rows), 0), dtype=torch.int64, device=rows.device)
    parts = [
        _pairwise(part, rows).topk(count, largest=False).indices for part in rows.split(QUERIES)
    ]
    return torch.cat(parts)
