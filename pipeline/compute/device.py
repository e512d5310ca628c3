"""Where and in which type the networks compute."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import RLock
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..params.schema import Runtime
from ..plumbing.errors import ConfigError

# Applies a function to the items of one or more sequences; the results come in the items' order.
Each = Callable[..., Iterable[Any]]  # `map`, or that of a pool of threads


def select_device(runtime: Runtime) -> torch.device:
    """Return the device that the params name; `auto` is CUDA where there is one.

    Raises:
        ConfigError: CUDA is asked for where there is none.
    """
    if runtime.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if runtime.device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"runtime.device = {runtime.device!r}: this machine has no CUDA device that torch "
            "can use; set runtime.device to auto or cpu"
        )
    return torch.device(runtime.device)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Return a copy on the device, queued on its current stream; on the CPU the array itself.

    It is copied from pinned memory: from pageable memory a copy waits for all that is queued.
    """
    tensor = torch.from_numpy(array)
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


@contextlib.contextmanager
def scan_threads(device: torch.device) -> Iterator[ThreadPoolExecutor]:
    """Threads for work that falls apart into scans, as many as torch computes with.

    On the CPU each then computes alone: two scans side by side keep two cores busy in every step,
    not in the large matrix products only, and a scan's bits do not depend on the number of cores.
    The number of torch's threads is the process's, so one caller at a time has such threads.
    """
    with _NUMBER_OF_THREADS:
        threads = torch.get_num_threads()
        each = 1 if device.type == "cpu" else threads
        torch.set_num_threads(each)
        try:
            one = partial(torch.set_num_threads, each)
            with ThreadPoolExecutor(threads, initializer=one) as pool:
                yield pool
        finally:
            torch.set_num_threads(threads)


_NUMBER_OF_THREADS = RLock()


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether matrix products are faster in bfloat16 than in float32, by what the hardware is.

    A GPU's are where it does not emulate them. A CPU's are where it has AMX, or AVX512_BF16 on
    cores whose instruction for it is a quick one. Intel's cores with AVX512_FP16 were made with
    AMX for bfloat16. Where a virtual machine hides AMX, AVX512_BF16 is left, at little more than
    half of the rate of float32 (`mentor3ad bench limits`). What the CPU names decides, and not a
    clock: features may not depend on how busy a machine was.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.cpu._is_amx_tile_supported():
        return True
    capabilities = getattr(torch.cpu, "get_capabilities", dict)  # an older torch tells none
    told: dict[str, bool] = capabilities()
    return torch.cpu._is_avx512_bf16_supported() and not told.get("avx512_fp16", False)


def resolve_precision(device: torch.device, precision: str) -> str:
    """Return float32 or bfloat16; `auto` is bfloat16 where the hardware is faster at it."""
    if precision == "auto":
        return "bfloat16" if prefers_bfloat16(device) else "float32"
    return precision


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """Return the context in which matrix products have a precision, for one forward pass.

    Never hold one open over several optimiser steps: autocast caches the first bfloat16 copy of
    the weights, and training silently stops learning.
    """
    if resolve_precision(device, precision) == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
