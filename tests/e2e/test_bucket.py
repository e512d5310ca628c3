"""A project whose features lie in a bucket: the results of a local one, few bytes for others."""

import shutil
from pathlib import Path

import pytest

from mentor3ad.buckets.access import bucket_at
from testbed.clone import CATEGORY, Project, digest, stages_run
from testbed.s3_server import S3Server

pytestmark = pytest.mark.e2e

REMOTE = """[core]
    remote = shared
['remote "shared"']
    url = {}
"""
PUSHED = (
    *("prepare", "extract", "train_mfm", "train_mgm"),
    *("score", "vote", "evaluate", "rivals"),
)
FEATURES = Path("features") / f"{CATEGORY}.zarr"


@pytest.fixture(scope="module")
def moved(finished: Project, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the finished project, its features moved into a bucket, with a DVC remote."""
    folder = tmp_path_factory.mktemp("bucket")
    shutil.copytree(finished.root, folder / "moved", symlinks=True)
    project = Project(folder / "moved", finished.environment | s3.environment)
    (project.root / ".dvc/config.local").write_text(REMOTE.format(folder / "remote"))
    project.run("git", "checkout", "--quiet", "--force", "HEAD")  # whatever other tests left
    project.dvc("checkout", "--force")
    project.params(runtime__store=f"{s3.make_bucket('moved')}/lab")
    project.dvc("repro", "--force", "--single-item", f"extract@{CATEGORY}")
    return project


@pytest.fixture(scope="module")
def run(moved: Project) -> set[str]:
    """The stages that ran for the pointer in the place of the folder; all is pushed then."""
    stages = stages_run(moved.dvc("repro"))
    moved.commit()
    moved.dvc("push", *(f"{one}@{CATEGORY}" for one in PUSHED), "report")
    return stages


@pytest.fixture(scope="module")
def colleague(moved: Project, run: set[str]) -> Project:
    """A clone with the remote, and with the results that no change makes again."""
    place = moved.root.with_name("colleague")
    moved.run("git", "clone", "--quiet", str(moved.root), str(place))
    shutil.copyfile(moved.root / ".dvc/config.local", place / ".dvc/config.local")
    project = Project(place, moved.environment)
    project.dvc("pull", "evaluate", "rivals", "report")
    return project


def test_the_results_are_those_of_the_local_store(
    moved: Project, run: set[str], finished: Project, results: dict[str, dict[str, str]]
) -> None:
    """What reads the features runs again; its outs have the same bytes, and so no other stage."""
    assert run == {"train_mfm", "train_mgm", "score", "rivals"}
    for name in ("mfm", "mgm", "scores"):
        assert digest(moved.data(name)) == results[name]
    assert moved.data(str(FEATURES)).stat().st_size < 1000
    assert finished.data(str(FEATURES)).is_dir()


def test_a_whole_project_is_verified_in_the_bucket(moved: Project, run: set[str]) -> None:
    done = moved.run("python", "-m", "mentor3ad.cli", "verify", str(moved.data(str(FEATURES))))
    assert "1 out with" in done.stdout
    assert "all whole" in done.stdout


def test_a_change_of_the_vote_fetches_no_feature(colleague: Project, s3: S3Server) -> None:
    with colleague.changed(voting__rule="paper"), s3.requests() as requests:
        output = colleague.dvc("repro", "--pull", "--allow-missing")
    assert stages_run(output) == {"vote", "evaluate", "report"}
    assert requests == []


def test_a_change_of_the_training_fetches_the_training_shards(
    colleague: Project, s3: S3Server
) -> None:
    """Of three training scans, two a shard; and each of them once."""
    with colleague.changed(model__lr=1e-3), s3.requests() as requests:
        output = colleague.dvc("repro", "--pull", "--allow-missing", f"train_mfm@{CATEGORY}")
    assert stages_run(output) == {"train_mfm"}
    shards = [line.partition(".zarr/")[2] for line in requests if "/c/" in line]
    names = ("index", "rgb", "tokens", "weight")
    ends = {"index": "/0/0/0", "rgb": "/0/0/0", "tokens": "/0/0", "weight": "/0/0/0"}
    assert sorted(shards) == [f"{n}/c/{shard}{ends[n]}" for n in names for shard in (0, 1)]


def test_raw_scans_in_a_bucket_are_listed_once_and_status_asks_for_nothing(
    finished: Project, s3: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Both stages that read them depend on the inventory; what they make is that of local scans."""
    folder, url = tmp_path_factory.mktemp("raw"), s3.make_bucket("raw-scans")
    finished.run("git", "clone", "--quiet", str(finished.root), str(folder / "raw"))
    project = Project(folder / "raw", finished.environment | s3.environment)
    scans = finished.data("demo") / CATEGORY
    for path in scans.rglob("*"):
        if path.is_file():
            key = f"plant/{CATEGORY}/{path.relative_to(scans).as_posix()}"
            bucket_at(url).replace(key, path.read_bytes())
    place = {"data__root": "data/inventory", "data__bucket": f"{url}/plant"}
    project.params(demo__categories=[], data__in_bucket=[CATEGORY], **place)
    output = project.dvc("repro", f"prepare@{CATEGORY}")
    assert stages_run(output) == {"inventory", "prepare"}
    assert digest(project.data("prepared")) == digest(finished.data("prepared"))
    with s3.requests() as requests:
        assert f"prepare@{CATEGORY}" not in project.dvc("status", f"prepare@{CATEGORY}")
    assert requests == []
