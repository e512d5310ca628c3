"""Table V on this machine: scans a second and memory, of ours and of the rivals, on the same scans.

Each method is a process of its own, at the paper's settings. A scan is read from its files, and the
next begins when its decision is there. Features are extracted the same way for all methods; what a
rival adds are its scores and their smoothing. The memory is the most that the process had resident
while it inspected scans, after the methods were fitted or loaded.
"""

import contextlib
import ctypes
import json
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from bench.figures import Figure, Row, synchronise
from bench.harness import Bench
from bench.processes import run
from mentor3ad.compute.device import select_device
from mentor3ad.compute.process import configure_process
from mentor3ad.dataset.grid import SIZE
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.inspection.scans import find_scans
from mentor3ad.params.project import Project
from mentor3ad.params.schema import Params, load_params
from mentor3ad.rivals.compare import Comparison
from mentor3ad.rivals.join import smoothed_maps
from mentor3ad.rivals.methods import FITS
from mentor3ad.studies.speed import OURS
from testbed.paths import ROOT

RUNS = 12  # scans that count
DECISION = ("score", "vote")  # steps of ours that a rival does not take
MB = 1e6


def speed(bench: Bench) -> list[Row]:
    rows = []
    for name in (OURS, *FITS):
        out = bench.folder / f"speed-{name}.json"
        command = [sys.executable, "-m", "bench.speed", name, str(bench.paper.root), str(out)]
        run([*command, "--runs", str(bench.runs(RUNS))], ROOT)
        rows.append(Row(name, json.loads(out.read_text())))
    return rows


def figures(name: str, root: Path, runs: int) -> dict[str, Figure]:
    """Of one method in this process, on the test scans of a finished project."""
    params = load_params(root / "params.yaml")
    configure_process(params.runtime)
    category, device = params.data.categories[0], select_device(params.runtime)
    inspector = Inspector.load(root, category, device.type)
    scans = find_scans(root / params.data.root / category / "test", inspector.model).scans
    after = None if name == OURS else _rival(name, root, params, category, device)
    inspector.inspect_scan(scans[0])
    forget_peak(device)
    taken = []
    for scan in islice(cycle(scans), runs):
        start = time.perf_counter()
        done = inspector.inspect_scan(scan)
        if after is None:
            taken.append(time.perf_counter() - start)
            continue
        before = sum(done.seconds.values()) - sum(done.seconds.get(step, 0) for step in DECISION)
        start = time.perf_counter()
        after()
        synchronise(device)
        taken.append(before + time.perf_counter() - start)
    return {"scans_per_s": 1 / float(np.median(taken)), "memory_mb": peak_mb(device)}


def _rival(
    name: str, root: Path, params: Params, category: str, device: torch.device
) -> Callable[[], object]:
    """Fit a rival; returns its scores and smoothing of one test scan's features."""
    project = Project(root)
    prepared = project.prepared(category)
    scratch = root / ".staging"
    places = prepared, project.features(category), scratch
    comparison = Comparison(params, category, *places, device)
    rival = FITS[name](comparison.train, params, category)  # type: ignore[index]
    rows = Manifest.load(prepared).rows
    scan = comparison.scan(next(i for i, row in enumerate(rows) if row.split == "test"))

    def scores() -> object:
        maps = np.zeros((len(rival.maps), SIZE * SIZE), np.float32)
        maps[:, scan.features.foreground[0]] = rival.scores(scan, 0)
        return smoothed_maps(maps.reshape(-1, SIZE, SIZE), rival.join, params.voting.smoothing)

    scores()
    return scores


def forget_peak(device: torch.device) -> None:
    """Begin to count the most memory anew; where the system does not let it, go on counting.

    What fitting freed and the C library kept (`configure_process`) goes back to the system first:
    it would be counted as if it were in use.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with contextlib.suppress(OSError, TypeError, AttributeError):  # another library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("this system's peak memory includes fitting", file=sys.stderr)


def peak_mb(device: torch.device) -> float | None:
    """The most resident memory since `forget_peak`, or on a GPU the most allocated there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MB
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return 1024 * kilobytes / MB


def main(name: str, root: Path, out: Path, runs: Annotated[int, typer.Option()] = RUNS) -> None:
    out.write_text(json.dumps(figures(name, root, runs)))


if __name__ == "__main__":
    typer.run(main)
