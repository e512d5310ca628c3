"""Listing: a stable order, and a refusal for each way a data set can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.prepare import find_part
from mentor3ad.preparation.resize import resize_foreground
from mentor3ad.readers.layouts.mvtec3d import is_preprocessed, read_scan
from mentor3ad.readers.layouts.mvtec3d import list_scans as list_all
from tests.options import listing, preparation
from tests.raw_scans import disc_mask, disc_points, write_png, write_points


def list_scans(root: Path, category: str) -> tuple[ScanFiles, ...]:
    return list_all(root, category, listing())


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def scan(root: Path, folder: str, stem: str, masked: bool = False) -> None:
    touch(root, f"{folder}/rgb/{stem}.png", f"{folder}/xyz/{stem}.tiff")
    if masked:
        touch(root, f"{folder}/gt/{stem}.png")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "raw"
    scan(root, "tire/test/hole", "000", masked=True)
    scan(root, "tire/test/good", "000")
    scan(root, "tire/test/cut", "001", masked=True)
    scan(root, "tire/test/cut", "000", masked=True)
    scan(root, "tire/train/good", "001")
    scan(root, "tire/train/good", "000")
    return root


def test_order_is_split_then_defect_then_stem(root: Path) -> None:
    scan(root, "tire/validation/good", "000")
    assert [one.id for one in list_scans(root, "tire")] == [
        "train/good/000",
        "train/good/001",
        "validation/good/000",
        "test/cut/000",
        "test/cut/001",
        "test/good/000",
        "test/hole/000",
    ]


def test_defect_has_label_and_mask(root: Path) -> None:
    cut = list_scans(root, "tire")[2]
    assert (cut.split, cut.defect, cut.label) == ("test", "cut", 1)
    assert cut.mask == root / "tire/test/cut/gt/000.png"


def test_good_scan_needs_no_mask(root: Path) -> None:
    good = list_scans(root, "tire")[4]
    assert (good.id, good.label, good.mask) == ("test/good/000", 0, None)


def test_extensions_in_either_case(root: Path) -> None:
    touch(root, "tire/train/good/rgb/002.PNG", "tire/train/good/xyz/002.TIF")
    assert list_scans(root, "tire")[2].points.name == "002.TIF"


def test_unicode_and_spaces_in_names(root: Path) -> None:
    scan(root, "tire/test/zu groß", "teil 1 ü", masked=True)
    assert list_scans(root, "tire")[-1].id == "test/zu groß/teil 1 ü"


def test_hidden_and_foreign_files_are_ignored(root: Path) -> None:
    before = list_scans(root, "tire")
    touch(root, "tire/train/good/rgb/.DS_Store", "tire/train/good/rgb/._000.png")
    touch(root, "tire/train/good/readme.txt", "tire/test/notes.txt", "tire/test/.cache/a.png")
    assert list_scans(root, "tire") == before


def test_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert len(list_scans(tmp_path / "link", "tire")) == 6


def test_missing_root(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a folder: point data\.root"):
        list_scans(tmp_path / "no", "tire")


@pytest.mark.parametrize("category", ["bagle", "", "..", "../raw/tire", "tire/train", "."])
def test_unknown_category_lists_those_found(root: Path, category: str) -> None:
    scan(root, "bagel/train/good", "000")
    with pytest.raises(DataError, match=r"is not a category in .* found: bagel, tire"):
        list_scans(root, category)


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("rgb/000.png", r"xyz/000\.tiff has no partner .*rgb/000\.png"),
        ("xyz/000.tiff", r"rgb/000\.png has no partner .*xyz/000\.tiff"),
        ("gt/000.png", r"rgb/000\.png has no partner .*gt/000\.png"),
    ],
)
def test_missing_partner(root: Path, removed: str, message: str) -> None:
    (root / "tire/test/cut" / removed).unlink()
    with pytest.raises(DataError, match=message):
        list_scans(root, "tire")


def test_mask_without_a_scan(root: Path) -> None:
    touch(root, "tire/test/cut/gt/009.png")
    with pytest.raises(DataError, match=r"gt/009\.png has no partner .*rgb/009\.png"):
        list_scans(root, "tire")


def test_defect_without_any_mask(root: Path) -> None:
    scan(root, "tire/test/dent", "000")
    with pytest.raises(DataError, match=r"no partner .*dent/gt/000\.png"):
        list_scans(root, "tire")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_defect_outside_test(root: Path, split: str) -> None:
    scan(root, f"tire/{split}/hole", "000")
    with pytest.raises(DataError, match=f"hole is a defect in the {split} split"):
        list_scans(root, "tire")


@pytest.mark.parametrize("split", ["train", "test"])
def test_empty_split(root: Path, split: str) -> None:
    for path in (root / "tire" / split).rglob("*.*"):
        path.unlink()
    with pytest.raises(DataError, match=f"tire/{split} holds no scans"):
        list_scans(root, "tire")


def test_one_stem_twice(root: Path) -> None:
    touch(root, "tire/train/good/rgb/000.PNG")
    with pytest.raises(DataError, match="are one scan: remove one"):
        list_scans(root, "tire")


@pytest.mark.parametrize(
    "name",
    ["other", "tire/train", "tire/test/cut", "tire/test/cut/rgb", "tire/test/cut/rgb/000.png"],
)
def test_link_that_leaves_the_root(root: Path, tmp_path: Path, name: str) -> None:
    category = "other" if name == "other" else "tire"
    link, outside = root / name, tmp_path / "outside"
    (root / "tire" if category == "other" else link).rename(outside)
    link.symlink_to(outside)
    with pytest.raises(DataError, match=r"leads out of .*cache\.type"):
        list_scans(root, category)


def test_link_inside_the_root(root: Path) -> None:
    path = root / "tire/train/good/rgb/000.png"
    path.rename(root / "blob")
    path.symlink_to(root / "blob")
    assert list_scans(root, "tire")[0].rgb == path


def test_links_in_a_circle(root: Path) -> None:
    path = root / "tire/train/good/rgb/000.png"
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(DataError, match=r"000\.png"):
        list_scans(root, "tire")


def test_name_with_a_line_break(root: Path) -> None:
    scan(root, "tire/test/cut", "0\n0", masked=True)
    with pytest.raises(DataError, match="cannot be printed"):
        list_scans(root, "tire")


# What the published preprocessing left


def raw_scan() -> tuple[np.ndarray, np.ndarray]:
    """(H, W, 3) colours, none black, and points of a disc on its table."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(1, 256, (100, 90, 3), dtype=np.uint8)
    return rgb, disc_points(100, 90, 30.0)


