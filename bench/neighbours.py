"""Training beside other programs: how much slower a step is than its fair share of the cores."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

from bench.figures import Figure, Row
from bench.harness import Bench
from bench.training import step_seconds, training_scans
from mentor3ad.plumbing.processes import end_with_starter

BUSY = (0, 1, 2)  # programs that keep a core busy each
SCANS = 4


def neighbours(bench: Bench) -> list[Row]:
    """Milliseconds of a step alone and beside busy programs, in a process of its own.

    A fair share of the cores slows a step down to (busy programs + the step's own threads) / cores,
    where that is above one. With fewer threads than cores it is computed with, the share is larger:
    a step that keeps one core busy of two loses nothing to one program.
    """
    taken: dict[str, list[tuple[float, float]]] = {}
    for name, params, steps in (
        ("demo", bench.params, bench.runs(120)),
        ("paper", bench.paper_params, bench.runs(6)),
    ):
        for count in BUSY:
            with busy(count), ProcessPoolExecutor(1, get_context("spawn"), end_with_starter) as own:
                done = own.submit(_steps, replace(bench, params=params), steps).result()
            taken.setdefault(name, []).append(done)
    cores = os.cpu_count() or 1
    rows = []
    for name, pairs in taken.items():
        for module, seconds in zip(("MFM", "MGM"), zip(*pairs, strict=True), strict=True):
            rows.append(Row(f"{module}, {name}", figures(seconds, cores)))
    return rows


def figures(seconds: tuple[float, ...], cores: int) -> dict[str, Figure]:
    """Of a step alone and beside each number of busy programs, all cores being the step's own."""
    alone = seconds[0]
    made: dict[str, Figure] = {"alone_ms": 1000 * alone}
    for count, taken in zip(BUSY[1:], seconds[1:], strict=True):
        made[f"beside_{count}_ms"] = 1000 * taken
        made[f"times_fair_share_beside_{count}"] = taken / alone / ((count + cores) / cores)
    return made


def _steps(bench: Bench, steps: int) -> tuple[float, float]:
    features = training_scans(bench, bench.params, SCANS)
    return step_seconds(bench, features, bench.params.model, steps)


@contextmanager
def busy(count: int) -> Iterator[list[BaseProcess]]:
    """Keep so many cores busy with programs that do nothing else, which are yielded."""
    context = get_context("spawn")
    programs: list[BaseProcess] = [context.Process(target=_spin, daemon=True) for _ in range(count)]
    for program in programs:
        program.start()
    try:
        yield programs
    finally:
        for program in programs:
            program.kill()
            program.join()


def _spin() -> None:
    end_with_starter()
    while True:
        pass
