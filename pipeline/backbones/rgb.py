"""DINO ViT-B/8 through timm, frozen: images in, 28x28 patch features out.

`patch_features` and `foreground_patch_features` are the network as published, on any device, and
say what is meant; `FastViT` and `batched/rgb.py` compute the same sooner.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..compute.device import Each
from ..compute.linear import Linear
from ..dataset.grid import PATCHES, SIZE
from ..features.interpolation import fill_background_patches
from .timm_library import new_network
from .transformer import Transformer

BACKBONE = "vit_base_patch8_224.dino"


def empty_vit() -> nn.Module:
    """The network without memory for its weights, on the meta device."""
    with torch.device("meta"):
        return new_network(BACKBONE)


def patch_features(vit: nn.Module, images: Tensor) -> Tensor:
    """All 784 patch tokens through the final norm, without the class token.

    Args:
        vit: timm VisionTransformer in eval mode; images: (B, 3, 224, 224), ImageNet-normalised.

    Returns:
        (B, 28, 28, 768).
    """
    tokens = vit.forward_features(images)  # type: ignore[operator]  # (B, 785, 768)
    return tokens[:, 1:].reshape(len(images), PATCHES, PATCHES, -1)


def foreground_patch_features(vit: nn.Module, images: Tensor, foreground: np.ndarray) -> Tensor:
    """Patch features from the patches that hold foreground alone (docs/decisions/0002).

    Background patches are left out of the sequence, as in a masked autoencoder, so that attention
    neither pays for the table nor sees it; each of their neighbours gets the mean of the known
    patches beside it, and the rest are zero.

    Args:
        images: (B, 3, 224, 224); foreground: (B, 224, 224) bool, none empty.

    Returns:
        (B, 28, 28, 768).
    """
    known = known_cells(foreground)  # (B, 28, 28)
    tokens = vit._pos_embed(vit.patch_embed(images))  # type: ignore[operator]  # (B, 785, 768)
    result = torch.zeros(len(images), PATCHES, PATCHES, tokens.shape[-1])
    for i, patches in enumerate(known):
        kept = torch.from_numpy(np.flatnonzero(patches.ravel())) + 1
        x = torch.cat([tokens[i : i + 1, :1], tokens[i : i + 1, kept.to(tokens.device)]], dim=1)
        x = vit.norm(vit.blocks(vit.norm_pre(x)))  # type: ignore[operator]  # (1, 1 + n, 768)
        scan = np.zeros((PATCHES, PATCHES, x.shape[-1]), dtype=np.float32)
        scan[patches] = x[0, 1:].float().cpu().numpy()
        result[i] = torch.from_numpy(fill_background_patches(scan, patches))
    return result


def known_cells(foreground: np.ndarray, side: int = PATCHES) -> np.ndarray:
    """(..., side, side) bool: cells of a grid that touch a pixel of foreground (..., 224, 224)."""
    first = np.arange(side) * SIZE // side  # pixel of each cell's first edge
    last = -(-np.arange(1, side + 1) * SIZE // side)  # one past that of its last
    sums = np.pad(
        np.cumsum(foreground, axis=-2), [(0, 0)] * (foreground.ndim - 2) + [(1, 0), (0, 0)]
    )
    rows = sums[..., last, :] - sums[..., first, :] > 0  # (..., side, 224)
    sums = np.pad(np.cumsum(rows, axis=-1), [(0, 0)] * (rows.ndim - 1) + [(1, 0)])
    return np.asarray(sums[..., last] - sums[..., first] > 0)


def embeddings(vit: Any) -> tuple[Tensor, Tensor]:
    """What a ViT puts before its patches, (P, C), and adds to each of them, (g * g, C)."""
    cells = vit.patch_embed.num_patches
    shape = (1, *vit.patch_embed.grid_size) if vit.dynamic_img_size else (1, cells)
    tokens = vit._pos_embed(vit.cls_token.new_zeros(*shape, vit.embed_dim))[0].detach()
    return tokens[:-cells], tokens[-cells:]


class FastViT:
    """The frozen network for one scan at a time on the CPU: the same features, sooner.

    Only the patches that are kept are embedded, in float32; see `Transformer` for the rest.
    """

    def __init__(self, vit: Any, dtype: torch.dtype) -> None:
        filters = vit.patch_embed.proj
        self.patch, self.side = vit.patch_embed.patch_size[0], vit.patch_embed.grid_size[0]
        self.embed = Linear(filters.weight.flatten(1), filters.bias, torch.float32)
        self.first, self.position = embeddings(vit)  # (1, 768) and (784, 768) of DINO
        self.encoder = Transformer(vit.blocks, vit.norm, [len(vit.blocks) - 1], dtype)

    def __call__(
        self, image: np.ndarray, foreground: np.ndarray | None, each: Each = map
    ) -> np.ndarray:
        """`patch_features`, or `foreground_patch_features`, of one scan.

        Args:
            image: (3, S, S) float32, of DINO 224; foreground: (224, 224) bool; None: all patches.

        Returns:
            (g, g, C) float32, of DINO (28, 28, 768).
        """
        side, patch = self.side, self.patch
        if foreground is None:
            foreground = np.ones((SIZE, SIZE), bool)
        known = known_cells(foreground, side)
        tiles = image.reshape(3, side, patch, side, patch).transpose(1, 3, 0, 2, 4)[known]
        patches = self.embed(torch.from_numpy(tiles.reshape(len(tiles), -1)))  # (n, 768)
        kept = torch.from_numpy(np.flatnonzero(known))
        tokens = torch.cat([self.first, patches + self.position[kept]])
        features = np.zeros((*known.shape, tokens.shape[1]), np.float32)
        features[known] = self.encoder(tokens, each=each)[len(self.first) :].numpy()
        return fill_background_patches(features, known)
