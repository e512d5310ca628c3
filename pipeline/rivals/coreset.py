"""PatchCore's coreset: a few rows that lie near all others, chosen greedily (Algorithm 1).

Each next row is the one furthest from all that were chosen,

    m* = argmax_{m in M} min_{n in C} |psi(m) - psi(n)|,

with psi a random linear map into fewer dimensions. The paper leaves the first row open; its code
begins with the row that is furthest on average from ten random ones, and goes on as if those ten,
at their mean distance, had been one chosen row. So does this module.

Source: PatchCore (CVPR 2022), Algorithm 1, and its code's ApproximateGreedyCoresetSampler.
"""

import numpy as np
import torch
from torch import Tensor

STARTING_ROWS = 10


def random_projection(rows: Tensor, width: int, rng: np.random.Generator) -> Tensor:
    """psi of rows (N, C): (N, width) float32, or the rows themselves where they are no wider."""
    channels = rows.shape[1]
    if channels <= width:
        return rows.float()
    matrix = rng.standard_normal((channels, width)) / np.sqrt(width)
    return rows.float() @ torch.from_numpy(matrix.astype(np.float32)).to(rows.device)


def greedy_coreset(rows: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Positions (size,) of the rows (N, D) that the greedy choice takes, in its order.

    Only distances to the last choice are computed in each round, so memory stays at N numbers.

    Args:
        size: at most N.
    """
    rows = rows.float() - rows.float().mean(dim=0)  # distances stay, and keep more digits
    squares = rows.square().sum(dim=1)

    def squared_distances(row: int) -> Tensor:
        return torch.addmv(squares + squares[row], rows, rows[row], alpha=-2).clamp_min_(0)

    start = rng.choice(len(rows), min(STARTING_ROWS, len(rows)), replace=False)
    distances = torch.stack([squared_distances(int(row)).sqrt() for row in start])
    nearest = distances.mean(dim=0).square()  # (N,) squared distance to what was chosen
    chosen = []
    for _ in range(size):
        row = int(nearest.argmax())
        chosen.append(row)
        torch.minimum(nearest, squared_distances(row), out=nearest)
        nearest[row] = -1  # rounding never brings it back
    return torch.tensor(chosen)
