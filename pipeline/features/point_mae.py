"""Point-MAE's encoder, frozen: groups of points in, three tapped blocks of tokens out.

Parameter names are the published checkpoint's, so that it loads strictly.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 384
DEPTH = 12
HEADS = 6
TILE_POINTS = 2048  # points of the groups that the mini-PointNet takes at once
TAPS = (3, 7, 11)  # blocks whose outputs are concatenated (M3DM, CFM)
CHANNELS = WIDTH * len(TAPS)  # 1152


class GroupEncoder(nn.Module):
    """Mini-PointNet: (G, K, 3) neighbourhoods to (G, 384) tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(), nn.Conv1d(128, 256, 1)
        )
        self.second_conv = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512), nn.ReLU(), nn.Conv1d(512, WIDTH, 1)
        )

    def forward(self, neighbourhoods: Tensor, sample_stats: bool) -> Tensor:
        """The published network, rearranged so that few values pass through memory.

        The half of the second convolution that reads the group's maximum is the same for all its
        points, so it is applied once a group; the other half follows a linear layer without a
        nonlinearity between, so the two are one matrix. Each BatchNorm follows a linear layer too,
        and is part of its matrix: a sample's own statistics follow from the moments of the layer's
        input. Groups are taken in tiles that stay in the processor's cache.
        """
        first: Any = self.first_conv  # indexed as layers, which Sequential's type hides
        second: Any = self.second_conv
        matrix, bias = _matrix(first[0]), first[0].bias
        moments = _linear_moments(neighbourhoods, matrix, bias) if sample_stats else None
        scale, shift = batch_norm(first[1], moments)
        matrix, bias = matrix * scale[:, None], bias * scale + shift
        groups = max(1, TILE_POINTS // neighbourhoods.shape[1])
        tiles = [F.linear(x, matrix, bias).relu_() for x in neighbourhoods.split(groups)]

        local, shared = _matrix(first[3]), _matrix(second[0])
        peak = torch.cat([F.linear(x, local).amax(dim=1) for x in tiles]) + first[3].bias
        matrix = shared[:, 256:] @ local  # (512, 128)
        of_group = F.linear(peak, shared[:, :256], second[0].bias + shared[:, 256:] @ first[3].bias)
        moments = _grouped_moments(tiles, matrix, of_group) if sample_stats else None
        scale, shift = batch_norm(second[1], moments)
        matrix, of_group = matrix * scale[:, None], of_group * scale + shift

        last, tokens = _matrix(second[3]), []
        for x, group in zip(tiles, of_group.split(groups), strict=True):
            hidden = F.linear(x, matrix).add_(group[:, None]).relu_()  # (g, K, 512)
            tokens.append(F.linear(hidden, last).amax(dim=1))
        return torch.cat(tokens) + second[3].bias  # (G, 384)


def _matrix(convolution: nn.Conv1d) -> Tensor:
    return convolution.weight[:, :, 0]


Moments = tuple[Tensor, Tensor]  # mean and biased variance (C,), float64


def batch_norm(norm: nn.BatchNorm1d, moments: Moments | None) -> tuple[Tensor, Tensor]:
    """BatchNorm as scale and shift (C,): by a sample's own moments, as the published code, which
    never calls eval(), or by the running statistics."""
    if moments is None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        moments = norm.running_mean, norm.running_var
    mean, variance = (moment.to(norm.weight.dtype) for moment in moments)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def _linear_moments(inputs: Tensor, matrix: Tensor, bias: Tensor) -> Moments:
    """Of inputs (G, K, 3) @ matrix (C, 3)^T + bias, over all G x K rows."""
    rows, matrix = inputs.flatten(0, 1).double(), matrix.double()
    covariance = torch.cov(rows.T, correction=0)
    variance = ((matrix @ covariance) * matrix).sum(dim=1)
    return rows.mean(dim=0) @ matrix.T + bias, variance


def _grouped_moments(tiles: Sequence[Tensor], matrix: Tensor, of_group: Tensor) -> Moments:
    """Of tiles (g, K, D) @ matrix (C, D)^T + of_group (G, C), over all G x K rows.

    The variance of the sum: that of the first term, that of the second, and twice their
    covariance, in which the first term counts by its mean in the group.
    """
    matrix, of_group = matrix.double(), of_group.double()
    inner = torch.cat([x.mean(dim=1) for x in tiles]).double()  # (G, D)
    mean, group_mean = inner.mean(dim=0), of_group.mean(dim=0)
    rows = sum(x.shape[0] * x.shape[1] for x in tiles)
    squares = torch.stack([x.flatten(0, 1).T @ x.flatten(0, 1) for x in tiles]).double().sum(dim=0)
    covariance = squares / rows - torch.outer(mean, mean)  # (D, D)
    variance = ((matrix @ covariance) * matrix).sum(dim=1)
    variance += (of_group - group_mean).square().mean(dim=0)
    variance += 2 * ((inner - mean) @ matrix.T * (of_group - group_mean)).mean(dim=0)
    return mean @ matrix.T + group_mean, variance


class Attention(nn.Module):
    """Multi-head self-attention; qkv has no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, groups, _ = x.shape
        qkv = self.qkv(x).reshape(batch, groups, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, G, 64) each
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, groups, WIDTH))


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm transformer block; stochastic depth is a training device and is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Blocks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))


class PointMAE(nn.Module):
    """Point-MAE's encoder (Pang et al., ECCV 2022) as M3DM and CFM tap it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = GroupEncoder()
        self.pos_embed = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, WIDTH))
        self.blocks = Blocks()
        self.norm = nn.LayerNorm(WIDTH)

    def forward(
        self, neighbourhoods: Tensor, centres: Tensor, sample_stats: bool = False
    ) -> Tensor:
        """Tokens of a batch of scans.

        Args:
            neighbourhoods: (B, G, K, 3) relative to the centres, in the centres' unit.
            centres: (B, G, 3).
            sample_stats: BatchNorm by each scan's own statistics, as the published code runs.

        Returns:
            (B, G, 1152): outputs of blocks 3, 7 and 11 through the one shared final norm.
        """
        x = torch.stack([self.encoder(scan, sample_stats) for scan in neighbourhoods])
        position = self.pos_embed(centres)  # (B, G, 384)
        taps = []
        for depth, block in enumerate(self.blocks.blocks):
            x = block(x + position)  # the position is added before every block and stays
            if depth in TAPS:
                taps.append(self.norm(x))
        return torch.cat(taps, dim=-1)  # (B, G, 1152)
