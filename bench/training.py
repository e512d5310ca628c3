"""One step of training, through the stages' own functions, from features in memory."""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from torch import Tensor

from bench import flops, scenes
from bench.harness import Bench, Row, Unavailable, synchronise
from pipeline.config import Model, Params
from pipeline.pixels import PixelFeatures, patch_of
from pipeline.scratch import scratch_table
from pipeline.training import train_fusion, train_guidance

CATEGORY = "made-up"
WARM_UP = 2  # steps that do not count


def train(bench: Bench) -> list[Row]:
    rows = []
    for name, params, steps in (
        ("demo", bench.params, bench.runs(120)),
        ("paper", bench.paper_params, bench.runs(9)),
    ):
        model, features = params.model, training_scans(bench, params)
        work = {
            "MFM": flops.fusion_step(model, fusion_rows(features, model)),
            "MGM": flops.guidance_step(model),
        }
        for module, seconds in zip(work, step_seconds(bench, features, model, steps), strict=True):
            heavy = bench.limits.heavy(work[module], seconds, model.precision, bench.device)
            rows.append(Row(f"{module}, {name}", {"step_ms": 1000 * seconds, **heavy}))
    return rows


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
        stored.append(("mapped, from the disk", _FromDisk(made, bench.device, new_table=new_table)))
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
    """Mapped features that leave memory before every gather; the clock stands still meanwhile."""

    stood = 0.0

    @classmethod
    def clock(cls) -> float:
        return time.perf_counter() - cls.stood

    def gather(self, scan: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
        ms_sync, madv_pageout = 4, 21
        libc, start = ctypes.CDLL(None, use_errno=True), time.perf_counter()
        for table in (self._rgb, self._tokens, self._index, self._weight):
            place = ctypes.c_void_p(table.data_ptr()), ctypes.c_size_t(table.nbytes)
            if libc.msync(*place, ms_sync) or libc.madvise(*place, madv_pageout):
                raise Unavailable(
                    f"this system cannot drop pages: {os.strerror(ctypes.get_errno())}"
                )
        _FromDisk.stood += time.perf_counter() - start
        return super().gather(scan, pixel)


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
    """Mean seconds of a step of MFM and of MGM, without what comes before the first.

    As the difference of two runs: training draws, gathers and mentors many steps at once.
    """

    def of(steps: int) -> Model:
        taken = {"steps": steps}
        return model.model_copy(
            update={
                "mfm": model.mfm.model_copy(update=taken),
                "mgm": model.mgm.model_copy(update=taken),
            }
        )

    trained = train_fusion(features, of(WARM_UP), CATEGORY, iter).module

    def fusion(steps: int) -> None:
        train_fusion(features, of(steps), CATEGORY, iter)

    def guidance(steps: int) -> None:
        train_guidance(features, trained, of(steps), CATEGORY, iter)

    return _mean_step(fusion, steps, bench, clock), _mean_step(guidance, steps, bench, clock)


def _mean_step(
    training: Callable[[int], None], steps: int, bench: Bench, clock: Callable[[], float]
) -> float:
    def seconds(steps: int) -> float:
        start = clock()
        training(steps)
        synchronise(bench.device)
        return clock() - start

    training(WARM_UP)
    few = max(1, steps // 5)
    return max((seconds(few + steps) - seconds(few)) / steps, 1e-9)
