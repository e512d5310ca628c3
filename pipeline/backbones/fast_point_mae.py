"""Point-MAE's encoder for one scan at a time on the CPU: the same tokens, sooner."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.linear import Linear
from .point_mae import TAPS, GroupEncoder, PointMAE
from .transformer import Run, Transformer, in_order

TILE_POINTS = 1024  # of groups that the mini-PointNet takes at once: 1 MB of hidden bfloat16


class FastGroupEncoder:
    """`GroupEncoder` rearranged so that few values pass through memory.

    The half of the second convolution that reads the group's maximum is the same for all its
    points, so it is applied once a group; the other half follows a linear layer without a
    nonlinearity between, so the two are one matrix. Each BatchNorm follows a linear layer too, and
    is part of its matrix: a sample's own statistics follow from the moments of the layer's input,
    summed in float32 and put together in float64. What is once a group is in float32.
    """

    def __init__(self, encoder: GroupEncoder, dtype: torch.dtype) -> None:
        first: Any = encoder.first_conv  # indexed as layers, which Sequential's type hides
        second: Any = encoder.second_conv
        self.dtype = dtype
        self.norms = first[1], second[1]
        self.first = first[0].weight[:, :, 0], first[0].bias
        local, shared = first[3].weight[:, :, 0], second[0].weight[:, :, 0]
        self.local, self.local_bias = Linear(local, None, dtype), first[3].bias
        self.of_peak = shared[:, :256], second[0].bias + shared[:, 256:] @ first[3].bias
        self.matrix = shared[:, 256:] @ local  # (512, 128)
        last = second[3].weight[:, :, 0]
        self.last, self.last_of_group = Linear(last, None, dtype), (last, second[3].bias)

    def __call__(self, neighbourhoods: Tensor, sample_stats: bool, run: Run = in_order) -> Tensor:
        """(G, K, 3) float32 to (G, 384) float32; see `PointMAE`."""
        matrix, bias = self.first
        moments = _linear_moments(neighbourhoods, matrix, bias) if sample_stats else None
        scale, shift = _batch_norm(self.norms[0], moments)
        matrix, bias = matrix * scale[:, None], bias * scale + shift

        tiles = self._tiles(neighbourhoods)
        groups, size, _ = neighbourhoods.shape
        points = torch.empty(groups, size, len(matrix), dtype=self.dtype)
        inner = torch.empty(groups, len(matrix))
        peak = torch.empty(groups, 256)
        squares: dict[int, Tensor] = {}  # by first group, so that they are summed in order

        def describe(tile: slice) -> None:
            x = F.linear(neighbourhoods[tile], matrix, bias).relu_()  # (g, K, 128)
            if sample_stats:
                inner[tile] = x.mean(dim=1)
                rows = x.flatten(0, 1)
                squares[tile.start] = rows.T @ rows
            points[tile] = x
            peak[tile] = self.local(points[tile]).amax(dim=1)

        list(run(describe, tiles))
        of_group = F.linear(peak + self.local_bias, *self.of_peak)  # (G, 512)
        if sample_stats:
            total = torch.stack([squares[tile.start] for tile in tiles]).double().sum(dim=0)
            moments = _grouped_moments(inner, total / (groups * size), self.matrix, of_group)
        return self._finish(points, of_group, _batch_norm(self.norms[1], moments), tiles, run)

    def _finish(
        self,
        points: Tensor,
        of_group: Tensor,
        norm: tuple[Tensor, Tensor],
        tiles: Sequence[slice],
        run: Run,
    ) -> Tensor:
        """max W relu(h + g) over a group is max W max(h, -g), plus W g: one pass less over h."""
        scale, shift = norm
        matrix = (self.matrix * scale[:, None]).to(self.dtype)
        of_group = (of_group * scale + shift).to(self.dtype)
        matrix_of_group, bias = self.last_of_group
        tokens = F.linear(of_group.float(), matrix_of_group, bias)
        floor = -of_group[:, None]  # (G, 1, 512)

        def finish(tile: slice) -> None:
            hidden = F.linear(points[tile], matrix)  # (g, K, 512)
            torch.maximum(hidden, floor[tile], out=hidden)
            tokens[tile] += self.last(hidden).amax(dim=1)

        list(run(finish, tiles))
        return tokens

    @staticmethod
    def _tiles(neighbourhoods: Tensor) -> list[slice]:
        groups, size, _ = neighbourhoods.shape
        step = max(1, TILE_POINTS // size)
        return [slice(start, min(start + step, groups)) for start in range(0, groups, step)]


Moments = tuple[Tensor, Tensor]  # mean and biased variance (C,), float64


def _batch_norm(norm: nn.BatchNorm1d, moments: Moments | None) -> tuple[Tensor, Tensor]:
    """BatchNorm as scale and shift (C,): by a sample's own moments or the running statistics."""
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


def _grouped_moments(inner: Tensor, squares: Tensor, matrix: Tensor, of_group: Tensor) -> Moments:
    """Of x @ matrix (C, D)^T + of_group (G, C) over all rows x (G, K, D).

    The variance of the sum: that of the first term, that of the second, and twice their
    covariance, in which the first term counts by its mean in the group.

    Args:
        inner: (G, D), means of x in the groups; squares: (D, D) float64, the mean of x^T x.
    """
    inner, matrix, of_group = inner.double(), matrix.double(), of_group.double()
    mean, group_mean = inner.mean(dim=0), of_group.mean(dim=0)
    covariance = squares - torch.outer(mean, mean)  # (D, D)
    variance = ((matrix @ covariance) * matrix).sum(dim=1)
    variance += (of_group - group_mean).square().mean(dim=0)
    variance += 2 * ((inner - mean) @ matrix.T * (of_group - group_mean)).mean(dim=0)
    return mean @ matrix.T + group_mean, variance


class FastPointMAE:
    """The frozen encoder; positions and the first layer of the groups stay in float32."""

    def __init__(self, model: PointMAE, dtype: torch.dtype) -> None:
        self.encoder = FastGroupEncoder(model.encoder, dtype)
        self.pos_embed = model.pos_embed
        self.transformer = Transformer(model.blocks.blocks, model.norm, TAPS, dtype)

    def __call__(
        self, neighbourhoods: Tensor, centres: Tensor, sample_stats: bool, run: Run = in_order
    ) -> Tensor:
        """(G, K, 3) and (G, 3) of one scan to (G, 1152), all float32; see `PointMAE`."""
        x = self.encoder(neighbourhoods, sample_stats, run)  # (G, 384)
        return self.transformer(x, self.pos_embed(centres), run)
