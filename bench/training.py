"""One step of training, through the stages' own functions, from features in memory."""

import contextlib
import ctypes
import mmap
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench import flops, scenes
from bench.figures import Figure, Row, Unavailable, synchronise
from bench.harness import Bench
from bench.split import Spent, spent_once_begun
from mentor3ad.features.pixels import PixelFeatures, patch_of
from mentor3ad.features.store import ScanFeatures
from mentor3ad.fusion.training import train_fusion
from mentor3ad.guidance.training import train_guidance
from mentor3ad.params.schema import Model, Params
from mentor3ad.plumbing.processes import end_with_starter
from mentor3ad.training.loop import Bar
from mentor3ad.training.mapped import scratch_table
from mentor3ad.training.sampling import Batch

CATEGORY = "made-up"
WARM_UP = 2  # steps that do not count

Training = Callable[..., object]  # by so many steps; bar: as of `train_fusion`


def train(bench: Bench) -> list[Row]:
    """Each in a process of its own, as the stages are.

    In one that has measured other things, on other numbers of threads, small steps were up to
    half as slow again.
    """
    rows = []
    for name, params, steps in (
        ("demo", bench.params, bench.runs(120)),
        ("paper", bench.paper_params, bench.runs(9)),
    ):
        with ProcessPoolExecutor(1, get_context("spawn"), end_with_starter) as own:
            seen, taken, parts = own.submit(_steps, replace(bench, params=params), steps).result()
        model = params.model
        work = {"MFM": flops.fusion_step(model, seen), "MGM": flops.guidance_step(model)}
        for module, seconds, shares in zip(work, taken, parts, strict=True):
            heavy = bench.limits.heavy(work[module], seconds, model.precision, bench.device)
            rows.append(Row(f"{module}, {name}", {"step_ms": 1000 * seconds, **heavy, **shares}))
    return rows


_Parts = tuple[dict[str, Figure], dict[str, Figure]]


def _steps(bench: Bench, steps: int) -> tuple[int, tuple[float, float], _Parts]:
    """Pixels of a mean step of MFM; of a step of both modules the seconds, and what they are."""
    model, features = bench.params.model, training_scans(bench, bench.params)
    seconds = step_seconds(bench, features, model, steps)
    fusion, guidance = trainings(features, model)
    parts = _parts(fusion, steps, bench), _parts(guidance, steps, bench)
    return fusion_rows(features, model), seconds, parts


