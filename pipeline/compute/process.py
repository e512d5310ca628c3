"""Sets up a process that computes with torch, once and before it begins.

All of it holds for the whole process. The number of threads changes no result; the rest decides on
their bits or on the time.
"""

import contextlib
import ctypes
import os

import torch
from torch.utils import deterministic

from ..params.schema import Runtime

# mallopt's, of malloc.h: M_MMAP_THRESHOLD (the largest that it takes), M_TRIM_THRESHOLD, M_TOP_PAD.
MALLOC = {-3: 32 << 20, -1: 2**31 - 1, -2: 64 << 20}
ARENA_MAX = -8  # malloc.h's too
OTHER_ARENAS = 2  # for all threads that do not compute


def configure_process(runtime: Runtime) -> None:
    """Set up this process for results that do not vary from run to run.

    It sets the number of CPU threads (`runtime.threads`; null leaves it), torch's determinism and
    cuBLAS's environment variable, and has the C library keep freed memory. It has to come before
    the first work on a GPU: cuBLAS reads its variable when it starts.
    """
    if runtime.threads:
        torch.set_num_threads(runtime.threads)
    # Without it two runs on one GPU may differ in their last bits.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As use_deterministic_algorithms(True, warn_only=True), which also sets torch's compiler: to
    # import that takes longer than a vote.
    torch.set_deterministic_debug_mode("warn")
    # No code here reads memory that it did not write, and filling each new tensor takes a tenth.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = False  # float32 is float32; of matrix products it is so
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next array instead of giving it back to the system.

    Every step frees arrays of some MB and asks for the like again. Given back, their pages would be
    mapped and cleared anew each time: hundreds to thousands a training step. Each arena keeps what
    its threads free, and of itself glibc makes eight a core: a service of a dozen threads grows
    until each arena has had its turn (docs/service.md). Another C library does as it always does,
    which costs time alone.
    """
    with contextlib.suppress(OSError, TypeError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in (MALLOC | {ARENA_MAX: torch.get_num_threads() + OTHER_ARENAS}).items():
            mallopt(option, value)
