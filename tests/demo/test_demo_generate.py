"""The data set on disk: layout, counts, and the same bytes however it was produced."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mentor3ad.demo.generate import generate_category, plan
from mentor3ad.demo.parts import CATEGORIES
from mentor3ad.plumbing.errors import ConfigError, DataError
from tests.options import demo

SMALL = demo(train=2, validation=1, test_good=1, test_defect=6, size=64)


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def biscuit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    generate_category(root, "biscuit", SMALL, workers=1)
    return root / "biscuit"


def test_same_bytes_whatever_the_worker_count(biscuit: Path, tmp_path: Path) -> None:
    generate_category(tmp_path, "biscuit", SMALL, workers=2)
    assert digests(tmp_path / "biscuit") == digests(biscuit)


def test_scan_does_not_depend_on_the_counts(biscuit: Path, tmp_path: Path) -> None:
    fewer = demo(train=1, validation=0, test_good=1, test_defect=1, size=64)
    generate_category(tmp_path, "biscuit", fewer, workers=1)
    part, whole = digests(tmp_path / "biscuit"), digests(biscuit)
    assert part.items() <= whole.items()


def test_layout_is_mvtecs(biscuit: Path) -> None:
    files = set(digests(biscuit))
    good = {f"{split}/good/rgb/000.png" for split in ("train", "validation", "test")}
    assert files >= good | {"train/good/xyz/001.tiff", "test/good/gt/000.png"}
    assert files >= {"test/crack/rgb/000.png", "test/crack/xyz/000.tiff", "test/crack/gt/000.png"}
    assert not any(name.startswith(("train/good/gt", "validation/good/gt")) for name in files)
    assert not list(biscuit.parent.glob(".*"))


def test_files_hold_what_their_readers_expect(biscuit: Path) -> None:
    xyz = tifffile.imread(biscuit / "train/good/xyz/000.tiff")
    assert (xyz.shape, xyz.dtype) == ((64, 64, 3), np.float32)
    with Image.open(biscuit / "train/good/rgb/000.png") as rgb:
        assert (rgb.mode, rgb.size) == ("RGB", (64, 64))
    with Image.open(biscuit / "test/good/gt/000.png") as mask:
        assert (mask.mode, mask.getextrema()) == ("L", (0, 0))


def test_mask_values_are_the_class_ids(biscuit: Path) -> None:
    ids = json.loads((biscuit / "class_ids.json").read_text())
    assert ids["good"] == 0
    for kind in ids:
        with Image.open(biscuit / "test" / kind / "gt/000.png") as mask:
            assert mask.getextrema() == (0, ids[kind])


def test_camera_projects_points_to_their_pixels(biscuit: Path) -> None:
    camera = json.loads((biscuit / "calibration/camera_parameters.json").read_text())
    xyz = tifffile.imread(biscuit / "train/good/xyz/000.tiff").astype(np.float64)
    rows, columns = np.nonzero(xyz[..., 2])
    x, y, z = xyz[rows, columns].T
    np.testing.assert_allclose(
        x / z * camera["focus"] / camera["sx"] + camera["cx"], columns, atol=1e-3
    )
    np.testing.assert_allclose(
        y / z * camera["focus"] / camera["sy"] + camera["cy"], rows, atol=1e-3
    )


def test_existing_category_is_left_alone(biscuit: Path) -> None:
    before = digests(biscuit)
    with pytest.raises(DataError, match="biscuit exists already"):
        generate_category(biscuit.parent, "biscuit", SMALL)
    assert digests(biscuit) == before


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_category(tmp_path, "biscuit", SMALL, workers=1, on_scan=stop)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_scan(tmp_path: Path) -> None:
    options = demo(train=1, validation=0, test_good=0, test_defect=1, size=64)
    seen: list[None] = []
    for category in ("clutch", "nectarine"):
        generate_category(tmp_path, category, options, on_scan=lambda: seen.append(None))
    assert len(seen) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clutch", "nectarine"]


@given(st.sampled_from(CATEGORIES), st.integers(0, 50))
def test_defects_are_spread_evenly(category: str, total: int) -> None:
    tasks = plan(category, demo(train=0, validation=0, test_good=0, test_defect=total))
    kinds = [task.kind for task in tasks]
    counts = [kinds.count(kind) for kind in dict.fromkeys(kinds)]
    assert sum(counts) == total
    assert not counts or max(counts) - min(counts) <= 1


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 12))
def test_plan_holds_the_counts_asked_for(train: int, val: int, good: int, bad: int) -> None:
    options = demo(train=train, validation=val, test_good=good, test_defect=bad)
    tasks = list(plan("clutch", options))
    assert len(tasks) == len(set(tasks)) == train + val + good + bad


def test_an_unknown_category_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown demo category 'bagel'; known: biscuit"):
        generate_category(tmp_path, "bagel", SMALL)
