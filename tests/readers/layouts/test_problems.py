"""A collector sees every problem of a listing, and the listing holds what is whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.params.schema import Listing
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.layouts import list_scans
from mentor3ad.readers.layouts.problems import Problem
from tests.options import listing
from tests.raw_data_sets import (
    LAYOUTS,
    write_eyecandies,
    write_folder,
    write_nested,
    write_pair,
)
from tests.raw_scans import write_data_set, write_scan

FOLDER, CANDIES = listing(layout="folder"), listing(layout="eyecandies")
Found = set[tuple[str, str]]


def collect(root: Path, category: str, options: Listing) -> tuple[tuple[ScanFiles, ...], Found]:
    """The scans, and kind and place of each problem."""
    problems: list[Problem] = []
    scans = list_scans(root, category, options, problems.append)
    return scans, {(p.kind, p.path.relative_to(root / category).as_posix()) for p in problems}


def names(scans: tuple[ScanFiles, ...]) -> list[str]:
    return [scan.id for scan in scans]


@pytest.fixture(params=sorted(LAYOUTS))
def intact(request, tmp_path: Path) -> tuple[Path, str, Listing]:
    write, category, layout = LAYOUTS[request.param]
    return write(tmp_path / "raw"), category, layout


def test_an_intact_data_set_has_none_and_is_listed_the_same(intact) -> None:
    assert collect(*intact) == (list_scans(*intact), set())


def test_a_link_that_leads_out_is_reported_and_its_scan_left_out(intact, tmp_path: Path) -> None:
    before = list_scans(*intact)
    outside = tmp_path / "outside"
    outside.write_bytes(before[0].points.read_bytes())
    before[0].points.unlink()
    before[0].points.symlink_to(outside)
    scans, found = collect(*intact)
    assert scans == before[1:]
    assert {kind for kind, _ in found} == {"name", "missing_pair"}


def test_mvtec3d_reports_each_file_without_partner(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    (root / "disc/train/good/rgb/000.png").unlink()
    (root / "disc/test/good/xyz/000.tiff").unlink()
    (root / "disc/test/bump/gt/000.png").unlink()
    scans, found = collect(root, "disc", listing())
    assert names(scans) == ["train/good/001", "test/bump/000"]
    assert found == {
        ("missing_pair", "train/good/xyz/000.tiff"),
        ("missing_pair", "test/good/rgb/000.png"),
        ("missing_pair", "test/bump/rgb/000.png"),
    }


def test_mvtec3d_reports_a_defect_to_learn_from_and_an_empty_split(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    (root / "disc/test").rename(root / "disc/validation")
    scans, found = collect(root, "disc", listing())
    assert names(scans) == ["train/good/000", "train/good/001", "validation/good/000"]
    assert found == {("layout", "validation/bump"), ("layout", "test")}


def test_two_files_of_one_scan_are_reported_and_the_first_is_used(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    first = root / "disc/train/good/rgb/000.PNG"
    first.write_bytes(b"")
    scans, found = collect(root, "disc", listing())
    assert scans[0].rgb == first
    assert found == {("missing_pair", "train/good/rgb/000.png")}


def test_eyecandies_reports_missing_items_and_unreadable_masks(tmp_path: Path) -> None:
    root = write_eyecandies(tmp_path)
    home = root / "GummyBear"
    (home / "train/data/000_pose.txt").unlink()
    (home / "test_public/data/01_mask.png").write_bytes(b"none")
    scans, found = collect(root, "GummyBear", CANDIES)
    assert names(scans) == ["train/001", "val/000", *(f"test_public/0{i}" for i in range(3))]
    assert [scan.label for scan in scans] == [0, 0, 0, None, 1]
    assert found == {
        ("missing_pair", "train/data/000_bumps_mask.png"),
        ("mask", "test_public/data/01_mask.png"),
    }


def test_a_plant_hears_of_every_folder(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    (root / "part/train/good/0.npy").unlink()
    (root / "part/test/dent/0.png").unlink()
    write_pair(root / "part/train/scratch", "7", seed=7)
    write_nested(root / "part/test/good", "8", seed=8)
    scans, found = collect(root, "part", FOLDER)
    assert names(scans) == ["train/good/1", "train/good/2", "test/good/0"]
    assert found == {
        ("missing_pair", "train/good/0.png"),
        ("missing_pair", "test/dent/0.npy"),
        ("missing_pair", "test/dent/0_mask.png"),
        ("layout", "train/scratch/7.png"),
        ("layout", "test/good/rgb"),
    }


def test_a_name_that_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    root = write_data_set(tmp_path)
    write_scan(root / "disc/train/good", "a\nb", seed=9)
    scans, found = collect(root, "disc", listing())
    assert len(scans) == 4
    assert found == {("name", "train/good/rgb/a\nb.png")}


def test_scans_that_nobody_sorted_are_reported_and_of_unknown_kind(tmp_path: Path) -> None:
    for i in range(3):
        write_pair(tmp_path / "part/good", str(i), seed=i)
    write_pair(tmp_path / "part", "9", seed=9)
    scans, found = collect(tmp_path, "part", FOLDER)
    assert {scan.id: scan.label for scan in scans} == {
        **dict.fromkeys(["good/0", "good/1", "good/2"], 0),
        "9": None,
    }
    assert found == {("layout", ".")}


def break_mvtec3d(root: Path) -> None:
    (root / "disc/train/good/rgb/000.png").unlink()


def break_eyecandies(root: Path) -> None:
    (root / "GummyBear/train/data/000_depth.png").unlink()


def break_folder(root: Path) -> None:
    (root / "part/train/good/0.png").unlink()


@pytest.mark.parametrize("harm", [break_mvtec3d, break_eyecandies, break_folder])
def test_without_a_collector_the_first_problem_is_raised(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    write, category, layout = LAYOUTS[harm.__name__.removeprefix("break_")]
    root = write(tmp_path)
    harm(root)
    problems: list[Problem] = []
    list_scans(root, category, layout, problems.append)
    with pytest.raises(DataError) as caught:
        list_scans(root, category, layout)
    assert str(caught.value) == problems[0].message
