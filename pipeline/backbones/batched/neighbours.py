"""Exact nearest neighbours of a batch of scans on a device, in tiles that bound the memory.

On a GPU the kernels of `triton_neighbours.py` do the same without tiles, where they compile.

Distances are of coordinate differences in float64, as in `grouping.py` and `interpolation.py`. Of
points at the same distance the one with the lower index comes first, whatever `topk` makes of
ties, which it leaves open; a tree has an order of its own among them.
"""

from functools import partial

import torch
from torch import Tensor

from ...features.interpolation import EPS
from .device_kernels import device_kernels

TILE = 1 << 22  # distances at once: 32 MiB in float64, which a large device's cache holds


def group_neighbours(
    points: Tensor, counts: Tensor, centre_index: Tensor, group_size: int, tile: int = TILE
) -> Tensor:
    """The nearest points of each centre, itself first, then by (distance, index).

    Args:
        points: (B, P, 3) float32; counts: (B,) int64, each at least `group_size`.
        centre_index: (B, G) int64.
        tile: distances computed at once.

    Returns:
        (B, G, K) int64 into the points.
    """
    kernels = device_kernels(points.device)
    if kernels and points.shape[1] <= kernels.most_points:
        found = kernels.nearest_of_groups(points, counts, centre_index, group_size)
        return _by_distance(points, centre_index, found)
    centres = rows_of(points, centre_index)
    rows = max(1, tile // (points.shape[0] * points.shape[1]))
    parts = []
    for start in range(0, centres.shape[1], rows):
        part = slice(start, start + rows)
        distance = squared_distances(centres[:, part], points)  # (B, g, P)
        _exclude_padding(distance, counts)
        distance.scatter_(2, centre_index[:, part, None], -1.0)
        parts.append(smallest(distance, group_size))
    return torch.cat(parts, dim=1)


def _by_distance(points: Tensor, centre_index: Tensor, found: Tensor) -> Tensor:
    """Bring points (B, G, K), in the order of their index, in that of their distance."""
    near = rows_of(points, found.flatten(1)).unflatten(1, found.shape[1:]).double()
    step = (near - rows_of(points, centre_index).double()[:, :, None]).square_()
    distance = (step[..., 0] + step[..., 1]) + step[..., 2]
    distance.masked_fill_(found == centre_index[..., None], -1.0)
    return found.gather(2, distance.sort(dim=2, stable=True).indices)


def neighbourhoods(points: Tensor, index: Tensor, centres: Tensor) -> Tensor:
    """Coordinates (B, G, K, 3) of the points at index (B, G, K), relative to centres (B, G, 3)."""
    near = rows_of(points, index.flatten(1)).unflatten(1, index.shape[1:])
    return near - centres[:, :, None]


def nearest_centres(points: Tensor, centres: Tensor, tile: int = TILE) -> tuple[Tensor, Tensor]:
    """The three nearest centres of each point and their inverse-squared-distance weights.

    Args:
        points: (B, P, 3) float32; centres: (B, G, 3) float32, G >= 3.

    Returns:
        index (B, P, 3) int64 and weight (B, P, 3) float64 summing to 1; of padding, anything.
    """
    kernels = device_kernels(points.device)
    search = kernels.three_nearest if kernels else partial(_three_nearest, tile=tile)
    index, near = search(points, centres)
    weight = 1.0 / (near + EPS)
    total = weight[..., 0] + weight[..., 1] + weight[..., 2]
    return index, weight / total[..., None]


def _three_nearest(points: Tensor, centres: Tensor, tile: int) -> tuple[Tensor, Tensor]:
    columns = max(1, tile // (points.shape[0] * centres.shape[1]))
    index, near = [], []
    for part in points.split(columns, dim=1):
        distance = squared_distances(part, centres)  # (B, p, G)
        index.append(smallest(distance, 3))
        near.append(distance.gather(2, index[-1]))
    return torch.cat(index, dim=1), torch.cat(near, dim=1)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances (B, M, N) float64 between a (B, M, 3) and b (B, N, 3)."""
    a, b = a.double(), b.double()
    total = (a[:, :, None, 0] - b[:, None, :, 0]).square_()
    for axis in (1, 2):
        total += (a[:, :, None, axis] - b[:, None, :, axis]).square_()
    return total


def smallest(values: Tensor, k: int) -> Tensor:
    """Indices (..., k) of the k smallest of (..., N), by (value, index).

    The k-th value is certain, which of its ties `topk` returns is not: so the indices are taken
    as the k smallest of integers that are all different, those below the k-th value first.
    """
    count = values.shape[-1]
    limit = values.topk(k, largest=False, sorted=False).values.amax(dim=-1, keepdim=True)
    index = torch.arange(count, device=values.device, dtype=torch.int32)
    key = torch.where(values < limit, index, index + count)
    key.masked_fill_(values > limit, 2 * count)
    chosen = key.topk(k, largest=False).values.remainder(count).long()
    order = values.gather(-1, chosen).sort(dim=-1, stable=True).indices
    return chosen.gather(-1, order)


def _exclude_padding(distance: Tensor, counts: Tensor) -> None:
    column = torch.arange(distance.shape[-1], device=distance.device)
    distance.masked_fill_((column >= counts[:, None])[:, None], torch.inf)


def rows_of(points: Tensor, index: Tensor) -> Tensor:
    """The points (B, M, 3) at index (B, M) of points (B, P, 3)."""
    return points.gather(1, index[..., None].expand(-1, -1, 3))
