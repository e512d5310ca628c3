"""The engine on a Ray cluster of two nodes: whatever is killed, every unit is done once."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra cluster is not installed")

from mentor3ad.buckets.access import bucket_at
from mentor3ad.buckets.pointer import Pointer
from mentor3ad.engine.cluster import Shape
from mentor3ad.engine.hired import hired
from mentor3ad.engine.work import Seat, Unit
from mentor3ad.inspection.bulk import predict_parts
from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.inspector import Inspector
from mentor3ad.params.schema import Params, Runtime, load_params
from mentor3ad.plumbing.errors import ClusterError, DataError, WeightsError
from stages.extract import extract
from stages.inventory import inventory
from stages.prepare import prepare
from stages.score import score
from stages.train_mfm import train_mfm
from testbed.ray_nodes import Nodes, nodes
from testbed.s3_server import S3Server
from tests.engine.works import Squares
from tests.paths import ROOT
from tests.tiny_project import CATEGORY, LIGHT, write_params

NETWORKS = LIGHT | {"features.shard": 1}
RUNTIME = {"device": "cpu", "threads": 1, "engine": "ray", "cluster_workers": 2}


@pytest.fixture(scope="module")
def cluster(s3: S3Server) -> Iterator[Nodes]:
    """Two nodes, which find the S3 server by the environment that they are started in."""
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


def finished(run: subprocess.Popen[str]) -> None:
    run.communicate()
    assert run.returncode == 0


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


def on_ray(root: Path, runtime: Runtime, workers: int = 1, **values: Any) -> Params:
    """Have the project use the cluster; a worker less is an import of torch less."""
    there = runtime.model_dump() | {"cluster_workers": workers}
    own = {key.replace("__", "."): value for key, value in values.items()}
    write_params(root, NETWORKS | {f"runtime.{k}": v for k, v in there.items()} | own)
    return load_params(root / "params.yaml")


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
    project: Path,
    runtime: Runtime,
    cluster: Nodes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its driver is killed after three shards, and of the next one a node."""
    monkeypatch.chdir(project)
    on_ray(project, runtime)
    shutil.rmtree("data/features")
    shutil.rmtree(".staging")
    first = start(project, "-c", KILLED, CATEGORY)
    first.communicate()
    assert first.returncode == -signal.SIGKILL

    def kill() -> None:
        until = time.monotonic() + 60
        while len(list(Path(".staging").glob("*/done/*"))) < 6 and time.monotonic() < until:
            time.sleep(0.01)
        cluster.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    extract(on_ray(project, runtime, 2), CATEGORY)
    killer.join()
    assert "3 kept from an interrupted run" in capsys.readouterr().out
    assert files(project / "data/features") == files(project / "local/features")


def test_workers_fetch_raw_scans_from_a_bucket_and_put_features_there(
    project: Path, runtime: Runtime, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project / "data/demo", f"{bucket}/plant")
    raw = {"data__bucket": f"{bucket}/plant", "data__in_bucket": [CATEGORY]}
    place = {"data__root": "data/inventory", "runtime__store": f"{bucket}/lab"}
    monkeypatch.chdir(tmp_path)
    params = on_ray(tmp_path, runtime, **raw, **place)
    for stage in (inventory, prepare, extract):
        stage(params, CATEGORY)
    assert files(Path("data/prepared")) == files(project / "local/prepared")
    there = Pointer.load(Path(f"data/features/{CATEGORY}.zarr")).bucket
    found = {entry.key: there.read(entry.key) for entry in there.entries()}
    assert found == files(project / f"local/features/{CATEGORY}.zarr")


@pytest.mark.parametrize(("stage", "out"), [(train_mfm, "mfm"), (score, "scores")])
def test_other_stages_make_the_bytes_of_one_machine(
    project: Path,
    runtime: Runtime,
    stage: Callable[[Params, str], Any],
    out: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project)
    shutil.rmtree(project / "data" / out)
    stage(on_ray(project, runtime), CATEGORY)
    assert files(project / "data" / out) == files(project / "local" / out)


def test_prediction_of_a_bucket_finds_what_one_machine_finds_in_a_folder(
    project: Path, runtime: Runtime, bucket: str, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    bundle, scans = tmp_path / "bundle", project / "data/demo" / CATEGORY / "test"
    write_bundle(project, CATEGORY, bundle)
    put(scans, f"{bucket}/line")
    inspector = Inspector.load(bundle, device="cpu")
    there = runtime.model_copy(update={"cluster_workers": 1})
    local = predict_parts(inspector, bundle, str(scans), str(tmp_path / "local"))
    found = predict_parts(
        *(inspector, bundle, f"{bucket}/line", str(tmp_path / "cluster")), runtime=there
    )
    assert found == local
    each = []
    for out in ("local", "cluster"):
        parts = sorted((tmp_path / out).iterdir())
        rows = [row for part in parts for row in parquet.read_table(part).to_pylist()]
        each.append([row | {"seconds": None, "time": None, "source": None} for row in rows])
    assert each[0] == each[1]


def put(folder: Path, url: str) -> None:
    for name, content in files(folder).items():
        bucket_at(url).replace(name, content)
