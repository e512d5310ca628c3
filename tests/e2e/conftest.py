"""The repository's pipeline, copied once, and a finished run of it."""

from pathlib import Path

import pytest

from testbed.clone import (
    ALL_STAGES,
    RESULTS,
    Project,
    clone,
    copy_pipeline,
    digest,
    stages_run,
)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's files, to be cloned."""
    copy = tmp_path_factory.mktemp("e2e") / "source"
    copy_pipeline(copy)
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
