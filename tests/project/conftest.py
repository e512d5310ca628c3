"""A project of `mentor3ad new`, made once; each test gets a copy."""

import shutil
from pathlib import Path

import pytest

from mentor3ad.project.create import create_project


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "made"
    create_project(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "project")
