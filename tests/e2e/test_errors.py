"""A plant's own data with mistakes in it: one sentence each, and no out."""

from pathlib import Path

import numpy as np
import pytest

from testbed.clone import Project, clone, digest
from tests.raw_scans import disc_points, write_data_set, write_points

pytestmark = pytest.mark.e2e


BAD = ("truncated", "nan", "unpaired")


@pytest.fixture(scope="module")
def plant(source: Path) -> Project:
    """Discs, one category whole and one of each mistake; weights that are not there."""
    root = source.with_name("plant")
    for category in ("disc", *BAD):
        write_data_set(root / "raw", category)
    photo = root / "raw/truncated/train/good/rgb/001.png"
    photo.write_bytes(photo.read_bytes()[:-2000])
    points = disc_points(100, 90)
    points[50, 40, 2] = np.nan
    write_points(root / "raw/nan/test/bump/xyz/000.tiff", points)
    (root / "raw/unpaired/test/good/xyz/000.tiff").unlink()
    return clone(
        source,
        "plant",
        demo__categories=[],
        data__root="raw",
        data__categories=["disc", *BAD, "ghost"],
        features__rgb__weights="nowhere.safetensors",
    )


def fails(project: Project, *command: str) -> str:
    """The error of a run that must fail, without a traceback and without an out."""
    raw = digest(project.root / "raw")
    done = project.run(*command, check=False)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    assert digest(project.root / "raw") == raw
    sentences = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, done.stdout
    return sentences[0]


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ("truncated", ["raw/truncated/train/good/rgb/001.png", "cannot be read"]),
        ("nan", ["raw/nan/test/bump/xyz/000.tiff", "1 point with NaN or Inf"]),
        ("unpaired", ["raw/unpaired/test/good/rgb/000.png", "has no partner"]),
    ],
)
def test_a_bad_scan_is_one_sentence(plant: Project, category: str, words: list[str]) -> None:
    said = fails(plant, "dvc", "repro", f"prepare@{category}")
    assert [word for word in words if word not in said] == []
    assert not list(plant.data("prepared").glob(f"*{category}*"))


def test_weights_that_are_not_there_are_one_sentence(plant: Project) -> None:
    said = fails(plant, "dvc", "repro", "extract@disc")
    assert "features.rgb.weights: no weights at nowhere.safetensors" in said
    assert not list(plant.data("features").glob("*"))


def test_an_unknown_param_is_one_sentence(plant: Project) -> None:
    with plant.changed(features__shards=4):
        said = fails(plant, "dvc", "repro", "prepare@unpaired")
    assert said == "error: params.yaml: features.shards is not a known param; check its spelling"


def test_an_unknown_demo_category_is_one_sentence(plant: Project) -> None:
    with plant.changed(demo__categories=["teapot"]):
        said = fails(plant, "dvc", "repro", "generate@teapot")
    assert "teapot" in said
    assert "biscuit" in said
    assert not plant.data("demo").exists()


def test_a_category_without_data_is_named_by_dvc(plant: Project) -> None:
    done = plant.run("dvc", "repro", "prepare@ghost", check=False)
    assert done.returncode != 0
    assert "raw/ghost" in done.stdout
    assert "Traceback" not in done.stdout
