"""`mentor3ad doctor`: a line for each thing that is wrong, and an exit code that tells."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.doctor import examine as examining
from tests.tiny_project import write_params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_params(tmp_path, {})
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(examining, "find_in_machine", lambda root: iter(()))
    return tmp_path


def doctor(*options: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["doctor", *options])
    return done.exit_code, done.output.splitlines()


def test_a_sound_project(project: Path) -> None:
    assert doctor() == (0, ["nothing is wrong"])


def test_what_is_wrong_is_told_then_mended(project: Path) -> None:
    (project / ".dvc/tmp/rwlock").touch()
    code, lines = doctor()
    assert (code, len(lines)) == (1, 1)
    assert lines[0].endswith("(--fix does it)")
    code, lines = doctor("--fix")
    assert code == 0
    assert lines[0].startswith("mended: .dvc/tmp/rwlock is empty")
    assert doctor() == (0, ["nothing is wrong"])


def test_what_is_the_users_to_mend_stays(project: Path) -> None:
    with (project / "params.yaml").open("a") as file:
        file.write("\nfeature: {}\n")
    code, lines = doctor("--fix")
    assert code == 1
    assert lines == ["params.yaml: feature is not a known param; check its spelling"]


def test_another_folder_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor()[0] == 1
