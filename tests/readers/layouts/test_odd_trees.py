"""Trees and names as plants have them: they are read, or named with what to do."""

import unicodedata
from pathlib import Path

import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.layouts import list_scans
from mentor3ad.readers.layouts.files import report_ignored
from mentor3ad.readers.layouts.problems import Problem
from tests.options import listing
from tests.raw_data_sets import write_eyecandies, write_mask, write_nested, write_pair
from tests.raw_scans import write_data_set, write_scan

NFC, NFD = (unicodedata.normalize(form, "Gehäuse 1") for form in ("NFC", "NFD"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "raw/part"


def listed(home: Path, layout: str = "folder") -> tuple[ScanFiles, ...]:
    return list_scans(home.parent, home.name, listing(layout=layout))


def ignored(home: Path, layout: str = "folder") -> list[Problem]:
    """What `validate` would report; nothing but folders that are ignored."""
    problems: list[Problem] = []
    list_scans(home.parent, home.name, listing(layout=layout), problems.append)
    assert {problem.kind for problem in problems} <= {"ignored"}
    return problems


# Folders of splits and labels


@pytest.mark.parametrize(
    ("folder", "split"),
    [("training", "train"), ("valid", "validation"), ("val", "validation"), ("Testing", "test")],
)
def test_other_names_of_splits(home: Path, folder: str, split: str) -> None:
    write_pair(home / "train/good", "1")
    write_pair(home / folder / "good", "2")
    assert (f"{split}/good/2", split) in [(scan.id, scan.split) for scan in listed(home)]
    assert ignored(home) == []


@pytest.mark.parametrize("good", ["OK", "ok", "good"])
def test_ok_is_good_and_ng_a_defect(home: Path, good: str) -> None:
    for i in range(4):
        write_pair(home / good, str(i), seed=i)
    write_pair(home / "NG", "4", seed=4)
    scans = listed(home)
    assert [(s.split, s.defect, s.label) for s in scans] == [
        ("train", "good", 0),
        ("train", "good", 0),
        ("train", "good", 0),
        ("test", "NG", 1),
        ("test", "good", 0),
    ]


def test_without_good_scans_the_known_names_are_told(home: Path) -> None:
    write_pair(home / "normal", "1")
    with pytest.raises(DataError, match="their folders are called good or ok"):
        listed(home)


# Masks apart


@pytest.mark.parametrize("tree", ["ground_truth", "ground_truth/test", "masks"])
def test_masks_in_a_tree_of_their_own(home: Path, tree: str) -> None:
    write_pair(home / "train/good", "1")
    write_pair(home / "test/dent", "1")
    write_nested(home / "test/Riß 2", "a")
    write_mask(home / tree / "dent/1_mask.png", True)
    write_mask(home / tree / "Riß 2/a.png", True)
    masks = {scan.id: scan.mask for scan in listed(home)}
    assert masks == {
        "train/good/1": None,
        "test/dent/1": home / tree / "dent/1_mask.png",
        "test/Riß 2/a": home / tree / "Riß 2/a.png",
    }


def test_masks_apart_without_splits(home: Path) -> None:
    for i in range(3):
        write_pair(home / "good", str(i), seed=i)
    write_pair(home / "dent", "1", seed=9)
    write_mask(home / "ground_truth/dent/1.png", True)
    assert [s.mask for s in listed(home) if s.label] == [home / "ground_truth/dent/1.png"]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("dent/2.png", r"dent/2\.png has no image, no test scan called 'dent/2'"),
        ("scratch/1.png", r"scratch/1\.png has no image"),
        ("dent/1.bmp", r"are both the mask of one scan"),
    ],
)
def test_masks_apart_that_fit_no_scan(home: Path, mask: str, message: str) -> None:
    write_pair(home / "train/good", "1")
    write_pair(home / "test/dent", "1")
    write_mask(home / "ground_truth/dent/1.png", True)
    write_mask(home / "ground_truth" / mask, True)
    with pytest.raises(DataError, match=message):
        listed(home)


def test_a_scan_with_a_mask_of_its_own_needs_none_apart(home: Path) -> None:
    write_pair(home / "train/good", "1")
    write_pair(home / "test/dent", "1", masked=True)
    write_mask(home / "ground_truth/dent/1.png", True)
    with pytest.raises(DataError, match="are both the mask of one scan"):
        listed(home)


# Folders that nobody reads


