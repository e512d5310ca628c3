"""The two losses of the paper. Losses are computed in float32 whatever the matmuls' type."""

import torch
import torch.nn.functional as F
from torch import Tensor


def similarity_logits(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """(N, N) cosine similarities of the rows of (N, C) and (N, C), over the temperature."""
    return F.normalize(a.float(), dim=-1) @ F.normalize(b.float(), dim=-1).T / temperature


def info_nce(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE (eq. 2): row i of `a` and of `b` are positives, the others negatives."""
    logits = similarity_logits(a, b, temperature)  # (N, N)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def cosine_difference(predicted: Tensor, target: Tensor) -> Tensor:
    """1 - cosine of rows (..., C), in float32: the loss of eq. 4 and the score of eq. 5."""
    return 1 - F.cosine_similarity(predicted.float(), target.float(), dim=-1, eps=1e-6)
