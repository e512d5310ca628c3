"""Runs a study's experiments side by side on a cluster, and compares its table with one machine's.

Both run on the same small project with light networks; the experiments train with two rates.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from testbed.clone import Project, clone, copy_pipeline, stages_run
from testbed.ray_nodes import nodes

NODES = 2
LIGHT: dict[str, Any] = {
    "features__rgb__model": "tf_efficientnet_lite0",
    "features__rgb__size": 64,
    "features__points__model": "normals",
    "features__points__normals__size": 64,
    "rivals__methods": [],
    "runtime__device": "cpu",
    "runtime__threads": 1,
}
STUDY = """# two rates
preset: demo
seeds: [0]
seeded: [model.seed]
set: {evaluate.panels: 0}
tables:
  - title: Rates
    paper: VI
    metrics: [i_auroc, p_auroc]
    rows:
      - {name: slow, set: {model.lr: 0.001}}
      - {name: fast, set: {model.lr: 0.002}}
"""


def study() -> list[str]:
    """Run it twice; return a line a place, and one that says BROKEN where the tables differ."""
    with tempfile.TemporaryDirectory(prefix="mentor3ad-bench-") as name, nodes(NODES) as cluster:
        copy_pipeline(Path(name) / "source")
        local = clone(Path(name) / "source", "local", **LIGHT)
        (local.root / "studies/rates.yaml").write_text(STUDY, encoding="utf-8")
        local.dvc("repro")
        local.commit()
        shutil.copytree(local.root, Path(name) / "remote", symlinks=True)
        remote = Project(Path(name) / "remote", local.environment)
        place = {"runtime__engine": "ray", "runtime__address": cluster.address}
        remote.params(**place, runtime__cluster_workers=1)
        remote.commit()
        lines = [_run("this machine", local), _run(f"{NODES} nodes", remote)]
        expected, found = (_table(project) for project in (local, remote))
        state = f"BROKEN:\n{expected}\n{found}" if expected != found else "equal"
        return [*lines, f"tables of {len(found.splitlines()) - 1} rows: {state}"]


def _run(where: str, project: Project) -> str:
    start = time.perf_counter()
    command = ("python", "-m", "mentor3ad.cli", "study")
    project.run(*command, "run", "rates", "--jobs", "2")
    seconds = time.perf_counter() - start
    project.run(*command, "show", "rates")
    logs = (project.root / "reports/studies/logs").glob("*.log")
    stages = sum(len(stages_run(log.read_text(encoding="utf-8"))) for log in logs)
    return f"study run --jobs 2 on {where}: {stages} stages, {seconds:.0f} s"


def _table(project: Project) -> str:
    return (project.root / "reports/studies/rates.csv").read_text(encoding="utf-8")
