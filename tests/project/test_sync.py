"""`mentor3ad sync`: a project of another release, brought in step with this one."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.plumbing.version import __version__
from mentor3ad.project.code import check_code, code_sha256
from mentor3ad.project.sync import sync_project

DAG, RECORD, PARAMS = "dvc.yaml", ".mentor3ad/release.json", "params.yaml"


def content(project: Path) -> dict[str, bytes]:
    files = (path for path in project.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def edit(path: Path, change: Callable[[str], str]) -> str:
    text = change(path.read_text())
    path.write_text(text)
    return text


def older_dag(project: Path) -> None:
    """As if the release before had no plots of the losses."""
    text = edit(project / DAG, lambda text: text.replace("  - MGM loss", "  - Loss of MGM"))
    record(project, lambda record: record["files"].update({DAG: sha256(text)}))


def record(project: Path, change: Callable[[dict], object]) -> None:
    content = json.loads((project / RECORD).read_text())
    change(content)
    (project / RECORD).write_text(json.dumps(content))


def test_nothing_changes_where_all_is_in_step(project: Path) -> None:
    before = content(project)
    done = sync_project(project)
    assert (done.code, done.files, done.added, done.dropped) == ((), (), (), ())
    assert content(project) == before


def test_a_changed_room_gets_its_hash_alone(project: Path) -> None:
    before = content(project)
    file = project / ".mentor3ad/code/voting.sha256"
    file.write_text("0" * 64)
    assert sync_project(project).code == ("voting",)
    assert file.read_text() == f"{code_sha256('voting')}\n"
    assert content(project) == before
    check_code(project)


def test_a_room_that_is_gone_leaves_no_hash(project: Path) -> None:
    file = project / ".mentor3ad/code/gone.sha256"
    file.write_text("0" * 64)
    assert sync_project(project).code == ("gone",)
    assert not file.exists()


def test_the_releases_dag_takes_the_place_of_the_former_ones(project: Path) -> None:
    before = (project / DAG).read_text()
    older_dag(project)
    assert sync_project(project).files == (DAG,)
    assert (project / DAG).read_text() == before


def test_an_edit_of_the_users_stays_where_the_release_changed_nothing(project: Path) -> None:
    text = edit(project / DAG, lambda text: f"{text}  - reports/more\n")
    assert sync_project(project).files == ()
    assert (project / DAG).read_text() == text


def test_an_edit_against_the_releases_is_refused_before_anything_is_written(project: Path) -> None:
    older_dag(project)
    edit(project / DAG, lambda text: f"{text}  - reports/more\n")
    (project / ".mentor3ad/code/voting.sha256").write_text("0" * 64)
    before = content(project)
    with pytest.raises(ConfigError, match=r"dvc\.yaml: you have edited .* sync --replace"):
        sync_project(project)
    assert content(project) == before
    assert sync_project(project, replace=True).files == (DAG,)
    assert "reports/more" not in (project / DAG).read_text()


def test_a_lost_file_comes_back(project: Path) -> None:
    (project / ".dvc/plots/roc_by_category.json").unlink()
    assert sync_project(project).files == (".dvc/plots/roc_by_category.json",)


def test_params_of_another_release_keep_their_values(project: Path) -> None:
    def older(text: str) -> str:
        text = text.replace("  lr: 0.003 ", "  lr: 1e-05 ").replace("  holdout: 0.2 ", "  cut: 9 ")
        return text.replace("  - biscuit\n  - clutch\n  - nectarine\n", "  - biscuit\n")

    edit(project / PARAMS, older)
    with pytest.raises(ConfigError, match=r"model\.holdout is missing"):
        load_params(project / PARAMS)
    record(project, lambda record: record.update(params="0" * 64, release="0.0.9"))
    done = sync_project(project)
    assert (done.before, done.after) == ("0.0.9", __version__)
    assert (done.added, done.dropped) == (("model.holdout",), ("model.cut",))
    params = load_params(project / PARAMS)
    assert (params.model.lr, params.model.holdout) == (1e-05, 0.2)
    assert params.data.categories == ["biscuit"]
    assert "# Adam's learning rate" in (project / PARAMS).read_text()


def test_a_misspelt_key_is_left_to_its_user(project: Path) -> None:
    """Of the same release: nothing has been added or dropped."""
    text = edit(project / PARAMS, lambda text: text.replace("  lr: ", "  lrr: "))
    sync_project(project)
    assert (project / PARAMS).read_text() == text


def test_a_folder_that_is_no_project_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"release\.json is missing: run `mentor3ad sync` in"):
        sync_project(tmp_path)


def test_a_damaged_record_is_one_sentence(project: Path) -> None:
    (project / RECORD).write_text("{")
    with pytest.raises(ConfigError, match=r"release\.json is damaged .* git checkout"):
        sync_project(project)


def test_the_command_tells_what_it_did(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / ".mentor3ad/code/voting.sha256").write_text("0" * 64)
    said = CliRunner().invoke(app, ["sync"], catch_exceptions=False).stdout.splitlines()
    assert said[0] == "other code: voting"
    assert said[-1] == f"the project is in step with mentor3ad {__version__}"
    assert subprocess.run(["git", "diff", "--quiet"], cwd=project).returncode == 0
