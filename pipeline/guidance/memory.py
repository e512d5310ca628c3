"""A memory of good features, and how far a feature lies from what its neighbours span.

Nearest neighbours (PatchCore) measure the distance to the nearest good feature. With few rows for
a part that lies in any direction that distance is mostly the gap between two rows. So a feature x
is compared with the affine hull of its k nearest rows r_i, the flat piece of the set of good
features around it (local hyperplanes: Vincent and Bengio, NIPS 2001):

    min_w |sum_i w_i r_i - x|^2 + ridge * t |w|^2,    sum_i w_i = 1,

with t the mean of |r_i - x|^2, so that the ridge has no unit. With the Gram matrix
G_ij = (r_i - x) . (r_j - x), w is (G + ridge t I)^-1 1, over its sum.
"""

import torch
from torch import Tensor, nn

TINY = 1e-12  # keeps the system regular where all neighbours are the feature itself


class LocalMemory(nn.Module):
    """Rows of one modality's features of good parts, in MFM's feature space."""

    rows: Tensor
    squares: Tensor

    def __init__(self, rows: int, channels: int, neighbours: int, ridge: float) -> None:
        super().__init__()
        self.neighbours, self.ridge = min(neighbours, rows), ridge
        self.register_buffer("rows", torch.zeros(rows, channels))
        self.register_buffer("squares", torch.zeros(rows))

    def remember(self, features: Tensor) -> None:
        """Keep features (M, C) of good parts."""
        self.rows.copy_(features)
        self.squares.copy_(self.rows.square().sum(dim=1))

    def distances(self, features: Tensor) -> Tensor:
        """The distance (N,) float32 of features (N, C) to what their neighbours span."""
        features = features.float()
        order = torch.addmm(self.squares, features, self.rows.T, alpha=-2)  # |r - x|^2 - |x|^2
        nearest = order.topk(self.neighbours, dim=1, largest=False, sorted=True).indices
        to_rows = self.rows[nearest] - features[:, None]  # (N, k, C)
        gram = to_rows @ to_rows.transpose(1, 2)
        spread = gram.diagonal(dim1=1, dim2=2).mean(dim=1)
        gram.diagonal(dim1=1, dim2=2).add_((self.ridge * spread + TINY)[:, None])
        ones = gram.new_ones(len(gram), self.neighbours, 1)
        weights = torch.linalg.solve(gram, ones)
        weights = weights / weights.sum(dim=1, keepdim=True)
        return torch.linalg.vector_norm((weights * to_rows).sum(dim=1), dim=1)
