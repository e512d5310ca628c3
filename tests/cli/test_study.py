"""`mentor3ad study list`: whole or not, one sentence for what cannot be read."""

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with params, stages and one study."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    for name in ("params.yaml", "dvc.yaml", "studies/learning-rate.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    person = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "."], [*person, "commit", "-qm", "base"]):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def listed() -> tuple[str, str]:
    """What is printed, and the sentence of an error."""
    done = CliRunner().invoke(app, ["study", "list"])
    if done.exception is not None:
        assert isinstance(done.exception, ConfigError)
    return done.stdout, str(done.exception or "")


def test_a_study_is_a_row(project: Path) -> None:
    said, error = listed()
    assert "learning-rate" in said
    assert "0 of " in said
    assert error == ""


def test_an_incomplete_study_hides_no_other(project: Path) -> None:
    (project / "studies/broken.yaml").write_text("seeds: [0]\n")
    said, error = listed()
    assert "learning-rate" in said
    assert error.startswith("studies/broken.yaml: seeded is missing; tables is missing")


def test_a_folder_without_studies_says_so(project: Path) -> None:
    shutil.rmtree(project / "studies")
    assert listed() == ("studies has no study; docs/ablate.md shows how one is written\n", "")


def test_outside_a_project_the_folder_to_run_from_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert listed() == ("", "params.yaml is missing; run from the folder that holds it")
