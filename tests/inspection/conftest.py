"""A finished project, its bundle and its inspector, made once."""

from pathlib import Path

import pytest

from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.inspector import Inspector
from testbed.clone import CATEGORY


@pytest.fixture(scope="session")
def project(tiny_project: Path) -> Path:
    return tiny_project


@pytest.fixture(scope="session")
def test_scans(project: Path) -> Path:
    """The folder of the test split: two good scans, three defective ones."""
    return project / "data/demo" / CATEGORY / "test"


@pytest.fixture(scope="session")
def bundle(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / CATEGORY
    write_bundle(project, CATEGORY, out)
    return out


@pytest.fixture(scope="session")
def inspector(bundle: Path) -> Inspector:
    return Inspector.load(bundle, device="cpu")