@pytest.mark.parametrize("folder", ["extra", "test/dent/more", "train/good/rgb/old"])
def test_a_folder_with_scans_that_is_ignored_is_named(home: Path, folder: str) -> None:
    write_nested(home / "train/good", "1")
    write_nested(home / "test/dent", "1")
    before = listed(home)
    write_pair(home / folder, "7")
    (problem,) = ignored(home)
    assert problem.path == home / folder
    assert f"{home / folder} is ignored: " in problem.message
    assert listed(home) == before  # no stage stops


def test_a_folder_without_scans_is_nobodys_business(home: Path) -> None:
    write_pair(home / "train/good", "1")
    (home / "docs").mkdir()
    (home / "docs/readme.md").write_text("hello")
    assert ignored(home) == []


@pytest.mark.parametrize("folder", ["valid/good/rgb", "test/bump/ground_truth"])
def test_mvtecs_own_layout_names_what_it_ignores(tmp_path: Path, folder: str) -> None:
    home = write_data_set(tmp_path / "raw") / "disc"
    write_mask(home / folder / "000.png", True)
    (problem,) = ignored(home, "mvtec3d")
    assert problem.path in (home / "valid", home / "test/bump/ground_truth")


def test_mvtecs_calibration_is_not_named(tmp_path: Path) -> None:
    home = write_data_set(tmp_path / "raw") / "disc"
    (home / "calibration").mkdir()
    (home / "calibration/camera_parameters.json").write_text("{}")
    assert ignored(home, "mvtec3d") == []


def test_eyecandies_names_what_it_ignores(tmp_path: Path) -> None:
    home = write_eyecandies(tmp_path / "raw") / "GummyBear"
    write_mask(home / "test/data/000_mask.png", True)
    (problem,) = ignored(home, "eyecandies")
    assert "test_public" in problem.message


# Names


@pytest.mark.parametrize(("image", "geometry"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)])
def test_names_that_look_alike_are_alike(home: Path, image: str, geometry: str) -> None:
    write_pair(home / "train/good", image)
    (home / f"train/good/{image}.npy").rename(home / f"train/good/{geometry}.npy")
    (scan,) = listed(home)
    assert scan.id == f"train/good/{NFC}"
    assert (scan.rgb.stem, scan.points.stem) == (image, geometry)
    assert scan.points.is_file()


def test_names_that_look_alike_in_mvtecs_layout(tmp_path: Path) -> None:
    home = write_data_set(tmp_path / "raw") / "disc"
    write_scan(home / "train/good", NFC)
    (home / f"train/good/xyz/{NFC}.tiff").rename(home / f"train/good/xyz/{NFD}.tiff")
    assert f"train/good/{NFC}" in [scan.id for scan in listed(home, "mvtec3d")]


def test_a_category_in_another_unicode_form_is_told(tmp_path: Path) -> None:
    write_pair(tmp_path / NFD / "good", "1")
    with pytest.raises(DataError, match="in another Unicode form: rename the folder"):
        list_scans(tmp_path, NFC, listing(layout="folder"))


@pytest.mark.parametrize(
    ("left", "other", "what"),
    [
        ("1.npy", "1.webp", "image"),
        ("1.npy", "1_rgb.heic", "image"),
        ("1.png", "1.exr", "geometry"),
        ("xyz/1.tiff", "rgb/1.webp", "image"),
        ("rgb/1.png", "xyz/1.stl", "geometry"),
    ],
)
def test_a_neighbour_of_an_unknown_type_is_named(
    home: Path, left: str, other: str, what: str
) -> None:
    folder = home / "train/good"
    for name in (left, other):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    message = rf"{left} has no {what}: .*{other} is of no type that is read, save it as \."
    with pytest.raises(DataError, match=message):
        listed(home)


def test_a_neighbour_of_another_type_in_mvtecs_layout(tmp_path: Path) -> None:
    home = write_data_set(tmp_path / "raw") / "disc"
    path = home / "train/good/rgb/000.png"
    path.rename(path.with_suffix(".webp"))
    with pytest.raises(DataError, match=r"000\.webp is of another type: save it as \.png"):
        listed(home, "mvtec3d")


def test_a_folder_that_is_ignored_may_be_as_deep_as_it_likes(tmp_path: Path) -> None:
    deep = tmp_path / "ignored" / "/".join(["d"] * 400)
    deep.mkdir(parents=True)
    (deep / "lost.png").touch()
    (tmp_path / "near/a").mkdir(parents=True)
    (tmp_path / "near/a/x.png").touch()
    said: list[Problem] = []
    report_ignored(tmp_path, (), (".png",), "only these are read", said.append)
    assert [problem.path.name for problem in said] == ["near"]
