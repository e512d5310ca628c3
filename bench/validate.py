"""Seconds per scan of `mentor3ad validate` and of the preparation, wall and CPU."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from threadpoolctl import threadpool_limits

from bench.figures import Row
from bench.harness import Bench
from bench.project import shipped_params
from mentor3ad.demo.generate import generate_category
from mentor3ad.preparation.prepare import prepare_category
from mentor3ad.validation.category import check_category

DEMO = shipped_params().demo
LAYOUT = shipped_params().data  # the demo's, in MVTec 3D-AD's layout
OPTIONS = LAYOUT.preparation
CATEGORY = "biscuit"


def validate(bench: Bench) -> list[Row]:
    """A generated category at 400 and at 800 pixels a side, with one thread and with one a core."""
    numbers = (4, 1, 3, 4) if bench.quick else (12, 4, 8, 12)
    counts = dict(zip(("train", "validation", "test_good", "test_defect"), numbers, strict=True))
    rows = []
    with threadpool_limits(1):
        for size in (400, 800):
            root = bench.folder / f"scans-of-{size}"
            demo = DEMO.model_copy(update=counts | {"size": size})
            generate_category(root, CATEGORY, demo)
            check_category(root, CATEGORY, LAYOUT, OPTIONS, workers=os.cpu_count() or 1)  # warms up
            for workers in dict.fromkeys((1, os.cpu_count() or 1)):
                rows += _rows(root, size, sum(numbers), workers)
    return rows


def _rows(root: Path, size: int, scans: int, workers: int) -> list[Row]:
    def check() -> None:
        check_category(root, CATEGORY, LAYOUT, OPTIONS, workers=workers)

    def prepare() -> None:
        with tempfile.TemporaryDirectory(dir=root.parent) as folder:
            out = Path(folder) / "out"
            prepare_category(root, CATEGORY, out, OPTIONS, LAYOUT, workers=workers)

    rows = []
    for what, work in (("validate", check), ("prepare", prepare)):
        wall, cpu = _wall_and_cpu(work)
        figures = {"threads": workers, "s_a_scan": wall / scans, "cpu_s_a_scan": cpu / scans}
        rows.append(Row(f"{what}, {size} x {size}", dict(figures)))
    return rows


def _wall_and_cpu(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu
