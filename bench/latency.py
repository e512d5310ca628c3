"""One scan after the other through a warm inspector, and where its time goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Bench, Figure, Row, Unavailable, synchronise
from pipeline.features.extract import Backbones, Fast
from pipeline.inspection.inspector import Inspector
from pipeline.inspection.scans import find_scans

RUNS = 12
RGB, POINTS = "RGB backbone", "point backbone"


def latency(bench: Bench) -> list[Row]:
    rows = []
    for name, project in (("demo", bench.demo), ("paper", bench.paper)):
        category = project.params.data.categories[0]
        inspector = Inspector.load(project.root, category, bench.device.type)
        folder = project.root / project.params.data.root / category / "test"
        rows += breakdown(name, inspector, folder, bench.runs(RUNS))
    return rows


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
    with backbone_seconds(inspector.model.backbones) as spans:
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
def backbone_seconds(backbones: Backbones) -> Iterator[dict[str, list[float]]]:
    """Seconds of every pass of each network; on the CPU the two share the cores, side by side."""
    spans: dict[str, list[float]] = defaultdict(list)
    if backbones.device.type == "cpu":
        with _timed_forms(backbones, spans):
            yield spans
    else:
        with _timed_modules(backbones, spans):
            yield spans


@contextmanager
def _timed_forms(backbones: Backbones, spans: dict[str, list[float]]) -> Iterator[None]:
    """The forms that one scan passes on the CPU."""

    def timed(name: str, network: Callable[..., Any]) -> Any:
        def run(*args: Any) -> Any:
            start = time.perf_counter()
            found = network(*args)
            spans[name].append(time.perf_counter() - start)
            return found

        return run

    plain = backbones.fast()
    backbones._fast[0] = Fast(timed(RGB, plain.rgb), timed(POINTS, plain.points))
    try:
        yield
    finally:
        backbones._fast[0] = plain


@contextmanager
def _timed_modules(backbones: Backbones, spans: dict[str, list[float]]) -> Iterator[None]:
    """The published networks, from their first module to their last."""
    starts: dict[str, float] = {}
    vit: Any = backbones.rgb
    networks = {RGB: (vit.patch_embed, vit.norm), POINTS: (backbones.points, backbones.points)}

    def begin(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            synchronise(backbones.device)
            starts[name] = time.perf_counter()

        return hook

    def end(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            synchronise(backbones.device)
            spans[name].append(time.perf_counter() - starts[name])

        return hook

    handles = []
    for name, (first, last) in networks.items():
        handles.append(first.register_forward_pre_hook(begin(name)))
        handles.append(last.register_forward_hook(end(name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