def _parts(training: Training, steps: int, bench: Bench) -> dict[str, Figure]:
    """What steps are made of on one thread, without what comes before the first.

    With more threads MGM's two directions are taken in threads that a profile does not see.
    """
    if bench.device.type != "cpu":
        return {}
    few, before = max(1, steps // 5), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        training(WARM_UP)
        return (_spent(training, few + steps) - _spent(training, few)).shares()
    finally:
        torch.set_num_threads(before)


def _spent(training: Training, steps: int) -> Spent:
    """What a training spends its time on from when its steps begin."""

    def work(begin: Callable[[], None]) -> None:
        training(steps, partial(_beginning, begin))

    return spent_once_begun(work)


def _beginning(begin: Callable[[], object], batches: Iterable[Batch]) -> Iterator[Batch]:
    """A training's bar that says when its steps begin."""
    begin()
    return iter(batches)


def fusion_rows(features: PixelFeatures, model: Model) -> int:
    """Pixels of a mean step of MFM: at most one of each patch that holds foreground."""
    patches = [len(np.unique(patch_of(pixels))) for pixels in features.foreground]
    seen = np.minimum(patches, model.mfm.pixels).mean()
    return round(model.mfm.scans * float(seen))


def mapped(bench: Bench) -> list[Row]:
    """At the demo's widths. From the disk: nothing that was read before is still in memory."""
    scans, steps = bench.runs(96), bench.runs(96)
    made = [scenes.features(bench.params.features, seed) for seed in range(scans)]
    new_table = partial(scratch_table, bench.folder)
    stored = [
        ("in memory", PixelFeatures(made, bench.device)),
        ("mapped, in the page cache", PixelFeatures(made, bench.device, new_table=new_table)),
    ]
    if sys.platform == "linux":
        stored.append(("mapped, from the disk", _FromDisk(made, bench.device, bench.folder)))
    rows, model = [], bench.params.model
    best: tuple[float, ...] = ()
    for where, features in stored:
        taken = step_seconds(bench, features, model, steps, _FromDisk.clock)
        best = best or taken
        for module, seconds, fastest in zip(("MFM", "MGM"), taken, best, strict=True):
            speed = fastest / seconds
            rows.append(Row(f"{module}, {where}", {"step_ms": 1000 * seconds, "speed": speed}))
    return rows


class _FromDisk(PixelFeatures):
    """Mapped features that leave memory before every block of steps is gathered.

    The clock stands still while their pages are dropped. Nothing else goes on meanwhile: training
    itself drops them, when the last block is gathered and before the next one is begun. All other
    time counts: reading and gathering where no step hides them, and what they take from the steps.
    """

    stood = 0.0

    def __init__(self, scans: Iterable[ScanFeatures], device: torch.device, folder: Path) -> None:
        super().__init__(scans, device, new_table=partial(scratch_table, folder))
        self.folder = folder

    @classmethod
    def clock(cls) -> float:
        return time.perf_counter() - cls.stood

    def stored(self, scans: Iterable[int]) -> list[Tensor]:
        start = time.perf_counter()
        tables = (self._rgb, self._tokens, self._index, self._weight)
        drop((table for table in tables if table is not None), self.folder)
        _FromDisk.stood += time.perf_counter() - start
        return super().stored(scans)


def drop(tables: Iterable[Tensor], folder: Path) -> None:
    """Write mapped tables to the disk and take them from memory, the page cache included.

    Args:
        folder: of their files, and of no other open ones.
    """
    libc, ms_sync = ctypes.CDLL(None, use_errno=True), 4
    for table in tables:
        place = ctypes.c_void_p(table.data_ptr()), ctypes.c_size_t(table.nbytes)
        if libc.msync(*place, ms_sync) or libc.madvise(*place, mmap.MADV_DONTNEED):
            raise Unavailable(f"this system keeps pages: {os.strerror(ctypes.get_errno())}")
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            if file.readlink().is_relative_to(folder):
                os.posix_fadvise(int(file.name), 0, 0, os.POSIX_FADV_DONTNEED)


def training_scans(bench: Bench, params: Params, scans: int = 8) -> PixelFeatures:
    made = [scenes.features(params.features, seed) for seed in range(scans)]
    return PixelFeatures(made, bench.device)


def step_seconds(
    bench: Bench,
    features: PixelFeatures,
    model: Model,
    steps: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """`mean_step` of MFM and of MGM."""
    fusion, guidance = trainings(features, model)
    few = max(1, steps // 5)
    mfm, mgm = (mean_step(one, few, steps, bench.device, clock) for one in (fusion, guidance))
    return mfm, mgm


def trainings(features: PixelFeatures, model: Model) -> tuple[Training, Training]:
    """Trainings of MFM and of MGM."""

    def of(steps: int) -> Model:
        taken = {"steps": steps}
        return model.model_copy(
            update={
                "mfm": model.mfm.model_copy(update=taken),
                "mgm": model.mgm.model_copy(update=taken),
            }
        )

    trained = train_fusion(features, of(WARM_UP), CATEGORY, iter).module

    def fusion(steps: int, bar: Bar = iter) -> object:
        return train_fusion(features, of(steps), CATEGORY, bar)

    def guidance(steps: int, bar: Bar = iter) -> object:
        return train_guidance(features, trained, of(steps), CATEGORY, bar)

    return fusion, guidance


def mean_step(
    training: Training,
    few: int,
    steps: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Mean seconds of a step, without what comes before the first.

    They are the difference of two runs, of `few` steps and of so many `steps` more: training draws,
    gathers and mentors many steps at once. A run is timed from when its steps begin, after the
    feature space has been fitted. Where other programs slow the short run down so much that it
    takes longer than the long one, the mean of the long one is returned, which is too high.
    """

    def seconds(steps: int) -> float:
        begun: list[float] = []
        training(steps, partial(_beginning, lambda: begun.append(clock())))
        synchronise(device)
        return clock() - begun[0]

    training(WARM_UP)
    short, long = seconds(few), seconds(few + steps)
    return (long - short) / steps if long > short else long / (few + steps)
