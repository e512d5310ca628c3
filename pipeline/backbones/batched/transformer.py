"""Frozen pre-norm transformers over the tokens of many scans at once.

Tokens lie packed, scan after scan, so that no linear layer works on padding; attention alone pads
scans of different lengths, and masks the padded keys. The residual stream and LayerNorm stay in
float32; linear layers and attention are in the backbone's dtype.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...compute.device import to_device
from ..transformer import HEAD, FrozenBlock


@dataclass(frozen=True)
class Packing:
    """Where the tokens of B scans of different lengths lie in one sequence of T rows."""

    scans: int
    longest: int
    pad: Tensor | None  # (B, N) int64 rows of each scan, row 0 beyond its length; None: all equal
    unpad: Tensor | None  # (T,) int64 into the B * N padded ones
    mask: Tensor | None  # (B, 1, 1, N) bool: keys that are a scan's own

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> "Packing":
        """Lay out scans of these lengths; nothing waits for the device, as the host knows them."""
        longest = max(lengths)
        if min(lengths) == longest:
            return cls(len(lengths), longest, None, None, None)
        own = np.arange(longest) < np.array(lengths)[:, None]  # (B, N)
        first = np.cumsum([0, *lengths[:-1]])[:, None]
        pad = np.where(own, first + np.arange(longest), 0)
        mask = to_device(own, device)[:, None, None]
        return cls(
            len(lengths),
            longest,
            to_device(pad, device),
            to_device(np.flatnonzero(own), device),
            mask,
        )

    def attend(self, qkv: Tensor) -> Tensor:
        """Attention of each scan to itself: queries, keys and values (T, 3 C) to (T, C)."""
        rows = qkv if self.pad is None else qkv.index_select(0, self.pad.flatten())
        heads = rows.view(self.scans, self.longest, 3, -1, HEAD).permute(2, 0, 3, 1, 4)
        q, k, v = heads.unbind(0)  # (B, heads, N, 64) each
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        mixed = mixed.transpose(1, 2).reshape(len(rows), -1)  # (B * N, C)
        return mixed if self.unpad is None else mixed.index_select(0, self.unpad)


class PackedTransformer:
    """Blocks of a frozen encoder, its last norm and the blocks whose outputs are wanted."""

    def __init__(
        self, blocks: Iterable[Any], norm: nn.Module, taps: Sequence[int], dtype: torch.dtype
    ) -> None:
        self.blocks = [FrozenBlock(block, dtype) for block in blocks]
        self.norm, self.taps = norm, frozenset(taps)

    def __call__(self, x: Tensor, packing: Packing, position: Tensor | None = None) -> Tensor:
        """Pass the tokens of all scans through the blocks.

        Args:
            x: (T, C) float32; it is overwritten.
            position: (T, C) float32, added before every block.

        Returns:
            (T, taps * C) float32: the outputs of the tapped blocks, in order, through the norm.
        """
        out = []
        for depth, block in enumerate(self.blocks):
            if position is not None:
                x += position
            block.after_attention(x, packing.attend(block.before_attention(x)))
            if depth in self.taps:
                out.append(self.norm(x))
        return out[0] if len(out) == 1 else torch.cat(out, dim=1)
