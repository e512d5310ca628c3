"""Writes the demo data set in MVTec 3D-AD's layout, a whole category at a time."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import tifffile
from PIL import Image

from ..params.schema import Demo
from ..plumbing.documents import dump_json
from ..plumbing.errors import DataError
from ..plumbing.files import folder_replaced_whole
from ..plumbing.processes import end_with_starter
from .frame import camera_parameters
from .parts import GOOD, find_part
from .scan import DemoScan, render_scan, scan_seed


@dataclass(frozen=True)
class Task:
    """One scan to write: its folder holds rgb/, xyz/ and, in the test split, gt/."""

    category: str
    split: str
    kind: str
    index: int
    size: int
    seed: int

    def scan(self) -> DemoScan:
        """Render the scan, from a seed that depends on this scan alone and not on any count."""
        seed = scan_seed(self.seed, self.category, f"{self.split}/{self.kind}", self.index)
        return render_scan(self.category, seed, self.size, None if self.kind == GOOD else self.kind)


def plan(category: str, options: Demo) -> Iterator[Task]:
    """List every scan of a category: `test_defect` of them are spread evenly over its defect kinds.

    The first kinds take what does not divide evenly.
    """
    kinds = list(find_part(category).defects)
    share, rest = divmod(options.test_defect, len(kinds))
    counts = [
        ("train", GOOD, options.train),
        ("validation", GOOD, options.validation),
        ("test", GOOD, options.test_good),
        *(("test", kind, share + (i < rest)) for i, kind in enumerate(kinds)),
    ]
    for split, kind, count in counts:
        for index in range(count):
            yield Task(category, split, kind, index, options.size, options.seed)


def generate_category(
    root: Path,
    category: str,
    options: Demo,
    workers: int | None = None,
    on_scan: Callable[[], None] | None = None,
) -> None:
    """Write root/category whole: built in a hidden sibling folder, then renamed.

    The bytes do not depend on `workers` (default: every core). `on_scan` is called after each scan.
    A script that calls this needs the usual `if __name__ == "__main__"` guard for its workers.
    Raises ConfigError for an unknown category, DataError where the folder exists already.
    """
    target = root / category
    tasks = list(plan(category, options))
    if target.exists():
        raise DataError(f"{target} exists already; remove it to generate the demo data there")
    with folder_replaced_whole(target) as building:
        _write_descriptions(building, category, options.size)
        _write_scans(building, tasks, workers or os.cpu_count() or 1, on_scan or (lambda: None))


def _write_descriptions(folder: Path, category: str, size: int) -> None:
    (folder / "calibration").mkdir(parents=True)
    camera = dump_json(camera_parameters(size), indent=2)
    (folder / "calibration" / "camera_parameters.json").write_text(camera + "\n")
    classes = dump_json(find_part(category).class_ids(), indent=2)
    (folder / "class_ids.json").write_text(classes + "\n")


def _write_scans(
    folder: Path, tasks: list[Task], workers: int, on_scan: Callable[[], None]
) -> None:
    if workers == 1 or len(tasks) < 2:
        for task in tasks:
            write_scan(folder, task)
            on_scan()
        return
    # no fork: the caller may have threads of torch or BLAS, and a lock forked in use never opens
    with ProcessPoolExecutor(
        min(workers, len(tasks)), get_context("forkserver"), end_with_starter
    ) as pool:
        try:
            for done in as_completed([pool.submit(write_scan, folder, task) for task in tasks]):
                done.result()
                on_scan()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_scan(folder: Path, task: Task) -> None:
    """Render one scan and write its files under the category's folder."""
    scan, home, name = task.scan(), folder / task.split / task.kind, f"{task.index:03d}"
    for sub in ("rgb", "xyz", "gt") if task.split == "test" else ("rgb", "xyz"):
        (home / sub).mkdir(parents=True, exist_ok=True)
    Image.fromarray(scan.rgb).save(home / "rgb" / f"{name}.png", compress_level=1)
    xyz = home / "xyz" / f"{name}.tiff"
    tifffile.imwrite(xyz, scan.xyz, photometric="rgb", metadata=None)
    if task.split == "test":
        Image.fromarray(scan.gt).save(home / "gt" / f"{name}.png", compress_level=1)
