"""The engine on a Ray cluster of two nodes: whatever is killed, every unit is done once."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra cluster is not installed")

from mentor3ad.engine.cluster import Shape
from mentor3ad.engine.hired import hired
from mentor3ad.engine.work import Seat, Unit
from mentor3ad.inspection.export import write_bundle
from mentor3ad.params.schema import Params, Runtime
from mentor3ad.plumbing.errors import ClusterError, DataError, WeightsError
from testbed.ray_nodes import Nodes, nodes
from tests.engine.works import Squares
from tests.paths import ROOT
from tests.tiny_project import CATEGORY, write_params

SMALL = {"model": "tf_efficientnet_lite0", "size": 64}
NETWORKS = {
    "features.rgb.model": SMALL["model"],
    "features.rgb.size": SMALL["size"],
    "features.points.model": "normals",
    "features.points.normals.size": SMALL["size"],
    "features.shard": 1,
}
RUNTIME = {"device": "cpu", "threads": 1, "engine": "ray", "cluster_workers": 2}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with nodes(2) as running:
        yield running


@pytest.fixture
def runtime(params: Params, cluster: Nodes) -> Runtime:
    cluster.fill(2)
    return params.runtime.model_copy(update=RUNTIME | {"address": cluster.address})


def squares(work: Squares, runtime: Runtime, count: int) -> dict[int, int]:
    with hired(work, runtime, gpu=False) as workers:
        found = list(workers.results(Unit(i, i, f"shard {i}") for i in range(count)))
    assert len(found) == len(dict(found)), "a unit came twice"
    return dict(found)


def wait_for(folder: Path, count: int) -> list[Path]:
    """The files of a folder once there are so many."""
    until = time.monotonic() + 60
    while len(found := sorted(folder.iterdir(), key=lambda f: f.stat().st_mtime_ns)) < count:
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def test_a_killed_worker_and_a_killed_node(
    runtime: Runtime, cluster: Nodes, tmp_path: Path
) -> None:
    def kill() -> None:
        newest = wait_for(tmp_path, 4)[-1]
        os.kill(int(newest.name.partition("-")[2]), signal.SIGKILL)
        wait_for(tmp_path, 10)
        cluster.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    found = squares(Squares(tmp_path, seconds=0.2), runtime, 30)
    killer.join()
    assert found == {i: i * i for i in range(30)}


def test_an_item_that_ends_every_worker_is_named(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="3 workers were lost while at work on shard 2"):
        squares(Squares(tmp_path, deadly=2), runtime, 5)
    # More, where a worker is lost before the end of the item that it had done is told.
    assert 3 <= len(list(tmp_path.glob("2-*"))) <= 5


def test_an_item_at_fault_ends_the_run_with_its_sentence(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^scan 3 has no points: scan it again$"):
        squares(Squares(tmp_path, bad=3), runtime, 5)


def test_a_worker_that_cannot_begin_ends_the_run_with_its_sentence(
    runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=r"^dino.safetensors is not there: give its path$"):
        squares(Squares(tmp_path, broken=True), runtime, 5)


def test_workers_that_differ_are_refused(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"\(127\.0\.0\.\d+\) computes with another torch than"):
        squares(Squares(tmp_path, seconds=0.5, own=True), runtime, 40)


@pytest.mark.parametrize(
    ("values", "resources", "workers", "seat"),
    [
        ({}, {"CPU": 8.0}, 8, Seat("cpu", 1)),
        ({"threads": 4}, {"CPU": 9.0}, 2, Seat("cpu", 4)),
        ({"cluster_workers": 5}, {"CPU": 8.0}, 5, Seat("cpu", 1)),
        ({}, {"CPU": 64.0, "GPU": 8.0}, 8, Seat("cuda", 8)),
        ({"threads": 3}, {"CPU": 64.0, "GPU": 8.0}, 8, Seat("cuda", 3)),
        ({"device": "cpu"}, {"CPU": 64.0, "GPU": 8.0}, 64, Seat("cpu", 1)),
    ],
)
def test_workers_and_their_threads_come_from_the_params(
    params: Params, values: dict, resources: dict, workers: int, seat: Seat
) -> None:
    """Ray would set a worker's OMP_NUM_THREADS by the cores that it gives."""
    runtime = params.runtime.model_copy(
        update={"device": "auto", "threads": None, "cluster_workers": None} | values
    )
    assert Shape.of(runtime, resources, gpu=True) == Shape(workers, seat)


