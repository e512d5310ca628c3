"""Small arrays and results between host and device, without waiting for either."""

import torch
from torch import Tensor

from pipeline.device import to_device

__all__ = ["to_device", "to_host"]


def to_host(tensor: Tensor) -> Tensor:
    """Pinned memory that the values arrive in once the current stream has come so far."""
    if tensor.device.type == "cpu":
        return tensor
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)
