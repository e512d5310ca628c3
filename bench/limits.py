"""The machine's own limits, measured in the run whose shares they are for.

A limit is the best of several runs, not their median: what another program took away is no limit.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bench.figures import Figure, synchronise
from mentor3ad.compute.device import has_bfloat16

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
RUNS = 12  # of which the best counts
BLOCK = 8 << 20  # bytes of one write or read


Heavy = dict[str, Figure]


@dataclass(frozen=True)
class Limits:
    """Matrix products in FLOP/s (a multiply-add is two) by dtype and threads; copies, the disk.

    Threads are 1 or all on the CPU, 0 on a GPU.
    """

    gemm: dict[tuple[str, int], float]
    copy: dict[int, float]  # bytes/s read and written, by threads
    disk_write: float  # bytes/s, with fsync
    disk_read: float  # bytes/s, not from the page cache where the system can leave it

    def rate(self, dtype: str, device: torch.device) -> float:
        """FLOP/s with all that the device has."""
        threads = 0 if device.type == "cuda" else torch.get_num_threads()
        return self.gemm[dtype, threads]

    def heavy(self, flops: float, seconds: float, precision: str, device: torch.device) -> Heavy:
        """Figures of a step of so many FLOPs, computed as a `precision` param says."""
        dtype = dtype_of(precision, device)
        rate = flops / seconds
        figures: Heavy = {
            "gflop": flops / 1e9,
            "gflop_per_s": rate / 1e9,
            "dtype": dtype,
            "share_of_gemm": rate / self.rate(dtype, device),
        }
        if device.type == "cuda":
            figures["gpu_mb"] = torch.cuda.max_memory_allocated(device) / 1e6
            torch.cuda.reset_peak_memory_stats(device)  # for the next step that is measured
        return figures


def dtype_of(precision: str, device: torch.device) -> str:
    """The type of matrix products under a `precision` param: auto, float32 or bfloat16."""
    if precision == "auto":
        return "bfloat16" if has_bfloat16(device) else "float32"
    return precision


def measure_limits(folder: Path, device: torch.device, quick: bool) -> Limits:
    """Of the CPU with one thread and with all, of the GPU where `device` is one, and of the disk
    that holds `folder`."""
    before, cpu = torch.get_num_threads(), torch.device("cpu")
    gemm, copy = {}, {}
    side, size = (1024, 64 << 20) if quick else (2048, 256 << 20)
    for threads in dict.fromkeys((1, before)):
        torch.set_num_threads(threads)
        for dtype in ("float32", "bfloat16"):
            gemm[dtype, threads] = gemm_rate(side, DTYPES[dtype], cpu)
        copy[threads] = copy_rate(size, cpu)
    torch.set_num_threads(before)
    if device.type == "cuda":
        for dtype in DTYPES:
            gemm[dtype, 0] = gemm_rate(4 * side, DTYPES[dtype], device)
        copy[0] = copy_rate(4 * size, device)
    write, read = disk_rates(folder / "disk", size)
    return Limits(gemm, copy, write, read)


def gemm_rate(side: int, dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of a product of two square matrices."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / _best(lambda: a @ b, device)


def copy_rate(size: int, device: torch.device) -> float:
    """Bytes/s read and written by a copy of `size` bytes."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / _best(lambda: target.copy_(source), device)


def disk_rates(path: Path, size: int) -> tuple[float, float]:
    """Bytes/s of a sequential write with fsync, and of a read after it."""
    block = np.random.default_rng(0).bytes(BLOCK)  # no file system compresses it
    count = max(1, size // BLOCK)
    start = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(count):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        written = time.perf_counter() - start
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.read(BLOCK):
            pass
    read = time.perf_counter() - start
    path.unlink()
    return count * BLOCK / written, count * BLOCK / read


def _best(work: Callable[[], object], device: torch.device) -> float:
    work()
    taken = []
    for _ in range(RUNS):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        taken.append(time.perf_counter() - start)
    return min(taken)
