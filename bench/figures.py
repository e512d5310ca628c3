"""What a measurement gives: rows of named figures, and how seconds and growth are measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Figure = float | int | str | None | Sequence[float]


class Unavailable(Exception):
    """This machine or this command line lacks what a measurement needs; the message says what."""


@dataclass(frozen=True)
class Row:
    """One measured thing. Names of figures end in their unit; None: could not be measured."""

    what: str
    figures: dict[str, Figure]


def seconds_of(
    work: Callable[[], object], runs: int, device: "torch.device | None" = None, warm_up: int = 1
) -> float:
    """Median wall seconds of some runs, after those that warm up and do not count."""
    taken = []
    for _ in range(runs + warm_up):
        synchronise(device)
        start = time.perf_counter()
        work()
        synchronise(device)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[warm_up:]))


def synchronise(device: "torch.device | None") -> None:
    """Wait for what a CUDA device was given to do."""
    if device is not None and device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """b of seconds = a * sizes^b, by least squares on the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
