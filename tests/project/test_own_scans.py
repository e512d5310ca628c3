"""From a plant's folder to a bundle in three commands of the installed package, and a decision."""

import json
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.demo.scan import render_scan, scan_seed
from mentor3ad.project.create import create_project
from testbed.clone import Project, isolated
from tests.raw_scans import write_png, write_points

pytestmark = pytest.mark.e2e

SMALL = {  # what would take minutes; the weights are not on every machine
    "data.foreground.cluster_min_points": 8,  # of 96 pixels a side
    "features.shard": 4,
    "features.rgb.size": 96,
    "features.rgb.weights": "random",
    "features.points.normals.size": 96,
    "features.points.weights": "random",
    "model.mfm.steps": 5,
    "model.mgm.steps": 5,
    "model.memory.rows": 64,
    "evaluate.panels": 1,
    "voting.unlike_fpr": None,  # which six scans cannot tell
}
COUNT = 6


def write_biscuit(folder: Path, name: str, index: int, defect: str | None = None) -> None:
    """A generated biscuit as a sensor of a plant writes it: in millimetres."""
    scan = render_scan("biscuit", scan_seed(0, "biscuit", "plant", index), 96, defect)
    write_png(folder / f"{name}.png", scan.rgb)
    write_points(folder / f"{name}.tiff", scan.xyz * np.float32(1000))


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good scans right in a folder that nobody may write to, with files of other kinds."""
    folder = tmp_path_factory.mktemp("plant") / "Biscuits Line 2"
    for i in range(COUNT):
        write_biscuit(folder, f"IMG_{i:03d}", i)
    (folder / "shift log.txt").write_text("all good")
    (folder / ".DS_Store").touch()
    folder.chmod(0o555)
    return folder


@pytest.fixture(scope="module")
def work(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder outside of any repository, and the environment of a user without a checkout."""
    environment = isolated(tmp_path_factory.mktemp("home")) | {"PYTHONPATH": str(installed)}
    return Project(tmp_path_factory.mktemp("work"), environment)


def mentor3ad(place: Project, *arguments: str) -> str:
    return place.run("python", "-m", "mentor3ad.cli", *arguments).stdout


def test_from_a_folder_to_a_bundle_and_a_decision(
    work: Project, plant: Path, tmp_path: Path
) -> None:
    said = mentor3ad(work, "new", "station", "--from", str(plant))
    assert f"data.layout: loose: scans lie right in {plant}" in said
    assert "data.units: mm: coordinates are in millimetres" in said
    assert "\n0 errors, 0 warnings\n" in said

    station = Project(work.root / "station", work.environment)
    station.params(**{key.replace(".", "__"): value for key, value in SMALL.items()})
    below = Project(station.root / "data", work.environment)
    said = mentor3ad(below, "train")
    assert "9 stages ran in " in said
    assert "4 learned from, 1 for the threshold" in said
    assert "1 scan for the threshold cannot promise the 5.0% of voting.target_fpr, only 50" in said
    assert "ERROR" not in said

    said = mentor3ad(station, "train")
    assert said.startswith("nothing had to run: 9 stages up to date\n")

    said = mentor3ad(station, "bundle")
    assert said.startswith("models/Biscuits Line 2: Biscuits Line 2, ")
    write_biscuit(tmp_path / "new", "good", 90)
    write_biscuit(tmp_path / "new", "bad", 91, "break")
    model = str(station.root / "models/Biscuits Line 2")
    done = work.run(
        *("python", "-m", "mentor3ad.cli", "predict", str(tmp_path / "new"), "--bundle", model),
        check=False,
    )
    assert done.returncode in (0, 3), done.stdout  # untrained networks may find it or not
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [line["id"] for line in lines] == ["bad", "good"]
    assert {line["status"] for line in lines} <= {"good", "defective"}


def test_a_scan_that_breaks_off_stops_the_training_with_one_sentence(
    work: Project, tmp_path: Path
) -> None:
    for i in range(3):
        write_biscuit(tmp_path / "nuts", str(i), i)
    own = {"data.layout": "loose", "data.units": "mm"}
    create_project(work.root / "broken", "light", tmp_path, ["nuts"], own)
    cloud = tmp_path / "nuts/1.tiff"
    cloud.write_bytes(cloud.read_bytes()[:1000])
    broken = Project(work.root / "broken", work.environment)
    done = broken.run("python", "-m", "mentor3ad.cli", "train", check=False)
    assert done.returncode == 1
    told = done.stdout.splitlines()
    assert told[0] == "prepare nuts"
    assert told[-1].startswith(f"error: prepare of nuts stopped: {cloud}")
    assert told[-1].endswith("; `mentor3ad train` goes on there")
    assert len(told) == 2
