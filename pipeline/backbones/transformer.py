"""Frozen pre-norm transformers on the CPU, near the rate of its matrix products.

Matrices are converted and packed once. Rows (tokens) pass in tiles that stay in the cache, the
same tiles whoever computes them: bits do not depend on the number of threads. What sums many small
terms stays in float32 at either precision: the residual stream and LayerNorm; bfloat16 has the
inputs and outputs of the linear layers and of attention's two products, which are summed in
float32, and its weights.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.device import Each
from ..compute.linear import Linear

TILE_ROWS = 256  # at most; twice as many tiles as a loop needs lets two cores share one scan
HEAD = 64  # channels of a head, in both backbones


def row_tiles(rows: int) -> list[slice]:
    """Cut rows into an even number of tiles of about the same size."""
    count = 2 * -(-rows // (2 * TILE_ROWS))
    edges = [rows * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


class FrozenBlock:
    """A block of either backbone around its attention, which the caller computes.

    Args:
        block: its parts have timm's names: norm1, attn, norm2, mlp.
        dtype: of the linear layers.
    """

    def __init__(self, block: Any, dtype: torch.dtype) -> None:
        self.norm1, self.norm2 = block.norm1, block.norm2
        self.qkv = Linear.of(block.attn.qkv, dtype)
        self.proj = _scaled(block.attn.proj, getattr(block, "ls1", None), dtype)
        self.fc1 = Linear.of(block.mlp.fc1, dtype, gelu=True)
        self.fc2 = _scaled(block.mlp.fc2, getattr(block, "ls2", None), dtype)

    def before_attention(self, x: Tensor) -> Tensor:
        """Queries, keys and values (n, 3 C) of rows x (n, C) of the residual stream."""
        return self.qkv(self.norm1(x))

    def after_attention(self, x: Tensor, mixed: Tensor) -> None:
        """Add to rows x (n, C) of the residual stream, in place, what attention mixed (n, C)."""
        x += self.proj(mixed)
        x += self.fc2(self.fc1(self.norm2(x)))


def _scaled(layer: nn.Linear, scale: nn.Module | None, dtype: torch.dtype) -> Linear:
    """A layer with the LayerScale that follows it, where DINOv2 has one, in its weights."""
    if (gamma := getattr(scale, "gamma", None)) is None:
        return Linear.of(layer, dtype)
    return Linear(layer.weight * gamma[:, None], layer.bias * gamma, dtype)


class Transformer:
    """Blocks of a frozen encoder, its last norm and the blocks whose outputs are wanted."""

    def __init__(
        self, blocks: Iterable[Any], norm: nn.Module, taps: Sequence[int], dtype: torch.dtype
    ) -> None:
        self.blocks = [FrozenBlock(block, dtype) for block in blocks]
        self.norm, self.dtype = norm, dtype
        self.taps = {depth: place for place, depth in enumerate(taps)}

    def __call__(self, x: Tensor, position: Tensor | None = None, each: Each = map) -> Tensor:
        """Pass the tokens of one scan through the blocks.

        Args:
            x: (T, C) float32; it is overwritten.
            position: (T, C) float32, added before every block.
            each: applies a function to tiles of rows: `map`, or that of some threads.

        Returns:
            (T, taps * C) float32: the outputs of the tapped blocks through the norm.
        """
        tokens, width = x.shape
        out = x.new_empty(tokens, len(self.taps) * width)
        heads = width // HEAD
        # Queries, keys and values of this block and the next, head by head.
        now, then = x.new_empty(2, 3, heads, tokens, HEAD, dtype=self.dtype)

        def enter(depth: int, qkv: Tensor, rows: slice) -> None:
            if position is not None:
                x[rows] += position[rows]
            made = self.blocks[depth].before_attention(x[rows])  # (n, 3 C)
            qkv[:, :, rows] = made.view(len(made), 3, heads, HEAD).permute(1, 2, 0, 3)

        def pass_block(depth: int, qkv: Tensor, following: Tensor, rows: slice) -> None:
            self.blocks[depth].after_attention(x[rows], attention(qkv, rows))
            if depth in self.taps:
                first = self.taps[depth] * width
                out[rows, first : first + width] = self.norm(x[rows])
            if depth + 1 < len(self.blocks):
                enter(depth + 1, following, rows)

        tiles = row_tiles(tokens)
        list(each(partial(enter, 0, now), tiles))
        for depth in range(len(self.blocks)):
            list(each(partial(pass_block, depth, now, then), tiles))
            now, then = then, now
        return out


def attention(qkv: Tensor, rows: slice) -> Tensor:
    """Attention of some rows to all rows of one scan: softmax(q k^T / 8) v in each head.

    On the CPU torch's fused kernel is no faster in bfloat16 than in float32, while two products of
    oneDNN are; in float32 they are not.

    Args:
        qkv: queries, keys and values (3, heads, T, 64); rows: n of the T.

    Returns:
        (n, heads * 64).
    """
    q, k, v = qkv[0, :, rows], qkv[1], qkv[2]
    if qkv.dtype == torch.float32:
        mixed = F.scaled_dot_product_attention(q[None], k[None], v[None])[0]  # (heads, n, 64)
    else:
        mixed = (q * HEAD**-0.5 @ k.transpose(1, 2)).softmax(dim=-1) @ v
    return mixed.transpose(0, 1).reshape(q.shape[1], -1)
