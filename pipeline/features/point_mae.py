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
TILE_POINTS = 8192  # points of the groups that the mini-PointNet takes at once
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
        """The published network, rearranged: the half of the second convolution that reads the
        group's maximum is the same for all its points, so it is applied once a group; the other
        half follows a linear layer without a nonlinearity between, so the two are one matrix.
        Groups are taken in tiles that stay in the processor's cache.
        """
        first: Any = self.first_conv  # indexed as layers, which Sequential's type hides
        second: Any = self.second_conv
        local, shared = _matrix(first[3]), _matrix(second[0])
        inner = F.linear(neighbourhoods, _matrix(first[0]), first[0].bias)  # (G, K, 128)
        inner = _scale_shift(inner, *_batch_norm(first[1], [inner], sample_stats)).relu_()
        tiles = inner.split(max(1, TILE_POINTS // inner.shape[1]))
        hidden = []
        for tile in tiles:
            peak = F.linear(tile, local).amax(dim=1) + first[3].bias  # (g, 256)
            of_group = F.linear(peak, shared[:, :256], second[0].bias)
            of_group = of_group + shared[:, 256:] @ first[3].bias  # (g, 512)
            hidden.append(F.linear(tile, shared[:, 256:] @ local).add_(of_group[:, None]))
        norm = _batch_norm(second[1], hidden, sample_stats)
        last = _matrix(second[3])
        tokens = [F.linear(_scale_shift(x, *norm).relu_(), last).amax(dim=1) for x in hidden]
        return torch.cat(tokens) + second[3].bias  # (G, 384)


def _matrix(convolution: nn.Conv1d) -> Tensor:
    return convolution.weight[:, :, 0]


def _scale_shift(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """In place."""
    return x.mul_(scale).add_(shift)


def _batch_norm(
    norm: nn.BatchNorm1d, tiles: Sequence[Tensor], sample_stats: bool
) -> tuple[Tensor, Tensor]:
    """BatchNorm of all rows of some (g, K, C) as scale and shift (C,).

    From the running statistics, or from this sample's own (biased variance): the published code
    never calls eval().
    """
    if sample_stats:
        mean, variance = _statistics(tiles)
    else:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = norm.running_mean, norm.running_var
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def _statistics(tiles: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (C,) over all rows of the tiles."""
    moments = [torch.var_mean(tile.flatten(0, 1), dim=0, correction=0) for tile in tiles]
    variances, means = (torch.stack(part).double() for part in zip(*moments, strict=True))
    share = torch.tensor([len(tile) for tile in tiles], dtype=torch.float64, device=means.device)
    share = (share / share.sum())[:, None]
    mean = (share * means).sum(dim=0)
    variance = (share * (variances + (means - mean).square())).sum(dim=0)
    return mean.to(tiles[0].dtype), variance.to(tiles[0].dtype)


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