def test_no_cluster_at_the_address_is_one_sentence(params: Params, tmp_path: Path) -> None:
    nowhere = params.runtime.model_copy(update=RUNTIME | {"address": "127.0.0.2:1"})
    with pytest.raises(ClusterError, match=r"'127\.0\.0\.2:1': no Ray cluster can be used there"):
        squares(Squares(tmp_path), nowhere, 1)


SEVERAL = """
import sys
from importlib import import_module
from mentor3ad.compute.process import configure_process
from mentor3ad.params.schema import load_params
params, category, *names = load_params(), *sys.argv[1:]
configure_process(params.runtime)
for name in names:
    getattr(import_module(f"stages.{name}"), name)(params, category)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A category that is prepared, and extracted on this machine alone."""
    root = tmp_path_factory.mktemp("project")
    write_params(root, NETWORKS)
    stages = ("generate", "prepare", "extract", "train_mfm", "train_mgm", "score", "vote")
    finished(start(root, "-c", SEVERAL, CATEGORY, *stages))
    shutil.copytree(root / "data", root / "local")
    return root


def finished(run: subprocess.Popen[str]) -> str:
    said, _ = run.communicate()
    assert run.returncode == 0
    return said


def stage(root: Path, name: str) -> subprocess.Popen[str]:
    return start(root, "-m", f"stages.{name}", "--category", CATEGORY)


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    found = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in found}


def on_ray(root: Path, runtime: Runtime) -> None:
    write_params(root, NETWORKS | {f"runtime.{k}": v for k, v in runtime.model_dump().items()})


KILLED = """
import os, signal, sys
from mentor3ad.publishing import writer
write, written = writer._write_shard, []
def counted(*shard):
    write(*shard)
    written.append(shard)
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
writer._write_shard = counted
from mentor3ad.params.schema import load_params
from stages.extract import extract
extract(load_params(), sys.argv[1])
"""


def test_extraction_makes_the_bytes_of_one_machine(
    project: Path, runtime: Runtime, cluster: Nodes
) -> None:
    """Its driver is killed after three shards, and of the next one a node."""
    on_ray(project, runtime)
    shutil.rmtree(project / "data/features")
    shutil.rmtree(project / ".staging")
    first = start(project, "-c", KILLED, CATEGORY)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    second = stage(project, "extract")
    while second.poll() is None and marks(project) < 6:
        time.sleep(0.01)
    cluster.kill()
    assert "3 kept from an interrupted run" in finished(second)
    assert files(project / "data/features") == files(project / "local/features")


def marks(root: Path) -> int:
    return len(list((root / ".staging").glob("*/done/*")))


@pytest.mark.parametrize(("name", "out"), [("train_mfm", "mfm"), ("score", "scores")])
def test_other_stages_make_the_bytes_of_one_machine(
    project: Path, runtime: Runtime, name: str, out: str
) -> None:
    on_ray(project, runtime)
    shutil.rmtree(project / "data" / out)
    finished(stage(project, name))
    assert files(project / "data" / out) == files(project / "local" / out)


def test_prediction_of_a_folder_finds_what_one_machine_finds(
    project: Path, runtime: Runtime, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    bundle = tmp_path / "bundle"
    write_bundle(project, CATEGORY, bundle)
    scans = project / "data/demo" / CATEGORY / "test"
    command = ("-m", "mentor3ad.cli", "predict", str(scans), "--bundle", str(bundle), "--parquet")
    found = {}
    for name, where in (("local", ()), ("cluster", ("--cluster", str(runtime.address)))):
        out = tmp_path / name
        run = start(project, *command, "--out", str(out), "--device", "cpu", *where)
        said, _ = run.communicate()
        assert run.returncode in (0, 3, 6)
        rows = [
            row for file in sorted(out.iterdir()) for row in parquet.read_table(file).to_pylist()
        ]
        found[name] = said, [row | {"seconds": None, "time": None} for row in rows]
    assert found["cluster"] == found["local"]
