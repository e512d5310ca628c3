"""A clone elsewhere, without raw scans, features and models: it fetches what its change needs."""

from collections.abc import Callable, Iterator

import pytest

from testbed.clone import Project, stages_run
from testbed.s3_server import KEYS, s3_server

pytestmark = pytest.mark.e2e

VOTING = {"vote", "evaluate", "report"}
TRAINING = {"train_mfm", "train_mgm", "score"} | VOTING
Clone = Callable[[str], Project]
# Of the DVC remote; what no remote changes is tried with a folder alone.
EACH = pytest.mark.parametrize("cloned", ["folder", "S3"], indirect=True, scope="module")
FOLDER = pytest.mark.parametrize("cloned", ["folder"], indirect=True, scope="module")


def in_folder(origin: Project) -> None:
    remote = origin.root.with_name("remote")
    origin.dvc("remote", "add", "--default", "shared", str(remote))


def in_bucket(origin: Project, address: str) -> None:
    origin.dvc("remote", "add", "--default", "shared", "s3://shared/outs")
    origin.dvc("remote", "modify", "shared", "endpointurl", address)


@pytest.fixture(scope="module")
def cloned(
    request: pytest.FixtureRequest, finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clone]:
    """Makes clones of the finished project by name; its outs but the raw scans are shared."""
    folder = tmp_path_factory.mktemp("clones")
    environment = finished.environment | KEYS
    finished.run("git", "clone", "--quiet", str(finished.root), str(folder / "origin"))
    origin = Project(folder / "origin", environment)

    def clone(name: str) -> Project:
        origin.run("git", "clone", "--quiet", str(origin.root), str(folder / name))
        project = Project(folder / name, environment)
        project.dvc("pull", "evaluate", "rivals", "report")
        return project

    def share() -> None:
        origin.commit()
        cache = finished.root / ".dvc/cache"
        origin.dvc("cache", "dir", "--local", str(cache))
        stages = (*("prepare", "extract", "rivals"), *sorted(TRAINING))
        origin.dvc("push", *stages)

    if request.param == "folder":
        in_folder(origin)
        share()
        yield clone
        return
    pytest.importorskip("moto", reason="S3 needs the extra s3-tests")
    with s3_server(folder / "requests") as server:
        server.make_bucket("shared")
        in_bucket(origin, server.address)
        share()
        yield clone


def folders(project: Project) -> set[str]:
    """The folders of data/ that are there."""
    return {path.name for path in (project.root / "data").glob("*") if path.is_dir()}


@EACH
def test_a_change_of_the_vote_fetches_scores_and_votes_alone(cloned: Clone) -> None:
    project = cloned("vote")
    project.params(voting__rule="paper")
    output = project.dvc("repro", "--pull", "--allow-missing")
    assert stages_run(output) == VOTING
    assert not {"demo", "features"} & folders(project)
    assert (project.root / "reports/index.html").is_file()


@EACH
def test_a_change_of_the_training_fetches_features_and_no_raw_scan(cloned: Clone) -> None:
    project = cloned("training")
    project.params(model__lr=1e-3)
    output = project.dvc("repro", "--pull", "--allow-missing")
    assert stages_run(output) == TRAINING
    assert "demo" not in folders(project)


@FOLDER
def test_a_change_that_reaches_other_methods_needs_no_raw_scan(cloned: Clone) -> None:
    project = cloned("methods")
    project.params(voting__target_fpr=0.1, rivals__methods=["btf"])
    output = project.dvc("repro", "--pull", "--allow-missing")
    assert stages_run(output) == VOTING | {"rivals"}
    assert "demo" not in folders(project)


@FOLDER
def test_without_a_change_nothing_runs_and_the_report_can_be_fetched(cloned: Clone) -> None:
    project = cloned("same")
    assert stages_run(project.dvc("repro", "--pull", "--allow-missing")) == set()
    assert (project.root / "reports/index.html").is_file()
    assert "features" not in folders(project)
