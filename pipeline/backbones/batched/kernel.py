"""The published FPS kernel where it imports, believed only after every centre has been checked.

pointnet2_ops samples a batch with one block of threads a scan. Its compiler may fuse a product and
a sum into one rounding, and a padded scan may have more lanes than alone: either can decide a tie
otherwise than `backbones/fps.py`. Checking all steps side by side is far cheaper than taking them
one after the other.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from ...plumbing.logs import log_event
from .device_kernels import device_kernels
from .fps import are_furthest, furthest_points
from .neighbours import TILE

Kernel = Callable[[Tensor, int], Tensor]  # (B, P, 3) float32 to (B, G) int32


@cache
def published_kernel() -> Kernel | None:
    """Return the kernel; None where pointnet2_ops is not installed, or built for another torch."""
    try:
        from pointnet2_ops.pointnet2_utils import furthest_point_sample
    except (ImportError, OSError):
        return None
    kernel: Kernel = furthest_point_sample
    return kernel


def sample_centres(points: Tensor, counts: Tensor, groups: int) -> Tensor:
    """Return what `furthest_points` does, by the published kernel where that gives the same.

    It is asked where triton has no kernel of ours to run, which needs no check. The check is the
    one place where the host waits for the device, once a batch.

    Args:
        points: (B, P, 3) float32, padded with zeros, which lie in the kernel's skip ball.
    """
    wanted = points.device.type == "cuda" and device_kernels(points.device) is None
    kernel = published_kernel() if wanted else None
    if kernel is None:
        return furthest_points(points, counts, groups)
    return checked(kernel, points, counts, groups)


def checked(kernel: Kernel, points: Tensor, counts: Tensor, groups: int) -> Tensor:
    """Return the kernel's centres, or all of `furthest_points` where one of them differs."""
    found = kernel(points.contiguous(), groups).long()
    chunk = max(1, TILE // (points.shape[0] * points.shape[1]))
    inside = ((found >= 0) & (found < counts[:, None])).all()
    right = are_furthest(points, counts, found.clamp(0, points.shape[1] - 1), chunk).all()
    if bool(torch.logical_and(inside, right)):
        return found
    log_event("fps", {"kernel": "pointnet2_ops", "used": False, "scans": len(points)})
    return furthest_points(points, counts, groups)
