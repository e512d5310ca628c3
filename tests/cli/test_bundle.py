"""`mentor3ad bundle`: which categories, and where they go."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mentor3ad.cli.main import app
from mentor3ad.plumbing.errors import ConfigError
from tests.paths import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of the demo's three categories, whose bundles are a file of a megabyte."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "data/deep").mkdir(parents=True)

    def write(root: Path, category: str, out: Path, with_backbones: bool) -> None:
        assert root.resolve() == tmp_path.resolve()
        out.mkdir(parents=True)
        (out / f"{category}.bin").write_bytes(bytes(1_000_000))

    monkeypatch.setattr("mentor3ad.inspection.export.write_bundle", write)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bundle(*arguments: str) -> list[str]:
    done = CliRunner().invoke(app, ["bundle", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def test_without_options_it_is_every_category_in_models(project: Path) -> None:
    assert bundle() == [
        "models/biscuit: biscuit, 1.0 MB",
        "models/clutch: clutch, 1.0 MB",
        "models/nectarine: nectarine, 1.0 MB",
        "next: mentor3ad predict SCANS --bundle models/biscuit",
        "or, with a page for the line: mentor3ad serve models",
    ]
    assert (project / "models/clutch/clutch.bin").is_file()


def test_from_a_folder_below_it_writes_into_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "data/deep")
    assert bundle("--category", "clutch")[0] == f"{project}/models/clutch: clutch, 1.0 MB"


def test_one_category_goes_to_the_very_folder(project: Path) -> None:
    assert bundle("--category", "clutch", "--out", "out/it") == ["out/it: clutch, 1.0 MB"]
    assert (project / "out/it/clutch.bin").is_file()


def test_several_go_below_a_folder_of_ones_own(project: Path) -> None:
    assert bundle("--out", "out")[1] == "out/clutch: clutch, 1.0 MB"


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"is a project, which has params\.yaml and dvc\.yaml"):
        bundle()
