"""DINO's patch features of a batch of scans, from the patches that are wanted of each."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...compute.device import to_device
from ...dataset.grid import PATCH, PATCHES
from .transformer import PackedTransformer, Packing

TOKENS = PATCHES * PATCHES


class BatchedViT:
    """The frozen network for many scans at once; its last norm included."""

    def __init__(self, vit: Any, dtype: torch.dtype) -> None:
        filters = vit.patch_embed.proj
        self.matrix, self.bias = filters.weight.flatten(1), filters.bias  # (768, 192)
        self.first = (vit.cls_token + vit.pos_embed[:, :1]).detach()  # (1, 1, 768)
        self.position = vit.pos_embed[:, 1:].detach()  # (1, 784, 768)
        self.encoder = PackedTransformer(vit.blocks, vit.norm, [len(vit.blocks) - 1], dtype)

    def __call__(self, images: Tensor, known: np.ndarray) -> Tensor:
        """Compute the features of the known patches of each scan, and fill in those beside them.

        A neighbour of known patches gets the mean of those beside it, and the rest are zero
        (docs/decisions/0002).

        Args:
            images: (B, 3, 224, 224) float32; known: (B, 28, 28) bool on the host, none empty.

        Returns:
            (B, 28, 28, 768) float32.
        """
        device, scans = images.device, len(images)
        kept = known.reshape(scans, TOKENS)
        rows, places = _rows(kept)
        tokens = self._embed(images).index_select(0, to_device(rows, device))  # (T, 768)
        packing = Packing.of((kept.sum(axis=1) + 1).tolist(), device)
        tokens = self.encoder(tokens, packing)
        features = torch.cat([tokens, tokens.new_zeros(1, tokens.shape[1])])
        features = features.index_select(0, to_device(places, device))
        features = features.view(scans, PATCHES, PATCHES, -1)
        return features if known.all() else fill_background(features, to_device(known, device))

    def _embed(self, images: Tensor) -> Tensor:
        """Class token and all patches of every scan, with their positions: (B * 785, 768)."""
        tiles = images.view(-1, 3, PATCHES, PATCH, PATCHES, PATCH).permute(0, 2, 4, 1, 3, 5)
        tiles = tiles.reshape(len(images), TOKENS, -1)  # (B, 784, 192)
        patches = F.linear(tiles, self.matrix, self.bias) + self.position
        first = self.first.expand(len(images), -1, -1)
        return torch.cat([first, patches], dim=1).flatten(0, 1)


def _rows(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of all B * 785 tokens enter the network, and where each patch comes out of it.

    Args:
        kept: (B, 784) bool, the patches that enter beside the class tokens.

    Returns:
        Rows (T,) of the tokens that enter, and for each patch (B * 784,) its place among the T;
        T, one past them, for a patch that does not enter.
    """
    entering = np.pad(kept, ((0, 0), (1, 0)), constant_values=True)  # the class token always
    rows = np.flatnonzero(entering)
    out = np.full(entering.size, len(rows))
    out[rows] = np.arange(len(rows))
    return rows, out.reshape(entering.shape)[:, 1:].ravel()


def fill_background(features: Tensor, known: Tensor) -> Tensor:
    """Do for a batch what `fill_background_patches` does for one scan, to the same bits.

    Args:
        features: (B, 28, 28, C), zero where not known; known: (B, 28, 28) bool.
    """
    padded = F.pad(features, (0, 0, 1, 1, 1, 1))
    mask = F.pad(known.to(features.dtype), (1, 1, 1, 1))
    total, count = torch.zeros_like(features), torch.zeros_like(mask[:, 1:-1, 1:-1])
    for dy in range(3):
        for dx in range(3):
            total += padded[:, dy : dy + PATCHES, dx : dx + PATCHES]
            count += mask[:, dy : dy + PATCHES, dx : dx + PATCHES]
    return torch.where(known[..., None], features, total / count.clamp(min=1)[..., None])
