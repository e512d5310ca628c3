"""A ViT's patch features of a batch of scans, from the patches that are wanted of each."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...compute.device import to_device
from ..rgb import embeddings
from .transformer import PackedTransformer, Packing


class BatchedViT:
    """The frozen network for many scans at once; its last norm included."""

    def __init__(self, vit: Any, dtype: torch.dtype) -> None:
        filters = vit.patch_embed.proj
        self.matrix, self.bias = filters.weight.flatten(1), filters.bias  # (768, 192)
        self.patch, self.side = vit.patch_embed.patch_size[0], vit.patch_embed.grid_size[0]
        self.first, self.position = embeddings(vit)  # (1, 768) and (784, 768) of DINO
        self.encoder = PackedTransformer(vit.blocks, vit.norm, [len(vit.blocks) - 1], dtype)

    def __call__(self, images: Tensor, known: np.ndarray) -> Tensor:
        """Compute the features of the known patches of each scan, and fill in those beside them.

        A neighbour of known patches gets the mean of those beside it, and the rest are zero
        (docs/decisions/0002).

        Args:
            images: (B, 3, S, S) float32; known: (B, g, g) bool on the host, none empty. Of DINO
                S is 224 and g is 28.

        Returns:
            (B, g, g, C) float32.
        """
        device, scans = images.device, len(images)
        kept, before = known.reshape(scans, -1), len(self.first)
        rows, places = _rows(kept, before)
        tokens = self._embed(images).index_select(0, to_device(rows, device))  # (T, 768)
        packing = Packing.of((kept.sum(axis=1) + before).tolist(), device)
        tokens = self.encoder(tokens, packing)
        features = torch.cat([tokens, tokens.new_zeros(1, tokens.shape[1])])
        features = features.index_select(0, to_device(places, device))
        features = features.view(scans, self.side, self.side, -1)
        return features if known.all() else fill_background(features, to_device(known, device))

    def _embed(self, images: Tensor) -> Tensor:
        """Class token and all patches of every scan, with their positions: (B * 785, 768)."""
        side, patch = self.side, self.patch
        tiles = images.view(-1, 3, side, patch, side, patch).permute(0, 2, 4, 1, 3, 5)
        tiles = tiles.reshape(len(images), side * side, -1)  # (B, 784, 192)
        patches = F.linear(tiles, self.matrix, self.bias) + self.position
        first = self.first[None].expand(len(images), -1, -1)
        return torch.cat([first, patches], dim=1).flatten(0, 1)


def _rows(kept: np.ndarray, before: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of all B * 785 tokens enter the network, and where each patch comes out of it.

    Args:
        kept: (B, 784) bool, the patches that enter beside the class tokens.
        before: class tokens, and registers, of each scan.

    Returns:
        Rows (T,) of the tokens that enter, and for each patch (B * 784,) its place among the T;
        T, one past them, for a patch that does not enter.
    """
    entering = np.pad(kept, ((0, 0), (before, 0)), constant_values=True)  # class tokens always
    rows = np.flatnonzero(entering)
    out = np.full(entering.size, len(rows))
    out[rows] = np.arange(len(rows))
    return rows, out.reshape(entering.shape)[:, before:].ravel()


def fill_background(features: Tensor, known: Tensor) -> Tensor:
    """Do for a batch what `fill_background_patches` does for one scan, to the same bits.

    Args:
        features: (B, g, g, C), zero where not known; known: (B, g, g) bool.
    """
    height, width = known.shape[1:]
    padded = F.pad(features, (0, 0, 1, 1, 1, 1))
    mask = F.pad(known.to(features.dtype), (1, 1, 1, 1))
    total, count = torch.zeros_like(features), torch.zeros_like(mask[:, 1:-1, 1:-1])
    for dy in range(3):
        for dx in range(3):
            total += padded[:, dy : dy + height, dx : dx + width]
            count += mask[:, dy : dy + height, dx : dx + width]
    return torch.where(known[..., None], features, total / count.clamp(min=1)[..., None])
