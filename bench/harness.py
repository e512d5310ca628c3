"""What a measurement is, and what it may use: params, a folder, the machine's limits, projects."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mentor3ad.params.schema import Params

if TYPE_CHECKING:
    import torch

    from bench.limits import Limits
    from bench.project import Finished

ROOT = Path(__file__).parents[1]  # of the checkout

Figure = float | int | str | None | Sequence[float]


class Unavailable(Exception):
    """This machine or this command line lacks what a measurement needs; the message says what."""


@dataclass(frozen=True)
class Row:
    """One measured thing. Names of figures end in their unit; None: could not be measured."""

    what: str
    figures: dict[str, Figure]


@dataclass
class Bench:
    """What measurements share. Everything made here lies in `folder` and is made on first use."""

    params: Params  # the demo's settings, as shipped
    folder: Path
    quick: bool = False
    scans: int = 28  # of the generated category
    models: Path | None = None  # a bundle or project, and a folder of scans, of `predict`
    inspected: Path | None = None

    @cached_property
    def device(self) -> "torch.device":
        from mentor3ad.compute.device import select_device

        return select_device(self.params.runtime)

    @cached_property
    def paper_params(self) -> Params:
        """The paper's settings, with random weights."""
        from bench.project import paper_settings, params_of

        return params_of(paper_settings())

    @cached_property
    def limits(self) -> "Limits":
        from bench.limits import measure_limits

        return measure_limits(self.folder, self.device, self.quick)

    @cached_property
    def demo(self) -> "Finished":
        """A category at the demo's settings that every stage has run through."""
        from bench.project import demo_settings, finish

        return finish(self.folder / "demo", demo_settings(self.scans, self.quick))

    @cached_property
    def paper(self) -> "Finished":
        """A few scans at the paper's settings; its modules are hardly trained."""
        from bench.project import finish, paper_settings

        return finish(self.folder / "paper", paper_settings())

    def runs(self, many: int) -> int:
        """How often to repeat what is repeated `many` times in a full run."""
        return max(1, many // 3) if self.quick else many


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
