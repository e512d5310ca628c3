"""Exact nearest neighbours of a batch of scans, each search in one kernel.

They find what the tiles of `neighbours.py` find, to the same indices: squared distances in float64,
(dx^2 + dy^2) + dz^2 with every operation rounded by itself, and of equal ones the lower index
first. Distances stay in registers, so that no tile of them passes through memory.

Imported where triton is installed, and on no CPU.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

FUSION = {"enable_fp_fusion": False}
POINTS = 256  # points whose nearest centres a block of threads finds
MOST_POINTS = 1 << 15  # of a scan whose distances to one centre fit the registers of a block
INFINITY = tl.constexpr(0x7FF0000000000000)  # its bits as a float64
PADDING = tl.constexpr(0x7FFFFFFFFFFFFFFF)


@triton.jit(do_not_specialize=["width", "groups"])
def _three_nearest(  # type: ignore[no-untyped-def]
    points, centres, index, near, width, groups, POINTS: tl.constexpr
):
    """Keep the three nearest centres of some points, while going through all of them."""
    scan = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * POINTS + tl.arange(0, POINTS)
    inside = row < width
    own = points + (scan * width + row) * 3
    x = tl.load(own, mask=inside, other=0.0).to(tl.float64)
    y = tl.load(own + 1, mask=inside, other=0.0).to(tl.float64)
    z = tl.load(own + 2, mask=inside, other=0.0).to(tl.float64)
    first = tl.full((POINTS,), float("inf"), tl.float64)
    second, third = first, first
    first_at = tl.zeros((POINTS,), tl.int32)
    second_at, third_at = first_at, first_at
    for g in range(groups):
        centre = centres + (scan * groups + g) * 3
        dx = x - tl.load(centre).to(tl.float64)
        dy = y - tl.load(centre + 1).to(tl.float64)
        dz = z - tl.load(centre + 2).to(tl.float64)
        distance = (dx * dx + dy * dy) + dz * dz
        nearer = distance < first
        second_nearer, third_nearer = distance < second, distance < third
        third = tl.where(second_nearer, second, tl.where(third_nearer, distance, third))
        third_at = tl.where(second_nearer, second_at, tl.where(third_nearer, g, third_at))
        second = tl.where(nearer, first, tl.where(second_nearer, distance, second))
        second_at = tl.where(nearer, first_at, tl.where(second_nearer, g, second_at))
        first, first_at = tl.where(nearer, distance, first), tl.where(nearer, g, first_at)
    out = (scan * width + row) * 3
    tl.store(index + out, first_at.to(tl.int64), mask=inside)
    tl.store(index + out + 1, second_at.to(tl.int64), mask=inside)
    tl.store(index + out + 2, third_at.to(tl.int64), mask=inside)
    tl.store(near + out, first, mask=inside)
    tl.store(near + out + 1, second, mask=inside)
    tl.store(near + out + 2, third, mask=inside)


def three_nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """The three nearest centres of each point, by (distance, index).

    Args:
        points: (B, P, 3) float32; centres: (B, G, 3) float32, G >= 3.

    Returns:
        (B, P, 3) int64, and their squared distances float64.
    """
    scans, width = points.shape[:2]
    index = torch.empty(scans, width, 3, dtype=torch.int64, device=points.device)
    near = torch.empty(scans, width, 3, dtype=torch.float64, device=points.device)
    launch: Any = _three_nearest[(triton.cdiv(width, POINTS), scans)]
    inputs = points.contiguous(), centres.contiguous()
    launch(*inputs, index, near, width, centres.shape[1], POINTS=POINTS, num_warps=4, **FUSION)
    return index, near


@triton.jit(do_not_specialize=["width", "groups", "size"])
def _nearest_of_group(  # type: ignore[no-untyped-def]
    points, counts, centres, out, width, groups, size, WIDTH: tl.constexpr
):
    """Write the `size` nearest points of one centre, in the order of their index.

    The bits of a float64 that is not negative rise with it, so the distance of the last one that is
    taken is found by halving the range of 64-bit integers.
    """
    group, scan = tl.program_id(0), tl.program_id(1).to(tl.int64)
    centre = tl.load(centres + scan * groups + group)
    own = points + scan * width * 3
    row = tl.arange(0, WIDTH)
    inside = row < tl.load(counts + scan)
    dx = tl.load(own + row * 3, mask=inside, other=0.0).to(tl.float64)
    dy = tl.load(own + row * 3 + 1, mask=inside, other=0.0).to(tl.float64)
    dz = tl.load(own + row * 3 + 2, mask=inside, other=0.0).to(tl.float64)
    dx = dx - tl.load(own + centre * 3).to(tl.float64)
    dy = dy - tl.load(own + centre * 3 + 1).to(tl.float64)
    dz = dz - tl.load(own + centre * 3 + 2).to(tl.float64)
    key = ((dx * dx + dy * dy) + dz * dz).to(tl.int64, bitcast=True)
    key = tl.where(row == centre, -1, key)  # the centre comes first
    key = tl.where(inside, key, PADDING)
    low, high = tl.full((), -2, tl.int64), tl.full((), INFINITY, tl.int64)
    while high - low > 1:  # fewer than `size` are at most low, and at least as many at most high
        middle = low + (high - low) // 2
        enough = tl.sum((key <= middle).to(tl.int32), axis=0) >= size
        high, low = tl.where(enough, middle, high), tl.where(enough, low, middle)
    nearer, last = key < high, key == high
    left = size - tl.sum(nearer.to(tl.int32), axis=0)
    taken = nearer | (last & (tl.cumsum(last.to(tl.int32), axis=0) <= left))
    place = tl.cumsum(taken.to(tl.int32), axis=0) - 1
    tl.store(out + (scan * groups + group) * size + place, row.to(tl.int64), mask=taken)


def nearest_of_groups(points: Tensor, counts: Tensor, centres: Tensor, size: int) -> Tensor:
    """The nearest points of each centre, itself among them, in the order of their index.

    Args:
        points: (B, P, 3) float32, P at most `MOST_POINTS`; counts: (B,) int64, at least `size`.
        centres: (B, G) int64 into the points.

    Returns:
        (B, G, size) int64 into the points; of equally far ones those of lower index.
    """
    scans, width = points.shape[:2]
    groups = centres.shape[1]
    out = torch.empty(scans, groups, size, dtype=torch.int64, device=points.device)
    launch: Any = _nearest_of_group[(groups, scans)]
    block = max(1024, triton.next_power_of_2(width))
    inputs = points.contiguous(), counts, centres.contiguous()
    warps = min(32, block // 256)
    launch(*inputs, out, width, groups, size, WIDTH=block, num_warps=warps, **FUSION)
    return out
