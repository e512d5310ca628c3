"""Runs the demo on a cluster and a bucket, and compares all that it makes with one machine's.

Two projects have the shipped params and one category, with networks of the paper's size. The first
one runs on this machine alone. The second one has its raw scans and its features in a bucket, which
the workers on two nodes read and write themselves.
"""

import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mentor3ad.buckets.access import bucket_at
from mentor3ad.buckets.pointer import Pointer
from testbed.clone import CATEGORY, TINY, Project, clone_as_shipped, copy_pipeline, stages_run
from testbed.environment import environment
from testbed.ray_nodes import nodes
from testbed.s3_server import s3_server

NODES = 2
RAW = "plant"  # the place of raw scans in the bucket
OUTS = ("prepared", "mfm", "mgm", "scores", "votes", "eval", "rivals")  # folders of data/
METRICS = "reports/metrics.json"


def repro(small: bool) -> list[str]:
    """Run both projects; return a line for each thing that is compared, a wrong one says BROKEN.

    Args:
        small: with few and small scans, and short trainings: to see that it runs.
    """
    own = {key.replace(".", "__"): value for key, value in (TINY if small else {}).items()}
    own |= {"data__categories": [CATEGORY], "runtime__device": "cpu", "runtime__threads": 1}
    with tempfile.TemporaryDirectory(prefix="mentor3ad-bench-") as name:
        source, lines = Path(name) / "source", list[str]()
        copy_pipeline(source)
        local = clone_as_shipped(source, "local", **own | {"demo__categories": [CATEGORY]})
        lines.append(_timed("this machine", local))
        with (
            s3_server(Path(name) / "requests") as s3,
            environment(s3.environment),
            nodes(NODES) as cluster,
        ):
            url = s3.make_bucket("cluster")
            _put_scans(local, f"{url}/{RAW}")
            remote = clone_as_shipped(source, "cluster", **own | _places(url, cluster.address))
            with s3.requests() as requests:
                lines.append(_timed(f"{NODES} nodes", remote))
            lines += [_traffic(requests), _stores(local, remote)]
        lines += [_folders(out, local.data(out), remote.data(out)) for out in OUTS]
        return [*lines, _metrics(local, remote)]


def _put_scans(local: Project, url: str) -> None:
    """Put the first project's raw scans into the bucket."""
    scans, plant = local.data("demo"), bucket_at(url)
    for path in filter(Path.is_file, scans.rglob("*")):
        plant.replace(path.relative_to(scans).as_posix(), path.read_bytes())


def _places(url: str, address: str) -> dict[str, Any]:
    """The params of the second project that name the cluster and the places in the bucket."""
    raw = {"root": "data/inventory", "bucket": f"{url}/{RAW}", "in_bucket": [CATEGORY]}
    runtime = {"engine": "ray", "address": address, "store": f"{url}/lab"}
    sections: dict[str, dict[str, Any]] = {
        "demo": {"categories": []},
        "data": raw,
        "runtime": runtime,
    }
    return {
        f"{name}__{k}": value for name, section in sections.items() for k, value in section.items()
    }


def _timed(where: str, project: Project) -> str:
    start = time.perf_counter()
    stages = stages_run(project.dvc("repro"))
    return f"dvc repro on {where}: {len(stages)} stages, {time.perf_counter() - start:.0f} s"


def _traffic(requests: list[str]) -> str:
    kinds = Counter((line.split()[0], f"/{RAW}/" in line) for line in requests)
    return (
        f"requests: {kinds['GET', True]} GET of raw scans, {kinds['GET', False]} GET and "
        f"{kinds['PUT', False]} PUT of the store"
    )


def _stores(local: Project, remote: Project) -> str:
    """Compare the objects that the pointer leads to with the files of the local store."""
    name = f"features/{CATEGORY}.zarr"
    place = Pointer.load(remote.data(name)).bucket
    return _compared(
        "features", _contents(local.data(name)), {e.key: place.read(e.key) for e in place.entries()}
    )


def _folders(what: str, expected: Path, found: Path) -> str:
    return _compared(what, _contents(expected), _contents(found))


def _contents(folder: Path) -> dict[str, bytes]:
    files = filter(Path.is_file, folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _compared(what: str, expected: dict[str, bytes], found: dict[str, bytes]) -> str:
    names = expected.keys() | found.keys()
    wrong = sorted(name for name in names if expected.get(name) != found.get(name))
    size = sum(map(len, expected.values())) / 1e6
    state = f"BROKEN: {', '.join(wrong)}" if wrong or not names else "all equal"
    return f"{what}: {len(expected)} files, {size:.1f} MB: {state}"


def _metrics(local: Project, remote: Project) -> str:
    expected, found = ((project.root / METRICS).read_text() for project in (local, remote))
    if expected != found:
        return f"metrics: BROKEN: {expected} here, {found} there"
    shown = ", ".join(f"{name} {value}" for name, value in json.loads(expected)["mean"].items())
    return f"metrics: equal to the digit: {shown}"
