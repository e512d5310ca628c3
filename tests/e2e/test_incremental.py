"""A plant's two good scans, then a third: what is extracted, and what a few shots rerun."""

import shutil
from pathlib import Path

import pytest

from testbed.clone import ALL_STAGES, Project, clone, digest, stages_run
from tests.raw_scans import write_data_set, write_scan

pytestmark = pytest.mark.e2e

STAGES = ALL_STAGES - {"generate"}


@pytest.fixture(scope="module")
def plant(source: Path) -> Project:
    """Two scans to train, no validation split, two to test; extracted once and committed."""
    write_data_set(source.with_name("two") / "raw")
    project = clone(source, "two", demo__categories=[], data__root="raw", data__categories=["disc"])
    output = project.dvc("repro", "extract")
    assert stages_run(output) == {"prepare", "extract"}, output
    assert "extract disc: 4 scans: 4 computed, 0 reused" in output
    project.commit()
    return project


@pytest.fixture(scope="module")
def added(plant: Project) -> str:
    """A scan more, between the other two in order."""
    write_scan(plant.root / "raw/disc/train/good", "000a", seed=9)
    output = plant.dvc("repro")
    plant.commit()
    return output


def test_an_added_scan_is_extracted_alone(added: str) -> None:
    assert stages_run(added) == STAGES
    assert "extract disc: 5 scans: 1 computed, 4 reused" in added


def test_a_temporary_experiment_reuses_the_workspaces_scans(plant: Project, added: str) -> None:
    output = plant.dvc("exp", "run", "--temp", "-S", "features.codec=raw", "extract@disc")
    assert "extract disc: 5 scans: 0 computed, 5 reused" in output


def test_a_run_from_scratch_gives_the_same_bytes(plant: Project, added: str) -> None:
    incremental = digest(plant.data("features"))
    shutil.rmtree(plant.root / ".staging")
    output = plant.dvc("repro", "--force", "--single-item", "extract@disc")
    assert "extract disc: 5 scans: 5 computed, 0 reused" in output
    assert digest(plant.data("features")) == incremental


def test_fewer_shots_train_again_and_extract_nothing(plant: Project, added: str) -> None:
    output = plant.dvc("exp", "run", "--temp", "-S", "data.shots=2", "train_mfm@disc")
    assert stages_run(output) == {"train_mfm"}


def test_more_shots_than_scans_are_one_sentence(plant: Project, added: str) -> None:
    with plant.changed(data__shots=9):
        done = plant.run("dvc", "repro", "train_mfm@disc", check=False)
    assert done.returncode != 0
    assert "error: data.shots = 9, but there are 3 training scans; lower it" in done.stdout
    assert "Traceback" not in done.stdout
