"""Point-MAE's encoder, frozen: groups of points in, three tapped blocks of tokens out.

Parameter names are the published checkpoint's, so that it loads strictly. The network is written
as published and says what is meant; `fast_point_mae.py` and `batched/point_mae.py` compute the same
sooner.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 384
DEPTH = 12
HEADS = 6
TAPS = (3, 7, 11)  # blocks whose outputs are concatenated (M3DM, CFM)


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
        x = _convolve(self.first_conv, neighbourhoods.transpose(1, 2), sample_stats)  # (G, 256, K)
        peak = x.amax(dim=2, keepdim=True).expand_as(x)
        x = _convolve(self.second_conv, torch.cat([peak, x], dim=1), sample_stats)  # (G, 384, K)
        return x.amax(dim=2)


def _convolve(layers: Any, x: Tensor, sample_stats: bool) -> Tensor:
    """Convolution, BatchNorm, ReLU and convolution.

    With a scan's own statistics as the published code runs, which never calls eval(): the running
    ones are left alone.
    """
    convolution, norm, activation, last = layers
    x = convolution(x)
    if sample_stats:
        x = F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
    else:
        x = norm(x)
    return cast("Tensor", last(activation(x)))


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
