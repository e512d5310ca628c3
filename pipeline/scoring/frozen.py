"""MFM and MGM, trained and frozen, rearranged so that the scores of a scan take fewer operations.

A pixel's feature x is a weighted sum of its scan's tokens, of which there are ten times fewer than
pixels. So what is linear in x is computed of the tokens and summed at the pixels: the first layer W
of each MLP that reads F_RGB or F_XYZ.

In MFM a LayerNorm with weight w and bias v comes before it. With m and s the mean and the standard
deviation of x over its C channels, and D the diagonal matrix of w,

    W (D (x - m) / s + v) + b = M x / s + (W v + b),    M = W D (I - 1 1^T / C):

M takes the mean out, so that M x is linear in x and is summed at the pixels too, and s alone is
found at each pixel.

MGM's mentor MLP ends in a linear layer that another one follows: the two are one matrix.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.linear import Linear
from ..fusion.network import Fusion
from ..guidance.network import GuidedMapping


class FrozenMLP:
    """One of MFM's MLPs: LayerNorm, linear, GELU, linear."""

    def __init__(self, mlp: nn.Sequential, dtype: torch.dtype) -> None:
        layers: Any = mlp  # indexed as layers, which Sequential's type hides
        self._norm, first = layers[0], layers[1]
        self._first, self._second = Linear.of(first, dtype, gelu=True), Linear.of(layers[3], dtype)
        scaled = (first.weight * self._norm.weight).T  # (C, H)
        self.matrix = (scaled - scaled.mean(dim=0)).contiguous()  # (C, H): x @ it sees no mean of x
        self._shift = first.weight @ self._norm.bias + first.bias

    def __call__(self, x: Tensor) -> Tensor:
        """The MLP of features x (N, C), as published: F_Mtr's parts or F_Mtr itself (N, dim)."""
        norm = self._norm
        x = F.layer_norm(x.float(), norm.normalized_shape, norm.weight, norm.bias, norm.eps)
        return self._second(self._first(x))

    def of_product(self, x: Tensor, product: Tensor) -> Tensor:
        """The MLP of features x (N, C) whose `product` (N, H) = x @ matrix is known.

        The product is overwritten.
        """
        centred = x - x.mean(dim=1, keepdim=True)
        variance = torch.linalg.vector_norm(centred, dim=1, keepdim=True).square_()
        product *= variance.div_(x.shape[1]).add_(self._norm.eps).rsqrt_()
        product += self._shift
        return self._second(F.gelu(product))


class FrozenFusion:
    """MFM, for rows of single pixels."""

    def __init__(self, fusion: Fusion, dtype: torch.dtype) -> None:
        parts = fusion.rgb, fusion.xyz, fusion.outer
        self.rgb, self.xyz, self._outer = (FrozenMLP(part, dtype) for part in parts)

    def __call__(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of F_RGB (N, R) and F_XYZ (N, X)."""
        return self.fuse(self.rgb(rgb), self.xyz(xyz))

    def fuse(self, rgb: Tensor, xyz: Tensor) -> Tensor:
        """F_Mtr (N, dim) of two projections (N, dim)."""
        return self._outer(torch.cat([rgb, xyz], dim=-1))


class FrozenMapping:
    """One direction of MGM, for rows of single pixels."""

    def __init__(self, mapping: GuidedMapping, dtype: torch.dtype) -> None:
        layers: Any = mapping.map
        weight, self._bias = layers[0].weight, layers[0].bias
        self._guide: tuple[Linear, Linear] | None = None
        if mapping.guide is not None:
            guide: Any = mapping.guide
            end = guide[2]
            of_guide, weight = weight.tensor_split([end.out_features], dim=1)
            joined = Linear(of_guide @ end.weight, of_guide @ end.bias + self._bias, dtype)
            self._guide = Linear.of(guide[0], dtype, gelu=True), joined
        self.matrix = weight.T.contiguous()  # (C, H), of the source modality
        self._middle = Linear.of(layers[2], dtype, gelu=True)
        self._last = Linear.of(layers[4], dtype)

    def of_product(self, product: Tensor, mentor: Tensor) -> Tensor:
        """The reconstruction (N, C').

        Args:
            product: (N, H), the source's features @ matrix; it is overwritten.
            mentor: F_Mtr (N, dim).
        """
        product += self._bias if self._guide is None else self._guide[1](self._guide[0](mentor))
        return self._last(self._middle(F.gelu(product)))


@dataclass(frozen=True)
class FrozenSource:
    """The two first layers that read a modality."""

    mlp: FrozenMLP
    mapping: FrozenMapping

    def products(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (N, C) float32, and their products (N, H) and (N, H') with both matrices.

        They are float32 at either precision: the offset of the feature space is subtracted from the
        sums and may be much larger than what is left at a pixel.
        """
        return features, features @ self.mlp.matrix, features @ self.mapping.matrix
