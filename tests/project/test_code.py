"""The hashes of the code that an installed project depends on, and the check that a stage makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.plumbing.version import __version__
from mentor3ad.project import code
from testbed.paths import ROOT


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of one room and one stage."""
    place = tmp_path / "site-packages/mentor3ad"
    for name in ("voting/model.py", "voting/rules/paper.yaml", "stages/vote.py", "version.py"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(f"# {name}\n")
    monkeypatch.setattr(code, "PACKAGE", place)
    return place


def test_a_rooms_hash_is_of_every_file_and_its_name(package: Path) -> None:
    before = code.code_sha256("voting")
    (package / "voting/rules/paper.yaml").write_text("# other\n")
    edited = code.code_sha256("voting")
    (package / "voting/model.py").rename(package / "voting/models.py")
    assert len({before, edited, code.code_sha256("voting")}) == 3


def test_what_python_compiles_is_no_code(package: Path) -> None:
    before = code.code_sha256("voting")
    (package / "voting/__pycache__").mkdir()
    (package / "voting/__pycache__/model.cpython-311.pyc").write_bytes(b"")
    assert code.code_sha256("voting") == before


@pytest.mark.parametrize("name", ["stages/vote", "version"])
def test_a_file_has_a_hash_without_its_suffix(package: Path, name: str) -> None:
    before = code.code_sha256(name)
    (package / f"{name}.py").write_text("# other\n")
    assert None is not before != code.code_sha256(name)


def test_what_the_release_does_not_have_has_no_hash(package: Path) -> None:
    assert code.code_sha256("extraction") is None
    assert code.code_sha256("stages/extract") is None


def test_in_a_checkout_the_stages_are_beside_the_package() -> None:
    assert code.stages_folder().resolve() == ROOT / "stages"
    assert code.code_sha256("stages/extract") is not None


def test_a_checkout_has_nothing_to_check(tmp_path: Path) -> None:
    code.check_code(tmp_path)


def test_a_made_project_is_in_step(project: Path) -> None:
    code.check_code(project)


def test_other_code_is_one_sentence_that_names_the_rooms(project: Path) -> None:
    (project / ".mentor3ad/code/voting.sha256").write_text("0" * 64)
    (project / ".mentor3ad/code/gone.sha256").write_text("0" * 64)
    with pytest.raises(ConfigError) as caught:
        code.check_code(project)
    said = str(caught.value)
    assert f"mentor3ad {__version__} has other code in gone, voting than" in said
    assert "run `mentor3ad sync`" in said


def test_a_stage_refuses_to_start(project: Path) -> None:
    """Before it reads anything: DVC would record its results as those of other code."""
    (project / ".mentor3ad/code/demo.sha256").write_text("0" * 64)
    command = [sys.executable, "-m", "stages.generate", "--category", "biscuit"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "has other code in demo than" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "data/demo").exists()
