"""Our own kernels, where the device and its libraries can run them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ...plumbing.logs import log_event


@dataclass(frozen=True)
class DeviceKernels:
    """The kernels, which `triton_fps.py` and `triton_neighbours.py` describe."""

    take_steps: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    three_nearest: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    nearest_of_groups: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    most_points: int  # of a scan in `nearest_of_groups`


@cache
def device_kernels(device: torch.device) -> DeviceKernels | None:
    """Return the kernels; None on a CPU, and where triton cannot compile them.

    They are tried on a few points first: to compile one triton needs a C compiler, which a machine
    that runs torch may lack. Torch's own kernels then do the same.
    """
    if device.type != "cuda":
        return None
    try:
        from .triton_fps import take_steps
        from .triton_neighbours import MOST_POINTS, nearest_of_groups, three_nearest

        kernels = DeviceKernels(take_steps, three_nearest, nearest_of_groups, MOST_POINTS)
        _try(kernels, device)
    except Exception as error:  # whatever triton raises
        reason = str(error).split("\n")[0]
        log_event("kernels", {"compiler": "triton", "used": False, "reason": reason})
        return None
    return kernels


def _try(kernels: DeviceKernels, device: torch.device) -> None:
    """Run each on four points, so that what cannot be compiled fails here."""
    points = torch.arange(12.0, device=device).view(1, 4, 3)
    counts = torch.full((1,), 4, device=device)
    xyz, nearest = points.permute(2, 0, 1).contiguous(), torch.ones(1, 4, device=device)
    chosen = kernels.take_steps(xyz, nearest, counts, 3)
    kernels.three_nearest(points, points[:, :3])
    kernels.nearest_of_groups(points, counts, chosen, 2)
