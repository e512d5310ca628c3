"""Seconds per scan of `mentor3ad validate` and of the preparation, wall and CPU.

    python -m bench.validate [ROOT CATEGORY [LAYOUT]]

Without arguments a demo category of 36 scans is generated, at 400 and at 800 pixels a side. Prints
a Markdown table: both with one thread and with one a core. The first pass only warms the disk's
cache.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from threadpoolctl import threadpool_limits

from pipeline.data.foreground import PrepareOptions
from pipeline.data.layouts import LayoutOptions, list_scans
from pipeline.data.prepare import prepare_category
from pipeline.demo.generate import DemoOptions, generate_category
from pipeline.validation.category import check_category

OPTIONS = PrepareOptions()
CATEGORY = "biscuit"


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def row(name: str, root: Path, category: str, layout: LayoutOptions) -> Iterator[str]:
    n = len(list_scans(root, category, layout))
    for workers in dict.fromkeys((1, os.cpu_count() or 1)):
        for what, wall, cpu in timed(root, category, layout, workers):
            yield f"| {name} | {what} | {workers} | {n} | {wall / n:.3f} | {cpu / n:.3f} |"


def timed(
    root: Path, category: str, layout: LayoutOptions, workers: int
) -> Iterator[tuple[str, float, float]]:
    def validate() -> None:
        check_category(root, category, layout, OPTIONS, workers=workers)

    def prepare() -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            prepare_category(root, category, out, OPTIONS, layout, workers=workers)

    for what, work in (("validate", validate), ("prepare", prepare)):
        yield what, *seconds(work)


def data_sets(folder: Path) -> Iterator[tuple[str, Path, str, LayoutOptions]]:
    if len(sys.argv) > 1:
        root, category, *layout = sys.argv[1:]
        yield category, Path(root), category, LayoutOptions(*layout)
        return
    for size in (400, 800):
        root = folder / str(size)
        options = DemoOptions((CATEGORY,), 12, 4, 8, 12, size)
        generate_category(root, CATEGORY, options)
        yield f"demo, {size} x {size}", root, CATEGORY, LayoutOptions()


def main() -> None:
    print(f"{os.cpu_count()} cores of {platform.processor() or platform.machine()}\n")
    print("| data | what | threads | scans | wall s a scan | CPU s a scan |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        for label, root, category, layout in data_sets(Path(name)):
            check_category(root, category, layout, OPTIONS, workers=os.cpu_count() or 1)
            for line in row(label, root, category, layout):
                print(line, flush=True)


if __name__ == "__main__":
    main()
