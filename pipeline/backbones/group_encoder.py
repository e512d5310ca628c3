"""Point-MAE's mini-PointNet, rearranged so that few values pass through memory.

`point_mae.GroupEncoder` is the network as published, and says what is meant. With x the points of a
group after the first layer, its BatchNorm and the ReLU, it computes

    h = A x + a,  p = max of h over the group,  y = P p + L h + c,  token = max of Q relu(N y) + q,

where N is the second BatchNorm. Three things make that cheaper here:

- P p is the same for all points of a group, so it is computed once a group. Between x and y there
  is no other nonlinearity, so that y = M x + g with one matrix M = L A, and g = P p + L a + c.
- Each BatchNorm follows a linear layer and becomes part of its matrix; `moments.py` finds a scan's
  own statistics from the moments of the layer's input.
- relu(h + g) = max(h, -g) + g, so the maximum over a group of Q relu(h + g) is that of
  Q max(h, -g), plus Q g: one pass less over the widest array.

What is computed once a group, the first layer and all statistics are in float32 or better; the
products over all points are in the dtype.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..compute.device import Each
from ..compute.linear import Linear
from .moments import batch_norm, grouped_moments, linear_moments
from .point_mae import GroupEncoder

TILE_POINTS = 1 << 10  # of groups, taken at once on the CPU: 1 MB of hidden bfloat16, in its cache
DEVICE_TILE_POINTS = 1 << 18  # on a GPU, which wants large products and has the memory


class FoldedGroupEncoder:
    """The frozen mini-PointNet of a batch of scans, on their device."""

    def __init__(self, encoder: GroupEncoder, dtype: torch.dtype) -> None:
        first: Any = encoder.first_conv  # indexed as layers, which Sequential's type hides
        second: Any = encoder.second_conv
        self.dtype = dtype
        self.norms = first[1], second[1]
        self.enter = _matrix(first[0]), first[0].bias
        local, shared = _matrix(first[3]), _matrix(second[0])  # (256, 128) and (512, 256 + 256)
        self.local, self.local_bias = Linear(local, None, dtype), first[3].bias
        self.of_peak = shared[:, :256], second[0].bias + shared[:, 256:] @ first[3].bias
        self.inner = shared[:, 256:] @ local  # (512, 128)
        last = _matrix(second[3])  # (384, 512)
        self.last, self.last_of_group = Linear(last, None, dtype), (last, second[3].bias)

    def __call__(self, neighbourhoods: Tensor, sample_stats: bool, each: Each = map) -> Tensor:
        """Tokens of all groups; see `PointMAE`.

        Args:
            neighbourhoods: (B, G, K, 3) float32.
            each: applies a function to tiles of groups: `map`, or that of some threads.

        Returns:
            (B, G, 384) float32.
        """
        tiles = _tiles(neighbourhoods)
        moments = None
        if sample_stats:
            moments = linear_moments(neighbourhoods.flatten(1, 2), *self.enter)
        scale, shift = batch_norm(self.norms[0], moments)  # (B or 1, 128)
        matrix, bias = self.enter[0] * scale[..., None], self.enter[1] * scale + shift

        def describe(tile: slice) -> tuple[Tensor, ...]:
            """Return x, the groups' maxima of A x and, for statistics, means and sums of x x^T."""
            x = _each_scan(neighbourhoods[:, tile], matrix, bias).relu_()  # (B, g, K, 128)
            own = x.to(self.dtype)
            peak = self.local(own).amax(dim=2)
            if not sample_stats:
                return own, peak
            rows = x.flatten(1, 2)
            return own, peak, x.mean(dim=2), rows.mT @ rows

        points, peaks, *sums = zip(*each(describe, tiles), strict=True)
        peak = torch.cat(peaks, dim=1).float()
        of_group = F.linear(peak + self.local_bias, *self.of_peak)  # g: (B, G, 512)
        if sample_stats:
            means, squares = torch.cat(sums[0], dim=1), torch.stack(sums[1]).double().sum(dim=0)
            count = neighbourhoods.shape[1] * neighbourhoods.shape[2]
            moments = grouped_moments(means, squares / count, self.inner, of_group)
        norm = batch_norm(self.norms[1], moments)
        return self._finish(points, of_group, norm, tiles, each)

    def _finish(
        self,
        points: Sequence[Tensor],
        of_group: Tensor,
        norm: tuple[Tensor, Tensor],
        tiles: Sequence[slice],
        each: Each,
    ) -> Tensor:
        """Make tokens (B, G, 384) of all groups from their points.

        Args:
            points: x (B, g, K, 128) of each tile; of_group: g (B, G, 512), before `norm`.
            norm: the second BatchNorm as scale and shift, (B or 1, 512).
        """
        scale, shift = norm  # (B or 1, 512)
        matrix = (self.inner * scale[..., None]).to(self.dtype)
        of_group = (of_group * scale[:, None] + shift[:, None]).to(self.dtype)
        floor = -of_group[:, :, None]  # (B, G, 1, 512)

        def finish(tile: slice, x: Tensor) -> Tensor:
            hidden = _each_scan(x, matrix)  # (B, g, K, 512)
            torch.maximum(hidden, floor[:, tile], out=hidden)
            return self.last(hidden).amax(dim=2)

        peaks = torch.cat(list(each(finish, tiles, points)), dim=1)
        return F.linear(of_group.float(), *self.last_of_group) + peaks


def _tiles(neighbourhoods: Tensor) -> list[slice]:
    """Cut the groups of scans (B, G, K, 3) into tiles whose points the device takes at once."""
    scans, groups, size, _ = neighbourhoods.shape
    points = TILE_POINTS if neighbourhoods.device.type == "cpu" else DEVICE_TILE_POINTS
    step = max(1, points // (scans * size))
    return [slice(start, min(start + step, groups)) for start in range(0, groups, step)]


def _matrix(convolution: nn.Conv1d) -> Tensor:
    """The matrix (C_out, C_in) that a convolution of width 1 multiplies by."""
    return convolution.weight[:, :, 0].detach()


def _each_scan(x: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Pass x (B, g, K, D) through each scan's own linear layer, or the one that all scans share.

    Args:
        matrix: (B or 1, C, D); bias: (B or 1, C).

    Returns:
        (B, g, K, C) in memory of its own.
    """
    rows, shape = x.flatten(1, 2), x.shape[1:3]
    if len(matrix) == 1:
        return F.linear(rows, matrix[0], None if bias is None else bias[0]).unflatten(1, shape)
    y = torch.bmm(rows, matrix.mT)
    if bias is not None:
        y += bias[:, None]
    return y.unflatten(1, shape)
