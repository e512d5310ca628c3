"""Point-MAE's tokens of a batch of scans; with sample statistics each scan has its own."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..point_mae import TAPS, GroupEncoder, PointMAE
from .transformer import Linear, PackedTransformer, Packing

TILE_ROWS = 1 << 18  # points of groups in one matrix product of the mini-PointNet

Moments = tuple[Tensor, Tensor]  # mean and biased variance (B, C), float64


class BatchedPointMAE:
    """The frozen encoder for many scans at once."""

    def __init__(self, model: PointMAE, dtype: torch.dtype) -> None:
        self.groups = BatchedGroupEncoder(model.encoder, dtype)
        self.position = model.pos_embed
        self.encoder = PackedTransformer(model.blocks.blocks, model.norm, TAPS, dtype)

    def __call__(self, neighbourhoods: Tensor, centres: Tensor, sample_stats: bool) -> Tensor:
        """`PointMAE.forward`: (B, G, K, 3) and (B, G, 3) to (B, G, 1152) float32."""
        scans, groups = centres.shape[:2]
        tokens = self.groups(neighbourhoods, sample_stats).flatten(0, 1)  # (B * G, 384)
        position = self.position(centres).flatten(0, 1)
        packing = Packing.of([groups] * scans, tokens.device)
        return self.encoder(tokens, packing, position).view(scans, groups, -1)


class BatchedGroupEncoder:
    """The mini-PointNet with the matrices of `GroupEncoder.forward`, each BatchNorm folded in.

    The first layer, all statistics and what is computed once a group stay in float32 or better;
    the products over all points of all groups are in the dtype.
    """

    def __init__(self, encoder: GroupEncoder, dtype: torch.dtype) -> None:
        first: list[Any] = list(encoder.first_conv)
        second: list[Any] = list(encoder.second_conv)
        self.dtype = dtype
        self.enter: Tensor = _matrix(first[0])  # (128, 3)
        self.enter_bias: Tensor = first[0].bias
        self.local = Linear(_matrix(first[3]), None, dtype)  # (256, 128)
        self.local_bias = first[3].bias
        shared = _matrix(second[0])  # (512, 256 of the group's maximum and 256 of the point)
        self.of_peak = shared[:, :256]
        self.of_peak_bias = second[0].bias + shared[:, 256:] @ first[3].bias
        self.inner = shared[:, 256:] @ _matrix(first[3])  # (512, 128)
        self.last = Linear(_matrix(second[3]), None, dtype)  # (384, 512)
        self.last_bias = second[3].bias
        self.norms = first[1], second[1]

    def __call__(self, neighbourhoods: Tensor, sample_stats: bool) -> Tensor:
        """(B, G, K, 3) float32 to (B, G, 384) float32."""
        size = neighbourhoods.shape[2]
        tiles = self._first_layer(neighbourhoods, sample_stats)  # (B, g, K, 128) each
        peak = torch.cat([self.local(x).amax(dim=2) for x in tiles], dim=1).float()
        of_group = F.linear(peak + self.local_bias, self.of_peak, self.of_peak_bias)  # (B, G, 512)
        moments = _grouped_moments(tiles, self.inner, of_group) if sample_stats else None
        scale, shift = _batch_norm(self.norms[1], moments)  # (B or 1, 512)
        matrix = (self.inner * scale[..., None]).to(self.dtype)  # (B or 1, 512, 128)
        of_group = (of_group * scale[:, None] + shift[:, None]).to(self.dtype)
        tokens, start = [], 0
        for x in tiles:
            groups = x.shape[1]
            hidden = _each_scan(x.flatten(1, 2), matrix).unflatten(1, (groups, size))
            hidden.add_(of_group[:, start : start + groups, None]).relu_()  # (B, g, K, 512)
            tokens.append(self.last(hidden).amax(dim=2))
            start += groups
        return torch.cat(tokens, dim=1).float() + self.last_bias

    def _first_layer(self, neighbourhoods: Tensor, sample_stats: bool) -> list[Tensor]:
        scans, _, size = neighbourhoods.shape[:3]
        moments = None
        if sample_stats:
            moments = _linear_moments(neighbourhoods.flatten(1, 2), self.enter, self.enter_bias)
        scale, shift = _batch_norm(self.norms[0], moments)  # (B or 1, 128)
        matrix = self.enter * scale[..., None]  # (B or 1, 128, 3)
        bias = (self.enter_bias * scale + shift)[:, None]
        tiles = []
        for part in neighbourhoods.split(max(1, TILE_ROWS // (scans * size)), dim=1):
            x = _each_scan(part.flatten(1, 2), matrix).add_(bias).relu_()
            tiles.append(x.to(self.dtype).unflatten(1, part.shape[1:3]))
        return tiles


def _each_scan(rows: Tensor, matrix: Tensor) -> Tensor:
    """Rows (B, R, D) times each scan's own matrix (B, C, D), or times the one of all (1, C, D)."""
    if len(matrix) == 1:
        return F.linear(rows, matrix[0])
    return torch.bmm(rows, matrix.mT)


def _matrix(convolution: nn.Conv1d) -> Tensor:
    return convolution.weight[:, :, 0].detach()


def _batch_norm(norm: nn.BatchNorm1d, moments: Moments | None) -> tuple[Tensor, Tensor]:
    """BatchNorm as scale and shift: (B, C) by each scan's own moments, or (1, C) by the running."""
    if moments is None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        moments = norm.running_mean[None], norm.running_var[None]
    mean, variance = (moment.to(norm.weight.dtype) for moment in moments)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale, norm.bias - mean * scale


def _linear_moments(rows: Tensor, matrix: Tensor, bias: Tensor) -> Moments:
    """Of rows (B, R, 3) @ matrix (C, 3)^T + bias, over each scan's R rows."""
    rows, matrix = rows.double(), matrix.double()
    mean = rows.mean(dim=1)  # (B, 3)
    rows = rows - mean[:, None]
    covariance = torch.bmm(rows.mT, rows) / rows.shape[1]  # (B, 3, 3)
    return mean @ matrix.T + bias, ((matrix @ covariance) * matrix).sum(dim=2)


def _grouped_moments(tiles: list[Tensor], matrix: Tensor, of_group: Tensor) -> Moments:
    """Of tiles (B, g, K, D) @ matrix (C, D)^T + of_group (B, G, C), over each scan's G x K rows.

    As in `point_mae.py`: the variance of the first term, that of the second, and twice their
    covariance, in which the first term counts by its mean in the group.
    """
    matrix, of_group = matrix.double(), of_group.double()
    inner, squares, rows = [], torch.zeros((), dtype=torch.float64, device=matrix.device), 0
    for tile in tiles:
        x = tile.float()
        inner.append(x.mean(dim=2).double())  # (B, g, D)
        x = x.flatten(1, 2)
        squares = squares + torch.bmm(x.mT, x).double()  # (B, D, D)
        rows += x.shape[1]
    means = torch.cat(inner, dim=1)  # (B, G, D)
    mean, group_mean = means.mean(dim=1), of_group.mean(dim=1)  # (B, D) and (B, C)
    covariance = squares / rows - mean[:, :, None] * mean[:, None]
    variance = ((matrix @ covariance) * matrix).sum(dim=2)  # (B, C)
    centred = of_group - group_mean[:, None]
    variance += centred.square().mean(dim=1)
    variance += 2 * (((means - mean[:, None]) @ matrix.T) * centred).mean(dim=1)
    return mean @ matrix.T + group_mean, variance
