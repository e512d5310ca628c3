"""A project of `mentor3ad new`, made once, of which each test gets a copy; and the wheel."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mentor3ad.project.create import create_project
from testbed.paths import ROOT

SOURCE = (
    *("pyproject.toml", "setup.py", "README.md", "LICENSE", "params.yaml", "dvc.yaml"),
    *(".dvcignore", ".dvc/config"),
)
FOLDERS = ("pipeline", "stages", ".dvc/plots")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, unpacked as pip would into site-packages."""
    base = tmp_path_factory.mktemp("wheel")
    for name in SOURCE:
        (base / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, base / "source" / name)
    skip = shutil.ignore_patterns("__pycache__")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, base / "source" / name, symlinks=True, ignore=skip)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", base, base / "source"], check=True, capture_output=True)
    [wheel] = base.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(base / "site-packages")
    return base / "site-packages"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "made"
    create_project(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "project")
