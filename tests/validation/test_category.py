"""A category: a bad scan stops nothing, and what shows only beside the others is found."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.params.schema import Listing
from mentor3ad.readers.layouts import list_scans
from mentor3ad.validation.category import CheckedCategory, check_category
from tests.options import listing, preparation
from tests.raw_data_sets import LAYOUTS, write_pair
from tests.raw_scans import disc_points, write_data_set, write_points

OPTIONS = preparation()
FOLDER = listing(layout="folder")


def check(root: Path, category: str, layout: Listing, workers: int = 1) -> CheckedCategory:
    return check_category(root, category, layout, OPTIONS, workers=workers)


def kinds(checked: CheckedCategory) -> list[str]:
    return [problem.kind for problem in checked.problems]


@pytest.mark.parametrize("name", ["mvtec3d", "folder"])
def test_an_intact_category_has_no_problem(name: str, tmp_path: Path) -> None:
    write, category, layout = LAYOUTS[name]
    checked = check(write(tmp_path), category, layout)
    assert checked.problems == ()
    assert [s.files for s in checked.scans] == list(list_scans(tmp_path, category, layout))


def test_candies_of_one_geometry_leak_it(tmp_path: Path) -> None:
    """These seven have the golden's depth image and colours of their own."""
    write, category, layout = LAYOUTS["eyecandies"]
    checked = check(write(tmp_path), category, layout)
    assert kinds(checked) == ["leak"] * 4 + ["duplicate"] * 2


def test_a_bad_scan_stops_no_other(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    bad = root / "disc/train/good/rgb/000.png"
    bad.write_bytes(b"")
    (root / "disc/test/good/xyz/000.tiff").unlink()
    checked = check(root, "disc", listing())
    assert kinds(checked) == ["missing_pair", "unreadable"]
    assert [scan.measures is not None for scan in checked.scans] == [False, True, True]


def test_workers_change_nothing(tmp_path: Path) -> None:
    write, category, layout = LAYOUTS["eyecandies"]
    root = write(tmp_path)
    assert check(root, category, layout, 4) == check(root, category, layout)


def test_an_absent_category_is_a_problem(tmp_path: Path) -> None:
    checked = check(tmp_path, "gone", listing())
    assert (kinds(checked), checked.scans) == (["layout"], ())
    assert "'gone' is not a category" in checked.problems[0].message


def test_a_copied_scan_is_a_leak(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    shutil.copytree(root / "disc/train/good", root / "disc/test/good", dirs_exist_ok=True)
    checked = check(root, "disc", listing())
    assert [(p.kind, p.path.name) for p in checked.problems] == [
        ("leak", "000.png"),
        ("leak", "001.png"),
    ]


def test_a_plants_defect_without_mask_beside_others_with_one(tmp_path: Path) -> None:
    write, category, layout = LAYOUTS["folder"]
    root = write(tmp_path)
    write_pair(root / "part/test/dent", "1", seed=8)
    checked = check(root, category, layout)
    assert [(p.kind, p.path.name) for p in checked.problems] == [("missing_mask", "1.png")]
    (root / "part/test/dent/0_mask.png").unlink()
    assert check(root, category, layout).problems == ()


def test_two_folders_of_one_split_must_not_share_a_name(tmp_path: Path) -> None:
    for i in range(2):
        write_pair(tmp_path / "part/train", str(i), seed=i)
    for i, split in enumerate(["val", "validation"]):
        write_pair(tmp_path / "part" / split, "0", seed=5 + i)
    checked = check(tmp_path, "part", FOLDER)
    assert [(p.kind, p.path.parent.name) for p in checked.problems] == [("name", "validation")]


def test_one_broken_camera_is_one_problem(tmp_path: Path) -> None:
    write, category, layout = LAYOUTS["folder"]
    root = write(tmp_path)
    (root / "part/camera.json").write_text("{")
    checked = check(root, category, layout)
    assert [(p.kind, p.path.name) for p in checked.problems] == [("unreadable", "camera.json")]


@pytest.mark.parametrize(
    ("radius", "what"), [(12, "foreground share of"), (49, "size of the part in metres of")]
)
def test_a_part_unlike_the_others_is_pointed_out(tmp_path: Path, radius: int, what: str) -> None:
    root = write_data_set(tmp_path)
    usual = 49 if radius == 12 else 12
    for i, path in enumerate(sorted((root / "disc").rglob("*.tiff"))):
        points = disc_points(100, 90, usual if i else radius)
        write_points(path, points + np.float32([0, 0, 1e-5 * i]) * points.any(-1, keepdims=True))
    for stem in ("7", "8"):
        for role, suffix in ("rgb", "png"), ("xyz", "tiff"):
            source = root / f"disc/test/good/{role}/000.{suffix}"
            shutil.copy(source, source.with_name(f"{stem}.{suffix}"))
    checked = check(root, "disc", listing())
    unlike = [p for p in checked.problems if p.kind == "unlike"]
    assert what in " ".join(p.message for p in unlike)
    assert {p.path for p in unlike} == {sorted((root / "disc").rglob("*.tiff"))[0]}
