"""Furthest point sampling of a batch of scans on a device, index by index as `backbones/fps.py`.

Which rounding is pinned: a squared distance is the float32 sum (dx^2 + dy^2) + dz^2 of rounded
squares of rounded differences. Each is an operation of its own, for a compiler may contract a
product and a sum within one kernel into a fused multiply-add that rounds once, as nvcc does in
pointnet2_ops; PyTorch's eager kernels hold one operation each, and `triton_fps.py` forbids it.
"""

import torch
from torch import Tensor

from ..fps import MAX_LANES, SKIP_RADIUS_SQUARED
from .device_kernels import device_kernels

FAR = 1e10  # the kernel's distance of a point before the first centre
LANE_BITS = MAX_LANES.bit_length() - 1


def tie_order(counts: Tensor, width: int) -> Tensor:
    """Each scan's points in the order in which the first of several maxima is the kernel's winner.

    Args:
        counts: (B,) int64 points of each scan, at least 1; width: P, columns of the result.

    Returns:
        (B, P) int64: first the scan's own points, point 0 leading them, then the padding.
    """
    index = torch.arange(width, device=counts.device)
    bits = torch.zeros_like(counts)
    for bit in range(1, LANE_BITS + 1):
        bits += counts >= 1 << bit  # of the largest power of two <= n, at most 512
    lane = index % (1 << bits)[:, None]  # (B, P)
    mirrored = torch.zeros_like(lane)
    for bit in range(LANE_BITS):
        mirrored += ((lane >> bit) & 1) << (bits - 1 - bit).clamp(min=0)[:, None]
    own = index < counts[:, None]
    return (torch.where(own, mirrored, MAX_LANES) * width + index).argsort(dim=1)


def furthest_points(points: Tensor, counts: Tensor, groups: int) -> Tensor:
    """Indices of `groups` points of each scan, each the furthest from those before it.

    It only queues work: nothing in it waits for the device.

    Args:
        points: (B, P, 3) float32, padded with anything finite; counts: (B,) int64, each 1 to P.

    Returns:
        (B, G) int64, equal to `furthest_point_sampling` of each scan alone.
    """
    order = tie_order(counts, points.shape[1])
    xyz, nearest = _candidates(points, counts, order)
    kernels = device_kernels(points.device)
    take_steps = kernels.take_steps if kernels else _queue_steps
    return order.gather(1, take_steps(xyz, nearest, counts, groups))


def _queue_steps(xyz: Tensor, nearest: Tensor, counts: Tensor, groups: int) -> Tensor:
    """`triton_fps.take_steps` by torch's own kernels, five for each centre."""
    del counts  # what pads a scan takes no part by its distance
    difference, distance = torch.empty_like(xyz), torch.empty_like(nearest)
    position = torch.zeros(groups, xyz.shape[1], 1, dtype=torch.int64, device=xyz.device)
    for k in range(1, groups):
        last = xyz.gather(2, position[k - 1].expand(3, -1, 1))  # (3, B, 1)
        _squared_distance(xyz, last, difference, distance)
        torch.minimum(nearest, distance, out=nearest)
        torch.argmax(nearest, dim=1, keepdim=True, out=position[k])  # of equal ones the first
    return position[..., 0].T


def are_furthest(points: Tensor, counts: Tensor, chosen: Tensor, chunk: int) -> Tensor:
    """Whether some other sampler's centres are those of `furthest_points`, scan by scan.

    With the centres given, all steps are checked side by side instead of one after the other.

    Args:
        points, counts: as for `furthest_points`; chosen: (B, G) int64.
        chunk: centres looked at together; bounds the memory at 20 bytes * B * P * chunk.

    Returns:
        (B,) bool.
    """
    order = tie_order(counts, points.shape[1])
    xyz, nearest = _candidates(points, counts, order)
    position = order.argsort(dim=1).gather(1, chosen)  # (B, G)
    right = position[:, 0] == 0
    for start in range(0, chosen.shape[1] - 1, chunk):
        centres = position[:, start : start + chunk]
        step = xyz[:, :, None] - xyz.gather(2, centres.expand(3, -1, -1))[..., None]
        step.mul_(step)  # (3, B, c, P)
        distance = step[0].add_(step[1]).add_(step[2])
        distance[:, 0] = torch.minimum(distance[:, 0], nearest)
        distance = distance.cummin(dim=1).values.minimum(nearest[:, None])
        expected = position[:, start + 1 : start + 1 + chunk]
        found = distance.argmax(dim=2)[:, : expected.shape[1]]
        right &= (found == expected).all(dim=1)
        nearest = distance[:, -1]
    return right


def _candidates(points: Tensor, counts: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates (3, B, P) in tie order, and the distance (B, P) of each from no centre yet.

    It is negative, and so never the largest, for the padding and within the skip ball.
    """
    xyz = points.gather(1, order[..., None].expand(-1, -1, 3)).permute(2, 0, 1).contiguous()
    norm = torch.empty_like(xyz[0])
    _squared_distance(xyz, torch.zeros_like(xyz[:, :, :1]), torch.empty_like(xyz), norm)
    column = torch.arange(points.shape[1], device=points.device)
    taking_part = (norm.double() > SKIP_RADIUS_SQUARED) & (column < counts[:, None])
    return xyz, torch.where(taking_part, FAR, -1.0).float()


def _squared_distance(xyz: Tensor, centre: Tensor, difference: Tensor, out: Tensor) -> None:
    """One rounding an operation; see the module's first lines."""
    torch.sub(xyz, centre, out=difference)
    torch.mul(difference, difference, out=difference)
    torch.add(difference[0], difference[1], out=out)
    out.add_(difference[2])
