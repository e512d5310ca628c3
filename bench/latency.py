"""One scan after the other through a warm inspector, and where its time goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import Figure, Row, Unavailable, synchronise
from bench.harness import Bench
from mentor3ad.compute.device import prefers_bfloat16
from mentor3ad.extraction.scan import Backbones, Fast
from mentor3ad.inspection.extraction import OneByOne, Together
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans

RUNS = 12
RGB, POINTS = "RGB backbone", "point backbone"


def latency(bench: Bench) -> list[Row]:
    rows = []
    for name, project in (("demo", bench.demo), ("paper", bench.paper)):
        category = project.params.data.categories[0]
        inspector = Inspector.load(project.root, category, bench.device.type)
        folder = project.root / project.params.data.root / category / "test"
        rows += breakdown(name, inspector, folder, bench.runs(RUNS))
    if prefers_bfloat16(bench.device):
        rows += breakdown(
            "paper, auto", with_precision(inspector, "auto"), folder, bench.runs(RUNS)
        )
    return rows


def with_precision(inspector: Inspector, precision: str) -> Inspector:
    """The same modules and vote behind features of another `features.precision`."""
    model = inspector.model
    features = model.settings.features.model_copy(update={"precision": precision})
    return Inspector(
        replace(
            model,
            settings=model.settings.model_copy(update={"features": features}),
            backbones=Backbones.load(features, model.device),
        )
    )


def predict(bench: Bench) -> list[Row]:
    """A bundle, or a finished project of one category, on a folder of scans."""
    if bench.models is None or bench.inspected is None:
        raise Unavailable("needs --models (a bundle) and --folder (scans to inspect)")
    start = time.perf_counter()
    inspector = Inspector.load(bench.models)
    loaded = time.perf_counter() - start
    rows = breakdown("scans", inspector, bench.inspected, RUNS)
    return [*rows, Row("loading", {"median_ms": 1000 * loaded})]


def breakdown(name: str, inspector: Inspector, folder: Path, runs: int) -> list[Row]:
    """Median and 90th percentile of each step, and of the networks within the features' step."""
    first = inspector.warm_up()
    scans = find_scans(folder, inspector.model).scans
    if not scans:
        raise Unavailable(f"{folder} holds no scan")
    steps: dict[str, list[float]] = defaultdict(list)
    with backbone_seconds(inspector) as spans:
        inspector.inspect_scan(scans[0])
        spans.clear()
        for scan in islice(cycle(scans), runs):
            start = time.perf_counter()
            done = inspector.inspect_scan(scan)
            steps["all"].append(time.perf_counter() - start)
            for step, seconds in done.seconds.items():
                steps[step].append(seconds)
    steps |= {f"of which {network}": seconds for network, seconds in spans.items()}
    rows = [Row(f"{name}: {step}", _figures(seconds)) for step, seconds in steps.items()]
    return [*rows, Row(f"{name}: first scan after loading", {"median_ms": 1000 * first})]


def _figures(seconds: list[float]) -> dict[str, Figure]:
    median, slow = np.percentile(seconds, (50, 90)) * 1000
    return {"median_ms": float(median), "p90_ms": float(slow)}


@contextmanager
def backbone_seconds(inspector: Inspector) -> Iterator[dict[str, list[float]]]:
    """Seconds of every pass of each network; on the CPU the two share the cores, side by side."""
    spans: dict[str, list[float]] = defaultdict(list)
    device = inspector.model.device

    def timed(name: str, network: Callable[..., Any]) -> Any:
        def run(*args: Any) -> Any:
            synchronise(device)
            start = time.perf_counter()
            found = network(*args)
            synchronise(device)
            spans[name].append(time.perf_counter() - start)
            return found

        return run

    with _timed_forms(inspector.extraction, timed):
        yield spans


@contextmanager
def _timed_forms(
    extraction: OneByOne | Together, timed: Callable[[str, Callable[..., Any]], Any]
) -> Iterator[None]:
    """In the place of the networks' forms that a scan passes."""
    if isinstance(extraction, Together):
        batched = extraction.extractor
        rgb, points = batched.rgb, batched.points
        batched.rgb, batched.points = timed(RGB, rgb), timed(POINTS, points)
        try:
            yield
        finally:
            batched.rgb, batched.points = rgb, points
        return
    plain = extraction.fast
    extraction.fast = Fast(timed(RGB, plain.rgb), timed(POINTS, plain.points))
    try:
        yield
    finally:
        extraction.fast = plain
