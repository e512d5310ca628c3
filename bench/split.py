"""What the time of a step is made of: matrix products, passes over memory, and Python.

By torch's profiler, on the CPU, in the thread that calls: the time inside of torch's operations
that multiply matrices, that inside of its others, and what is left, which is Python, NumPy and
waiting. The profiler's own cost, about a microsecond an operation, counts to what is left.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from bench.figures import Figure

KERNELS = ("aten::", "mkldnn::", "mkl::")  # of operations that compute; others only start some
# Parts of the names of operations that multiply matrices, attention's fused ones included.
PRODUCTS = ("mm", "linear", "convolution", "scaled_dot_product")
NOT_PRODUCTS = ("reorder", "linspace")


@dataclass(frozen=True)
class Spent:
    """Seconds in matrix products, in other operations of torch, and in all."""

    products: float
    memory: float
    wall: float

    def __sub__(self, other: "Spent") -> "Spent":
        """What a longer call took beyond a shorter one."""
        return Spent(
            self.products - other.products, self.memory - other.memory, self.wall - other.wall
        )

    def shares(self) -> dict[str, Figure]:
        """Of products, memory and Python; they add up to one."""
        products, memory = max(self.products, 0), max(self.memory, 0)
        wall = max(self.wall, products + memory, 1e-9)
        return {
            "share_of_products": products / wall,
            "share_of_memory": memory / wall,
            "share_of_python": 1 - (products + memory) / wall,
        }


def split(work: Callable[[], object], device: torch.device) -> dict[str, Figure]:
    """The three shares of a call's wall time, after one that warms up; none on a GPU."""
    if device.type != "cpu":
        return {}
    work()
    return spent(work).shares()


def spent(work: Callable[[], object]) -> Spent:
    """What a call spends its time on. It computes in the thread that calls."""

    def at_once(begin: Callable[[], None]) -> None:
        begin()
        work()

    return spent_once_begun(at_once)


def spent_once_begun(work: Callable[[Callable[[], None]], object]) -> Spent:
    """What a call spends its time on from when it calls what it is given, in the same thread."""
    profiled, begun = profile(activities=[ProfilerActivity.CPU]), []

    def begin() -> None:
        profiled.start()
        begun.append(time.perf_counter())

    try:
        work(begin)
        wall = time.perf_counter() - begun[0]
    finally:
        if begun:
            profiled.stop()
    seconds = {True: 0.0, False: 0.0}
    for event in profiled.key_averages():
        if event.key.startswith(KERNELS):
            seconds[is_product(event.key)] += event.self_cpu_time_total / 1e6
    return Spent(seconds[True], seconds[False], wall)


def is_product(operation: str) -> bool:
    """Whether an operation of a profile multiplies matrices, by its name."""
    name = operation.rpartition("::")[2]
    return any(part in name for part in PRODUCTS) and not any(p in name for p in NOT_PRODUCTS)
