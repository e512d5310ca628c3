"""Furthest point sampling of a batch in one kernel: a block of threads takes all of a scan's steps.

It does what the loop of `fps.py` does, to the same indices. The loop queues five kernels for each
centre, so that a thousand centres wait for the host; here they wait for nothing. `FUSION` has to be
off: a fused multiply-add would round once where the published code's distance rounds twice.

Imported where triton is installed, and on no CPU.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 2048  # points that the threads of a block take side by side
WARPS = 32
FUSION = {"enable_fp_fusion": False}
LOWEST = tl.constexpr(-(1 << 63))
LOW_HALF = tl.constexpr(0xFFFFFFFF)


@triton.jit(do_not_specialize=["scans", "points", "groups"])
def _take_steps(  # type: ignore[no-untyped-def]
    xyz, nearest, counts, out, scans, points, groups, BLOCK: tl.constexpr
):
    """Take all steps of scan `program_id(0)`; its points lie in tie order."""
    scan = tl.program_id(0)
    count = tl.load(counts + scan).to(tl.int32)
    plane = scans * points  # from one coordinate of a point to its next
    own, far = xyz + scan * points, nearest + scan * points
    lane = tl.arange(0, BLOCK)
    last = tl.zeros((), tl.int64)
    tl.store(out + scan * groups, last)
    for k in range(1, groups):
        x0, y0 = tl.load(own + last), tl.load(own + plane + last)
        z0 = tl.load(own + 2 * plane + last)
        best = tl.full((BLOCK,), LOWEST, tl.int64)
        for start in range(0, count, BLOCK):
            index = start + lane
            inside = index < count
            x = tl.load(own + index, mask=inside, other=0.0) - x0
            y = tl.load(own + plane + index, mask=inside, other=0.0) - y0
            z = tl.load(own + 2 * plane + index, mask=inside, other=0.0) - z0
            distance = (x * x + y * y) + z * z
            distance = tl.minimum(tl.load(far + index, mask=inside, other=0.0), distance)
            tl.store(far + index, distance, mask=inside)
            # One number that is larger the further a point is, then the lower its index: the bits
            # of a float that is not negative rise with it, and those of -1 are a negative integer.
            key = distance.to(tl.int32, bitcast=True).to(tl.int64) << 32
            key = key + (LOW_HALF - index.to(tl.int64))
            best = tl.maximum(best, tl.where(inside, key, LOWEST))
        last = LOW_HALF - (tl.max(best, axis=0) & LOW_HALF)
        tl.store(out + scan * groups + k, last)


def take_steps(xyz: Tensor, nearest: Tensor, counts: Tensor, groups: int) -> Tensor:
    """Positions of the centres, each the furthest from those before it, the first one 0.

    Args:
        xyz: (3, B, P) float32, contiguous, each scan's own points first; nearest: (B, P) float32,
            the distance from no centre yet, which is negative for a point that takes no part. It is
            overwritten. counts: (B,) int64, each 1 to P.

    Returns:
        (B, G) int64 into the points; of equally far ones the first.
    """
    scans, points = nearest.shape
    out = torch.empty(scans, groups, dtype=torch.int64, device=xyz.device)
    launch: Any = _take_steps[(scans,)]
    sizes = scans, points, groups
    launch(xyz, nearest, counts, out, *sizes, BLOCK=BLOCK, num_warps=WARPS, **FUSION)
    return out
