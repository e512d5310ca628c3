"""One step of training, through the stages' own functions, from features in memory."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from bench import flops, scenes
from bench.harness import Bench, Row, synchronise
from pipeline.config import Model, Params
from pipeline.fusion import Fusion
from pipeline.pixels import PixelFeatures
from pipeline.training import train_fusion, train_guidance

Bar = Callable[[Iterable[Any]], Iterator[Any]]

CATEGORY = "made-up"
WARM_UP = 2  # steps that do not count


def train(bench: Bench) -> list[Row]:
    rows = []
    for name, params, steps in (
        ("demo", bench.params, bench.runs(120)),
        ("paper", bench.paper_params, bench.runs(9)),
    ):
        model, features = params.model, training_scans(bench, params)
        work = {"MFM": flops.fusion_step(model), "MGM": flops.guidance_step(model)}
        for module, seconds in zip(work, step_seconds(bench, features, model, steps), strict=True):
            heavy = bench.limits.heavy(work[module], seconds, model.precision, bench.device)
            rows.append(Row(f"{module}, {name}", {"step_ms": 1000 * seconds, **heavy}))
    return rows


def training_scans(bench: Bench, params: Params, scans: int = 8) -> PixelFeatures:
    made = [scenes.features(params.features, seed) for seed in range(scans)]
    return PixelFeatures(made, bench.device)


def step_seconds(
    bench: Bench, features: PixelFeatures, model: Model, steps: int
) -> tuple[float, float]:
    """Mean seconds of a step of MFM and of MGM, without the set-up before the first."""
    model = model.model_copy(
        update={
            "mfm": model.mfm.model_copy(update={"steps": WARM_UP + steps}),
            "mgm": model.mgm.model_copy(update={"steps": WARM_UP + steps}),
        }
    )
    trained: list[Fusion] = []

    def fusion(bar: Bar) -> None:
        trained.append(train_fusion(features, model, CATEGORY, bar).module)

    def guidance(bar: Bar) -> None:
        train_guidance(features, trained[0], model, CATEGORY, bar)

    return _mean_step(fusion, bench), _mean_step(guidance, bench)


def _mean_step(training: Callable[[Bar], None], bench: Bench) -> float:
    """By the times at which a training asks its progress bar for the next batch."""
    asked: list[float] = []

    def bar(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            asked.append(time.perf_counter())
            yield batch
        synchronise(bench.device)
        asked.append(time.perf_counter())

    training(bar)
    return (asked[-1] - asked[WARM_UP]) / (len(asked) - 1 - WARM_UP)
