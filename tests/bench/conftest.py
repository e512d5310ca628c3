"""A tiny finished project in the place of the one that a run of the benchmarks would make."""

from collections import defaultdict
from pathlib import Path

import pytest

from bench.harness import Bench
from bench.limits import Limits
from bench.project import Finished
from mentor3ad.params.schema import load_params

RATES = defaultdict[tuple[str, int], float](lambda: 1e11)  # at any number of threads


@pytest.fixture(scope="session")
def finished(tiny_project: Path) -> Finished:
    return Finished(tiny_project, load_params(tiny_project / "params.yaml"), {})


@pytest.fixture
def bench(finished: Finished, tmp_path: Path) -> Bench:
    """Quick, on the tiny project in both settings, with made-up limits."""
    made = Bench(finished.params, tmp_path, quick=True)
    made.demo = made.paper = finished
    made.limits = Limits(RATES, {1: 1e10}, 1e8, 1e8)
    return made
