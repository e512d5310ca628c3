"""Kills workers, nodes and drivers at random moments, and compares what is left with one machine's.

The driver is a process of its own: `python -m bench.cluster.kills FOLDER ADDRESS`.
"""

import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mentor3ad.engine.hired import hired
from mentor3ad.params.schema import Runtime, load_params
from testbed.paths import ROOT
from testbed.ray_nodes import Nodes, nodes

from .made_up import MadeUp, write

SHARDS = 48
SECONDS = 0.1  # a shard
NODES = 3


def runtime(address: str, workers: int) -> Runtime:
    """The shipped params' on a cluster, without a GPU."""
    changes = {"device": "cpu", "threads": 1, "engine": "ray"}
    where = {"address": address, "cluster_workers": workers}
    return load_params(ROOT / "params.yaml").runtime.model_copy(update=changes | where)


def drive(folder: Path, address: str) -> None:
    """Write the store of a trial."""
    work = MadeUp(SECONDS, folder / "begun")
    with hired(work, runtime(address, NODES), gpu=False) as workers:
        write(folder / "store", SHARDS, folder / "staging", workers)


def kills(trials: int, seed: int) -> list[str]:
    """Run trials with one kill each; return a line a trial, of which a wrong one says BROKEN."""
    rng = random.Random(seed)
    lines = []
    with tempfile.TemporaryDirectory() as name, nodes(NODES) as cluster:
        expected = write(Path(name) / "local", SHARDS, Path(name) / "own")
        for trial in range(trials):
            kind = rng.choice(list(KINDS))
            moment = rng.randrange(1, SHARDS)
            folder = Path(name) / str(trial)
            (folder / "begun").mkdir(parents=True)
            became = _trial(folder, cluster, kind, moment, expected)
            lines.append(f"{kind} killed after {moment} shards were begun: {became}")
            print(lines[-1], flush=True)
            cluster.fill(NODES)
            shutil.rmtree(folder)
    return lines


def _trial(folder: Path, cluster: Nodes, kind: str, moment: int, expected: Path) -> str:
    driver = _start(folder, cluster)
    while driver.poll() is None and len(list((folder / "begun").iterdir())) < moment:
        time.sleep(0.005)
    KINDS[kind](folder, cluster, driver)
    driver.wait()
    if kind == "driver":
        kept = len(list((folder / "staging").glob("*/done/*")))
        driver = _start(folder, cluster)
        driver.wait()
    if driver.returncode:
        return f"BROKEN: the driver ended with {driver.returncode}"
    begun = Counter(int(f.name.partition("-")[0]) for f in (folder / "begun").iterdir())
    again = sum(begun.values()) - SHARDS
    wrong = _differing(expected, folder / "store")
    told = f", {kept} kept by the next driver" if kind == "driver" else ""
    state = f"BROKEN: {wrong}" if wrong or len(begun) != SHARDS else "all files equal"
    return f"{state}, {again} shards begun again{told}"


def _start(folder: Path, cluster: Nodes) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.cluster.kills", str(folder), cluster.address]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def _kill_worker(folder: Path, cluster: Nodes, driver: subprocess.Popen[bytes]) -> None:
    newest = max((folder / "begun").iterdir(), key=lambda f: f.stat().st_mtime_ns)
    os.kill(int(newest.name.partition("-")[2]), signal.SIGKILL)


def _kill_node(folder: Path, cluster: Nodes, driver: subprocess.Popen[bytes]) -> None:
    cluster.kill()


def _kill_driver(folder: Path, cluster: Nodes, driver: subprocess.Popen[bytes]) -> None:
    driver.kill()


KINDS: dict[str, Callable[[Path, Nodes, subprocess.Popen[bytes]], None]] = {
    "worker": _kill_worker,
    "node": _kill_node,
    "driver": _kill_driver,
}


def _differing(expected: Path, found: Path) -> list[str]:
    """Files that are not the same in both folders."""
    names = {f.relative_to(root).as_posix() for root in (expected, found) for f in root.rglob("*")}
    files = sorted(name for name in names if not (expected / name).is_dir())
    return filecmp.cmpfiles(expected, found, files, shallow=False)[1] + [
        name for name in files if not ((expected / name).exists() and (found / name).exists())
    ]


if __name__ == "__main__":
    drive(Path(sys.argv[1]), sys.argv[2])
