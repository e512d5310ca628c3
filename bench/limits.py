"""The machine's own limits, measured in the run whose shares they are for.

A limit of matrix products is the best of all forms over all shapes that the pipeline multiplies:
one large product by one form is what a library makes of it, not what the machine can do. It is the
best of many runs, not their median, and it is looked for again at the end of a run: what another
program takes away is no limit.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.figures import Figure, synchronise
from mentor3ad.compute.device import prefers_bfloat16
from mentor3ad.compute.linear import Linear

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
RUNS = 6  # of which the best counts, at least
SECONDS = 0.1  # that a form is given on a shape, at least
BLOCK = 8 << 20  # bytes of one write or read
SQUARE = 2048
# Rows, inputs and outputs of the pipeline's products: the ViT's, Point-MAE's, MFM's and MGM's.
SHAPES = (
    (SQUARE, SQUARE, SQUARE),
    (785, 768, 3072),
    (785, 3072, 768),
    (1024, 384, 1536),
    (4096, 512, 512),
    (4096, 768, 960),
    (4096, 1920, 1536),
    (15129, 960, 960),
)
QUICK_SHAPES = ((1024, 1024, 1024), (785, 768, 3072))

Heavy = dict[str, Figure]
Key = tuple[str, int]  # dtype and threads: 1 or all on the CPU, 0 on a GPU
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Product:
    """The fastest matrix product: FLOP/s (a multiply-add is two), its form, and its shape as rows,
    inputs and outputs."""

    rate: float
    form: str = ""
    shape: Shape = (SQUARE, SQUARE, SQUARE)


@dataclass
class Limits:
    """Matrix products by dtype and threads; copies, the disk.

    Attributes:
        shapes: that products are looked for among.
    """

    gemm: dict[Key, Product]
    copy: dict[int, float]  # bytes/s read and written, by threads
    disk_write: float  # bytes/s, with fsync
    disk_read: float  # bytes/s, not from the page cache where the system can leave it
    shapes: Sequence[Shape] = field(default=SHAPES)

    def rate(self, dtype: str, device: torch.device) -> float:
        """FLOP/s with all that the device has."""
        threads = 0 if device.type == "cuda" else torch.get_num_threads()
        return self.gemm[dtype, threads].rate

    def look_again(self, device: torch.device) -> None:
        """Measure all products once more; the better of both times counts."""
        for key, found in _products(self.shapes, device):
            self.gemm[key] = max(self.gemm[key], found, key=lambda one: one.rate)

    def heavy(self, flops: float, seconds: float, precision: str, device: torch.device) -> Heavy:
        """Figures of a step of so many FLOPs, computed as a `precision` param says."""
        dtype = dtype_of(precision, device)
        rate = flops / seconds
        figures: Heavy = {
            "gflop": flops / 1e9,
            "gflop_per_s": rate / 1e9,
            "dtype": dtype,
            "share_of_limit": self.share(rate, dtype, device),
        }
        if device.type == "cuda":
            figures["gpu_mb"] = torch.cuda.max_memory_allocated(device) / 1e6
            torch.cuda.reset_peak_memory_stats(device)  # for the next step that is measured
        return figures

    def share(self, rate: float, dtype: str, device: torch.device) -> float | None:
        """Of the limit, at most 1.

        A step that beats the limit shows that it was measured while the machine was slower. It is
        looked for again, and where the step still beats it there is no share: None.
        """
        if rate > self.rate(dtype, device):
            self.look_again(device)
        share = rate / self.rate(dtype, device)
        return share if share <= 1 else None


def dtype_of(precision: str, device: torch.device) -> str:
    """The type of matrix products under a `precision` param: auto, float32 or bfloat16."""
    if precision == "auto":
        return "bfloat16" if prefers_bfloat16(device) else "float32"
    return precision


def measure_limits(folder: Path, device: torch.device, quick: bool) -> Limits:
    """Of the CPU with one thread and with all, of the GPU where `device` is one, and of the disk
    that holds `folder`."""
    size, shapes = (64 << 20, QUICK_SHAPES) if quick else (256 << 20, SHAPES)
    copy, before = {}, torch.get_num_threads()
    for threads in dict.fromkeys((1, before)):
        torch.set_num_threads(threads)
        copy[threads] = copy_rate(size, torch.device("cpu"))
    torch.set_num_threads(before)
    if device.type == "cuda":
        copy[0] = copy_rate(4 * size, device)
    write, read = disk_rates(folder / "disk", size)
    return Limits(dict(_products(shapes, device)), copy, write, read, shapes)


def _products(shapes: Sequence[Shape], device: torch.device) -> Iterator[tuple[Key, Product]]:
    """The best product of each dtype: on one CPU thread, on all, and on a GPU."""
    threads = torch.get_num_threads()
    for dtype in ("float32", "bfloat16"):
        for count in dict.fromkeys((1, threads)):
            yield (dtype, count), best_product(shapes, DTYPES[dtype], count)
    if device.type == "cuda":
        side = 4 * SQUARE
        for dtype in DTYPES:
            yield (dtype, 0), on_device(side, DTYPES[dtype], device)


def best_product(shapes: Sequence[Shape], dtype: torch.dtype, threads: int) -> Product:
    """The fastest of all forms over all shapes on so many threads of the CPU.

    Forms: torch's own product; a linear layer; one whose matrix was packed for oneDNN, and for MKL
    in float32; and with several threads, products side by side of one thread each, as scans are
    extracted.
    """
    before = torch.get_num_threads()
    found = []
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
            for shape in shapes:
                for form, work in _forms(shape, dtype):
                    found.append(_side_by_side(pool, threads, form, shape, work))
        torch.set_num_threads(threads)
        if threads > 1:
            for shape in shapes:
                for form, work in _forms(shape, dtype):
                    found.append(Product(_flops(shape) / _best(work), form, shape))
    finally:
        torch.set_num_threads(before)
    return max(found, key=lambda one: one.rate)


Work = Callable[[], object]


def _forms(shape: Shape, dtype: torch.dtype) -> Iterator[tuple[str, Work]]:
    rows, inputs, outputs = shape
    x = torch.randn(rows, inputs).to(dtype)
    weight = torch.randn(outputs, inputs).to(dtype)
    yield "torch.mm", partial(torch.mm, x, weight.t().contiguous())
    yield "linear", partial(F.linear, x, weight)
    layer = Linear(weight, None, dtype)
    if layer.packed:
        yield "oneDNN, packed", partial(layer, x)
    if dtype == torch.float32 and torch.backends.mkl.is_available():
        packed = torch.ops.mkl._mkl_reorder_linear_weight(weight, rows)
        yield "MKL, packed", partial(torch.ops.mkl._mkl_linear, x, packed, weight, None, rows)


def _side_by_side(
    pool: ThreadPoolExecutor, threads: int, form: str, shape: Shape, work: Work
) -> Product:
    """A product in each thread at the same time."""
    if threads == 1:
        return Product(_flops(shape) / _best(work), form, shape)
    repeats = max(1, int(2e9 / _flops(shape)))  # some ms, beside which the pool's own count little

    def some() -> None:
        for _ in range(repeats):
            work()

    seconds = _best(lambda: [done.result() for done in [pool.submit(some) for _ in range(threads)]])
    return Product(threads * repeats * _flops(shape) / seconds, f"{form}, side by side", shape)


def _flops(shape: Shape) -> int:
    rows, inputs, outputs = shape
    return 2 * rows * inputs * outputs


def on_device(side: int, dtype: torch.dtype, device: torch.device) -> Product:
    """A product of two square matrices on a GPU."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    shape = (side, side, side)
    return Product(_flops(shape) / _best(lambda: a @ b, device), "torch.mm", shape)


def copy_rate(size: int, device: torch.device) -> float:
    """Bytes/s read and written by a copy of `size` bytes."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target: Tensor = torch.empty_like(source)
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


def _best(work: Work, device: torch.device | None = None) -> float:
    """Seconds of the fastest of many runs, after one that warms up."""
    work()
    taken: list[float] = []
    while len(taken) < RUNS or sum(taken) < SECONDS:
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        taken.append(time.perf_counter() - start)
    return min(taken)
