"""The repository's pipeline, copied once, and a finished run of it."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.project import (
    ALL_STAGES,
    FILES,
    FOLDERS,
    RESULTS,
    Project,
    clone,
    digest,
    stages_run,
)
from tests.paths import ROOT


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's files as they are now, so that every clone is of the same code."""
    copy = tmp_path_factory.mktemp("e2e") / "source"
    for name in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "mentor3ad").symlink_to("pipeline")
    return copy


@pytest.fixture(scope="session")
def finished(source: Path) -> Project:
    """A project after one `dvc repro`, committed."""
    project = clone(source, "finished")
    output = project.dvc("repro")
    assert stages_run(output) == ALL_STAGES, output
    project.commit()
    return project


@pytest.fixture(scope="session")
def results(finished: Project) -> dict[str, dict[str, str]]:
    """Digests of every result, taken before any experiment."""
    folders = {name: digest(finished.data(name)) for name in RESULTS}
    return folders | {"reports": digest(finished.root / "reports")}
