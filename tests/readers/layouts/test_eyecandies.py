"""Eyecandies as downloaded: what is listed, what the masks say, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.readers.images import read_rgb
from mentor3ad.readers.layouts import list_scans, read_scan
from tests.options import listing
from tests.raw_data_sets import SIDE, write_candy, write_eyecandies, write_mask

OPTIONS = listing(layout="eyecandies")
CATEGORY = "GummyBear"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_eyecandies(tmp_path / "raw")


def listed(root: Path, **options) -> tuple[ScanFiles, ...]:
    return list_scans(root, CATEGORY, listing(layout="eyecandies", **options))


def test_scans_come_by_split_and_number_with_what_the_masks_say(root: Path) -> None:
    assert [(s.id, s.split, s.defect, s.label) for s in listed(root)] == [
        ("train/000", "train", "good", 0),
        ("train/001", "train", "good", 0),
        ("val/000", "validation", "good", 0),
        ("test_public/00", "test", "good", 0),
        ("test_public/01", "test", "dents", 1),
        ("test_public/02", "test", "combined", 1),
    ]


def test_a_defect_without_type_masks_is_defective(root: Path) -> None:
    for path in (root / CATEGORY / "test_public/data").glob("01_*s_mask.png"):
        path.unlink()
    assert listed(root)[4].defect == "defective"


def test_the_private_test_has_no_label(root: Path) -> None:
    last = listed(root, test_private=True)[-1]
    assert (last.id, last.split, last.label, last.mask) == (
        "test_private/000",
        "test",
        None,
        None,
    )
    assert last.defect == "unknown"


def test_a_mask_in_the_private_test_is_not_looked_at(root: Path) -> None:
    write_mask(root / CATEGORY / "test_private/data/000_mask.png", True)
    last = listed(root, test_private=True)[-1]
    assert (last.label, last.mask) == (None, None)


@pytest.mark.parametrize("light", range(6))
def test_the_image_is_that_of_the_light(root: Path, light: int) -> None:
    scan = listed(root, light=light)[0]
    expected = read_rgb(root / CATEGORY / f"train/data/000_image_{light}.png")
    np.testing.assert_array_equal(read_scan(scan).rgb, expected)


def test_a_scan_is_the_candy_in_metres(root: Path) -> None:
    raw = read_scan(listed(root)[4])
    kept = raw.points.any(axis=-1)
    assert raw.part_only
    assert raw.points.dtype == np.dtype(np.float32)
    np.testing.assert_array_equal(kept, raw.points.all(axis=-1))
    assert 300 < kept.sum() < 450  # the golden has 373
    assert np.ptp(raw.points[kept], axis=0).max() < 0.2
    assert raw.mask is not None
    assert raw.mask.sum() == 255 * 100


def test_a_range_may_be_called_yml_and_extensions_be_upper_case(root: Path) -> None:
    folder = root / CATEGORY / "train/data"
    write_candy(folder, "002", suffix="yml")
    (folder / "002_depth.png").rename(folder / "002_depth.PNG")
    assert [s.id for s in listed(root)[:3]] == ["train/000", "train/001", "train/002"]
    assert read_scan(listed(root)[2]).points.any()


@pytest.mark.parametrize(
    ("split", "item"),
    [
        ("train", "001_image_4.png"),
        ("train", "001_depth.png"),
        ("train", "001_info_depth.yaml"),
        ("train", "001_pose.txt"),
        ("test_public", "01_mask.png"),
    ],
)
def test_a_missing_item_is_named(root: Path, split: str, item: str) -> None:
    path = root / CATEGORY / split / "data" / item
    path.unlink()
    with pytest.raises(DataError, match=f"has no partner .*{split}/data/{item}"):
        listed(root)


@pytest.mark.parametrize("split", ["train", "test_public"])
def test_an_empty_split_is_named(root: Path, split: str) -> None:
    for path in (root / CATEGORY / split / "data").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=f"{split}/data holds no scans"):
        listed(root)


def test_a_category_has_train_data(root: Path) -> None:
    (root / "notes/train").mkdir(parents=True)
    with pytest.raises(DataError, match=f"'notes' is not a category in .* found: {CATEGORY};"):
        list_scans(root, "notes", OPTIONS)


def test_a_link_that_leaves_the_root_is_refused(root: Path, tmp_path: Path) -> None:
    path = root / CATEGORY / "train/data/001_pose.txt"
    path.rename(tmp_path / "pose.txt")
    path.symlink_to(tmp_path / "pose.txt")
    with pytest.raises(DataError, match=r"001_pose\.txt leads out of"):
        listed(root)


def refusal(root: Path, item: str, content: bytes) -> str:
    (root / CATEGORY / "train/data" / item).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_scan(listed(root)[0])
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"normalization: 3",
        b"normalization: {min: 1}",
        b"normalization: {min: 1" + b"0" * 400 + b", max: 2}",
        b"normalization: {min: a, max: b}",
        b"normalization: {min: [1], max: 2}",
        b"[" * 30000,
        b"{unclosed",
        b"normalization: {min: !!python/object/apply:os.getcwd [], max: 2}",
    ],
)
def test_a_range_without_min_and_max_is_refused(root: Path, content: bytes) -> None:
    message = refusal(root, "000_info_depth.yaml", content)
    assert "000_info_depth.yaml has no normalization with min and max" in message


@pytest.mark.parametrize("values", ["2, 1", "0, 1", "1, .inf", ".nan, 2", "-1, 2"])
def test_a_range_that_does_not_rise_from_above_zero_is_refused(root: Path, values: str) -> None:
    low, high = values.split(", ")
    content = f"normalization: {{min: {low}, max: {high}}}".encode()
    assert "must rise from above 0" in refusal(root, "000_info_depth.yaml", content)


@pytest.mark.parametrize("item", ["000_info_depth.yaml", "000_pose.txt"])
def test_a_huge_text_is_refused_by_its_size(root: Path, item: str) -> None:
    message = refusal(root, item, b"a: &a [*a, *a]\n" * 400000)
    assert f"{item} has over 65536 bytes" in message


@pytest.mark.parametrize("item", ["000_info_depth.yaml", "000_pose.txt"])
def test_bytes_that_are_no_text_are_refused(root: Path, item: str) -> None:
    assert f"{item} is not text" in refusal(root, item, b"\xff\xfe\x00")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1 0 0 a\n" * 4, "is not a table of numbers"),
        (b"1 0 0\n1", "is not a table of numbers"),
        (b"1 0 0 0\n" * 3, "is not an invertible 4 x 4 matrix"),
        (b"0 0 0 0\n" * 4, "is not an invertible 4 x 4 matrix"),
        (b"nan 0 0 0\n" * 4, "is not an invertible 4 x 4 matrix"),
        (b"", "is not an invertible 4 x 4 matrix"),
    ],
)
def test_a_pose_that_is_none_is_refused(root: Path, content: bytes, reason: str) -> None:
    assert f"000_pose.txt {reason}" in refusal(root, "000_pose.txt", content)


def test_depth_of_eight_bits_is_refused(root: Path) -> None:
    path = root / CATEGORY / "train/data/000_depth.png"
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"000_depth\.png is greyscale of 8 bits, but depth is"):
        read_scan(listed(root)[0])


def test_an_image_of_another_size_is_named(root: Path) -> None:
    path = root / CATEGORY / "train/data/000_image_4.png"
    Image.fromarray(np.zeros((SIDE, SIDE - 1, 3), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"depth\.png is 64 x 64 pixels but .*image_4\.png is 64"):
        read_scan(listed(root)[0])


def test_a_scan_too_small_for_the_rule_is_refused(root: Path) -> None:
    folder = root / CATEGORY / "train/data"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "000_image_4.png")
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(folder / "000_depth.png")
    write_mask(folder / "000_mask.png", False, (8, 8))
    with pytest.raises(DataError, match=r"8 x 8 pixels: Eyecandies has 512 x 512"):
        read_scan(listed(root)[0])