def preprocess(rgb: np.ndarray, points: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, ...]:
    """As M3DM's script: all but the part to zero, dropouts keep their colours, square."""
    cleared = points.any(axis=-1) & ~part
    rgb, points = rgb.copy(), points.copy()
    rgb[cleared], points[cleared] = 0, 0
    return tuple(np.pad(array, ((0, 0), (5, 5), (0, 0))) for array in (rgb, points))


def test_a_preprocessed_scan_is_recognised() -> None:
    rgb, points = raw_scan()
    assert is_preprocessed(*preprocess(rgb, points, disc_mask(100, 90, 30.0)))


def test_a_scan_with_its_table_is_not_preprocessed() -> None:
    rgb, points = (array[5:95] for array in raw_scan())
    assert rgb.shape == (90, 90, 3)
    assert not is_preprocessed(rgb, points)


def test_a_dark_table_is_not_preprocessed() -> None:
    """Black colours alone say nothing: the table's points are there."""
    rgb, points = (array[5:95] for array in raw_scan())
    assert not is_preprocessed(np.zeros_like(rgb), points)


def test_a_scan_without_a_table_is_not_preprocessed_while_it_has_its_colours() -> None:
    rgb, points = (array[5:95].copy() for array in raw_scan())
    points[~disc_mask(90, 90, 30.0)] = 0
    assert not is_preprocessed(rgb, points)


def test_a_scan_that_is_not_square_is_not_preprocessed() -> None:
    rgb, points = preprocess(*raw_scan(), disc_mask(100, 90, 30.0))
    assert not is_preprocessed(rgb[:-1], points[:-1])


def test_a_preprocessed_scan_is_used_as_it_is(tmp_path: Path) -> None:
    """Also a stray island that the clustering would have dropped."""
    part = disc_mask(100, 90, 20.0)
    part[30:33, 75:78] = True
    rgb, points = preprocess(*raw_scan(), part)
    write_png(tmp_path / "1.png", rgb)
    write_points(tmp_path / "1.tiff", points)
    files = ScanFiles("1", "test", "good", 0, tmp_path / "1.png", tmp_path / "1.tiff", None)
    raw = read_scan(files)
    assert raw.part_only
    found = find_part(raw, preparation(), "1")
    assert found.plane == "before"
    np.testing.assert_array_equal(found.foreground, resize_foreground(points.all(axis=-1)))
