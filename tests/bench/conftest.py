"""A tiny finished project in the place of the one that a run of the benchmarks would make."""

from collections import defaultdict
from pathlib import Path

import pytest

from bench.harness import Bench
from bench.limits import QUICK_SHAPES, Limits, Product
from bench.project import Finished
from mentor3ad.params.schema import load_params

# At any number of threads, and more than any machine does.
RATES = defaultdict[tuple[str, int], Product](lambda: Product(1e15))


@pytest.fixture(scope="session")
def finished(tiny_project: Path) -> Finished:
    return Finished(tiny_project, load_params(tiny_project / "params.yaml"), {})


@pytest.fixture
def bench(finished: Finished, tmp_path: Path) -> Bench:
    """Quick, on the tiny project in both settings, with made-up limits."""
    made = Bench(finished.params, tmp_path, quick=True)
    made.demo = made.paper = finished
    made.limits = Limits(RATES, {1: 1e10}, 1e8, 1e8, QUICK_SHAPES)
    return made
