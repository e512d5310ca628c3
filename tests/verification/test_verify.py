"""`mentor3ad verify`: what it says of a project, a bundle, an out, and of what is none of these."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mentor3ad.inspection.export import write_bundle
from mentor3ad.params.project import Project
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.seals.seal import read_seal, write_seal
from mentor3ad.verification.verify import verify
from stages.report import report
from testbed.clone import CATEGORY
from tests.tiny_project import write_params


@pytest.fixture(scope="module")
def whole(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project with its reports."""
    root = tmp_path_factory.mktemp("verify") / "project"
    shutil.copytree(tiny_project, root, ignore=shutil.ignore_patterns(".staging"))
    (root / "studies").mkdir()
    (root / "studies/best.json").write_text("{}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        report(load_params())
    return root


@pytest.fixture
def project(whole: Path, tmp_path: Path) -> Project:
    """A copy to change."""
    shutil.copytree(whole, tmp_path / "project", ignore=shutil.ignore_patterns("demo"))
    return Project(tmp_path / "project")


def test_a_finished_project_is_whole(whole: Path) -> None:
    found = verify(whole)
    assert found.findings == []
    assert str(found).startswith("10 outs with ")  # the anomaly maps are an out among the votes
    assert str(found).endswith(" files checked, all whole")


def states(project: Project) -> list[str]:
    return [one.state for one in verify(project.root).findings]


def test_a_damaged_file(project: Project) -> None:
    file = project.evaluation(CATEGORY) / "metrics.json"
    file.write_text(file.read_text().replace("0", "1", 1))
    (finding,) = verify(project.root).findings
    assert (finding.state, str(file) in finding.what) == ("damaged", True)


def test_a_file_that_the_machine_does_not_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be whole, so nothing says to delete it."""
    file, system_open = project.votes(CATEGORY) / "seal.json", os.open

    def refused(path: Any, *rest: Any, **options: Any) -> int:
        if os.fspath(path) == str(file):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(file))
        return system_open(path, *rest, **options)

    monkeypatch.setattr(os, "open", refused)
    first = verify(project.root).findings[0]
    assert (first.state, str(file) in first.what) == ("unreadable", True)
    assert "delete" not in first.what


def test_a_missing_out_and_a_missing_file(project: Project) -> None:
    shutil.rmtree(project.mfm(CATEGORY))
    (project.mgm(CATEGORY) / "loss.json").unlink()
    assert states(project) == ["missing", "missing"]


def test_a_file_of_others(project: Project) -> None:
    (project.votes(CATEGORY) / "notes.txt").write_text("mine")
    assert states(project) == ["foreign"]


def test_an_out_of_another_kind(project: Project) -> None:
    shutil.rmtree(project.mgm(CATEGORY))
    shutil.copytree(project.mfm(CATEGORY), project.mgm(CATEGORY))
    assert states(project) == ["foreign"]


def test_params_that_nothing_was_made_with(project: Project) -> None:
    write_params(project.root, {"voting.target_fpr": 0.25})
    (finding,) = verify(project.root).findings
    assert finding.state == "out of date"
    assert str(project.votes(CATEGORY)) in finding.what


def test_an_evaluation_that_the_reports_are_not_of(project: Project, whole: Path) -> None:
    folder = project.evaluation(CATEGORY)
    (folder / "metrics.json").write_text("{}")
    write_seal(folder, "eval", CATEGORY, read_seal(folder).made_from)
    assert states(project) == ["out of date"]


def test_a_bundle(project: Project, tmp_path: Path) -> None:
    write_bundle(project.root, CATEGORY, tmp_path / "bundle")
    assert verify(tmp_path / "bundle").findings == []
    (tmp_path / "bundle/.DS_Store").write_bytes(b"")
    assert [one.state for one in verify(tmp_path / "bundle").findings] == ["foreign"]
    (tmp_path / "bundle/voting.json").write_text("{}")
    assert [one.state for one in verify(tmp_path / "bundle").findings] == ["damaged"]


def test_a_store(project: Project) -> None:
    assert str(verify(project.features(CATEGORY))).startswith("1 out with ")


def test_what_is_nothing_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no project"):
        verify(tmp_path)
