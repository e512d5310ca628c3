"""Start-up of the scripts, and `dvc repro` where there is nothing to do."""

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from bench.figures import Figure, Row, exponent
from bench.harness import Bench
from bench.processes import Usage, run
from bench.project import STAGES
from mentor3ad.params import project as paths
from mentor3ad.params.dag import DAG_FILE, load_dag
from testbed.clone import Project, clone, copy_pipeline

RAW_FILES = 150  # of a category: fifty scans of an image, a geometry and a mask
OUT_FILES = 8  # of every other out


def startup(bench: Bench) -> list[Row]:
    """Each script up to its help text: Python, imports and the command line.

    Two rows more are of a process that loads the networks of a preset, and ends.
    """
    commands = {"python": ["-c", "pass"], "mentor3ad": ["-m", "mentor3ad.cli", "--help"]}
    commands |= {stage: ["-m", f"stages.{stage}", "--help"] for stage in STAGES}
    commands |= {f"networks, {one}": ["-m", "bench.networks", one] for one in ("demo", "light")}
    return [Row(name, _start(command, bench)) for name, command in commands.items()]


def _start(command: list[str], bench: Bench) -> dict[str, Figure]:
    uses = [run([sys.executable, *command], bench.folder) for _ in range(bench.runs(2) + 1)][1:]
    peak = max(use.peak_rss for use in uses) / 1e6
    return {**_medians(uses), "peak_rss_mb": peak}


def no_op(bench: Bench) -> list[Row]:
    """Of projects whose outs are made-up files: `dvc` compares hashes, whatever they are of."""
    source = bench.folder / "dag" / "source"
    copy_pipeline(source)
    numbers = (1, 3) if bench.quick else (1, 3, 10)
    uses = {n: _no_op(source, n, bench.runs(3)) for n in numbers}
    rows = [Row(f"categories: {n}", dict(use)) for n, use in uses.items()]
    growth = exponent(numbers, [use["seconds"] for use in uses.values()])
    expected = "below 1: a constant, and 8 stages a category"
    return [*rows, Row("growth", {"expected": expected, "exponent": growth})]


def _no_op(source: Path, categories: int, runs: int) -> dict[str, float]:
    names = [f"part{i}" for i in range(categories)]
    project = clone(source, f"of-{categories}", demo__categories=names, data__categories=names)
    _make_outs(project, names)
    project.dvc("commit", "--force")
    output = project.dvc("repro")
    if "Running stage" in output:
        raise RuntimeError(f"`dvc repro` had something to do:\n{output}")
    command = [sys.executable, "-m", "dvc", "repro"]
    uses = [run(command, project.root, project.environment) for _ in range(runs)]
    return _medians(uses)


def _make_outs(project: Project, categories: list[str]) -> None:
    """Something at every out of dvc.yaml: a folder of files, or a file."""
    stages = load_dag(project.root / DAG_FILE).values()
    for stage, category in product(stages, categories):
        for name in [*stage.outs, *stage.metrics]:
            path = project.root / name.replace("${item.category}", category)
            _make_out(path, RAW_FILES if name.startswith(str(paths.Project().demo)) else OUT_FILES)


def _make_out(path: Path, files: int) -> None:
    if path.suffix in (".json", ".html"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
        return
    path.mkdir(parents=True, exist_ok=True)
    for i in range(files):
        (path / f"{i}.bin").write_bytes(f"{path.name} {i}".encode() * 100)


def _medians(uses: Sequence[Usage]) -> dict[str, float]:
    return {
        "seconds": float(np.median([use.seconds for use in uses])),
        "cpu_s": float(np.median([use.cpu_seconds for use in uses])),
    }
