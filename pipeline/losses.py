"""The two losses of the paper. Losses are computed in float32 whatever the matmuls' type.

Their gradients are written out: autograd would pass over the (N, N) logits and the (N, C) features
three times as often, which costs more than the matrix products of small networks.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

EPS = 1e-6  # smallest norm that a cosine divides by
EXPONENTS = 80.0  # range that float32 exponentials of one shift hold without vanishing


def similarity_logits(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """(N, N) cosine similarities of the rows of (N, C) and (N, C), over the temperature."""
    return (F.normalize(a.float(), dim=-1) / temperature) @ F.normalize(b.float(), dim=-1).T


def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE (eq. 2): row i of `a` and of `b` are positives, the others negatives."""
    logits = similarity_logits(a, b, temperature)  # (N, N)
    if 2 / temperature < EXPONENTS:
        return _SymmetricCrossEntropy.apply(logits)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def cosine_difference(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of rows (..., C), in float32: the loss of eq. 4 and the score of eq. 5."""
    predicted, target = predicted.float(), target.float()
    product = (predicted[..., None, :] @ target[..., None])[..., 0, 0]  # no (..., C) in between
    lengths = [torch.linalg.vector_norm(x, dim=-1).clamp_min(EPS) for x in (predicted, target)]
    return 1 - product / (lengths[0] * lengths[1])


def cosine_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean `cosine_difference` of rows (N, C); the target has no gradient."""
    return _CosineLoss.apply(predicted, target)


class _SymmetricCrossEntropy(Function):
    """Mean cross entropy of rows and of columns of (N, N) logits, the diagonal being right.

    Both softmaxes share one exponential, and the gradient uses it again.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        highest = logits.amax().float()
        powers = (logits.float() - highest).exp_()  # (N, N) float32
        rows, columns = powers.sum(dim=1), powers.sum(dim=0)
        ctx.save_for_backward(powers, rows, columns)
        ctx.dtype = logits.dtype
        surprise = (rows.log() + columns.log()) / 2 - (logits.diagonal().float() - highest)
        return surprise.mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        powers, rows, columns = ctx.saved_tensors
        scale = gradient / (2 * len(rows))
        slope = (scale / rows)[:, None] + (scale / columns)[None]
        slope *= powers
        slope.diagonal().sub_(2 * scale)
        return slope.to(ctx.dtype)


class _CosineLoss(Function):
    """1 - mean cosine of rows (N, C) of a prediction and a target."""

    @staticmethod
    def forward(ctx: Any, predicted: Tensor, target: Tensor) -> Tensor:
        unit, length = _unit(predicted.float())
        other, _ = _unit(target.float())
        cosine = (unit * other).sum(dim=-1, keepdim=True)  # (N, 1)
        ctx.save_for_backward(unit, length, other, cosine)
        ctx.dtype = predicted.dtype
        return 1 - cosine.mean()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        unit, length, other, cosine = ctx.saved_tensors
        scale = gradient / (len(unit) * length)  # (N, 1)
        slope = torch.addcmul(other, unit, cosine, value=-1).mul_(-scale)
        return slope.to(ctx.dtype), None


def _unit(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (N, C) over their lengths, and the lengths (N, 1)."""
    length = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min_(EPS)
    return rows / length, length
