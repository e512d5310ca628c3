"""The bit-exact weights that the golden vectors were made with (golden/README.md).

Only integer arithmetic and one square root, so that every machine gets the same bits.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

CHUNK = 1 << 20  # elements hashed at once; keeps the temporaries in cache


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor that belongs to a parameter's name and shape: float32, counters int64 zero."""
    last = name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    centre, scale = 0.0, 0.02
    if last == "weight" and len(shape) >= 2:
        scale = math.sqrt(3 / math.prod(shape[1:]))
    elif last in ("weight", "running_var"):
        centre, scale = 1.0, 0.1
    values = np.empty(math.prod(shape), dtype=np.float32)
    for start, noise in _noise(name, len(values)):
        values[start : start + len(noise)] = centre + scale * noise
    return torch.from_numpy(values.reshape(shape))


def filled_state(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """A state for a module whose parameters are named `prefix` + their own name."""
    return {
        name: fill(prefix + name, tuple(tensor.shape))
        for name, tensor in module.state_dict().items()
    }


def _noise(name: str, count: int) -> Iterator[tuple[int, np.ndarray]]:
    """Start and values, float64 in (-1, 1), of every chunk of a tensor."""
    salt = np.uint32(zlib.crc32(name.encode()))
    for start in range(0, count, CHUNK):
        h = np.arange(start, min(start + CHUNK, count), dtype=np.uint32)
        h *= np.uint32(0x9E3779B1)
        h += salt
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
        yield start, (h + 0.5) / 2**31 - 1
