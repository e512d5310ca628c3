"""BatchNorm as part of the linear layer before it: by running statistics, or by each scan's own.

BatchNorm multiplies each channel by a scale and adds a shift, so after a linear layer it is a
change of that layer's matrix and bias. A scan's own statistics need no pass over the layer's
outputs either: a linear layer takes the mean and covariance of its inputs to those of its outputs,

    y = W x + b,    E[y] = W E[x] + b,    Var[y_c] = w_c^T Cov[x] w_c,

with w_c a row of W. All sums are put together in float64, where the small difference of large
numbers E[x x^T] - E[x] E[x]^T keeps enough digits.
"""

import torch
from torch import Tensor, nn

Moments = tuple[Tensor, Tensor]  # mean and biased variance of each scan's channels (B, C), float64


def batch_norm(norm: nn.BatchNorm1d, moments: Moments | None) -> tuple[Tensor, Tensor]:
    """BatchNorm as scale and shift, in its weights' dtype.

    Args:
        moments: of what it normalises, scan by scan; None: its running statistics.

    Returns:
        (B, C) both, or (1, C) of the running statistics, which all scans share.
    """
    if moments is None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        moments = norm.running_mean[None], norm.running_var[None]
    mean, variance = (moment.to(norm.weight.dtype) for moment in moments)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def linear_moments(rows: Tensor, matrix: Tensor, bias: Tensor) -> Moments:
    """Moments of rows (B, R, D) @ matrix (C, D)^T + bias (C,), over each scan's R rows."""
    rows, matrix = rows.double(), matrix.double()
    mean = rows.mean(dim=1)  # (B, D)
    centred = rows - mean[:, None]
    covariance = centred.mT @ centred / rows.shape[1]  # (B, D, D)
    return mean @ matrix.T + bias, _variance(matrix, covariance)


def grouped_moments(means: Tensor, squares: Tensor, matrix: Tensor, of_group: Tensor) -> Moments:
    """Moments of y = W x + g over each scan's points, where g is the same for all of a group.

        Var[y] = Var[W x] + Var[g] + 2 Cov[W x, g]

    As g is constant within a group, of x only its mean m in the group counts in the last term:
    Cov[W x, g] = E[W (m - E[x]) * (g - E[g])] over the groups.

    Args:
        means: (B, G, D), the mean of x in each group; squares: (B, D, D) float64, E[x x^T].
        matrix: W (C, D); of_group: g (B, G, C).
    """
    means, matrix, of_group = means.double(), matrix.double(), of_group.double()
    mean, group_mean = means.mean(dim=1), of_group.mean(dim=1)  # (B, D) and (B, C)
    covariance = squares - mean[:, :, None] * mean[:, None]  # (B, D, D)
    deviation = of_group - group_mean[:, None]  # (B, G, C)
    variance = _variance(matrix, covariance)
    variance += deviation.square().mean(dim=1)
    variance += 2 * ((means - mean[:, None]) @ matrix.T * deviation).mean(dim=1)
    return mean @ matrix.T + group_mean, variance


def _variance(matrix: Tensor, covariance: Tensor) -> Tensor:
    """The diagonals (B, C) of W Cov W^T, of W (C, D) and covariances (B, D, D)."""
    return ((matrix @ covariance) * matrix).sum(dim=2)
