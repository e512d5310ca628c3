"""What a mask may mark, and where."""

from pathlib import Path

import numpy as np
import pytest

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.foreground import extract_foreground
from mentor3ad.preparation.masks import check_label, check_place, stray_regions
from mentor3ad.preparation.prepare import prepare_category
from tests.options import listing, preparation
from tests.raw_scans import disc_mask, table_points, write_png, write_points

BUMP = ScanFiles("bump", "test", "bump", 1, Path("a.png"), Path("a.tiff"), Path("m.png"))
PART = np.zeros((224, 224), dtype=bool)
PART[60:120, 60:120] = True


def square(row: int, column: int, side: int = 6) -> np.ndarray:
    mask = np.zeros((224, 224), dtype=bool)
    mask[row : row + side, column : column + side] = True
    return mask


def two_discs() -> np.ndarray:
    """(100, 200, 3): a large and a small disc on one table, 10 cm between their centres."""
    points = table_points(100, 200, tilt=0.0)
    large, small = disc_mask(100, 100, 30), disc_mask(100, 100, 20)
    points[np.hstack([large, small]), 2] -= 0.02
    return points


def test_an_inverted_mask_is_refused() -> None:
    mask = np.where(square(80, 80), 0, 255).astype(np.uint8)
    with pytest.raises(DataError, match=r"m\.png marks its whole border and 99\.9% .* inverted"):
        check_label(BUMP, mask)


def test_a_mask_that_reaches_one_side_is_none() -> None:
    check_label(BUMP, np.where(square(0, 0, 200), 255, 0).astype(np.uint8))


@pytest.mark.parametrize(("gap", "fits"), [(8, True), (9, False)])
def test_a_mask_is_within_a_patch_of_the_part(gap: int, fits: bool) -> None:
    mask = square(80, 119 + gap)
    if fits:
        check_place(BUMP, mask, PART)
        return
    with pytest.raises(DataError, match=r"m\.png marks nothing on the part .* data\.parts to all"):
        check_place(BUMP, mask, PART)


def test_one_region_on_the_part_is_enough() -> None:
    mask = square(80, 80) | square(10, 10) | square(200, 200) | square(55, 130)
    check_place(BUMP, mask, PART)
    assert stray_regions(mask, PART) == 3
    assert stray_regions(square(80, 80) | square(80, 119), PART) == 0


def test_one_part_is_kept_or_all() -> None:
    """Two discs of radius 30 and 20: the small one has 4 of 13 parts of the points."""
    points, areas = two_discs(), [disc_mask(100, 100, 30).sum(), disc_mask(100, 100, 20).sum()]
    one = extract_foreground(points, preparation())
    assert one.mask.sum() == areas[0]
    assert one.clutter == pytest.approx(areas[1] / sum(areas))
    both = extract_foreground(points, preparation(parts="all"))
    assert both.mask.sum() == sum(areas)
    assert both.clutter == 0


def write_two(root: Path, places: tuple[str, ...]) -> Path:
    """A category of such scans; the small disc of a test/bump has a defect."""
    rng = np.random.default_rng(0)
    for place in places:
        home = root / "pair" / place
        write_png(home / "rgb/000.png", rng.integers(0, 256, (100, 200, 3), np.uint8))
        write_points(home / "xyz/000.tiff", two_discs())
        if place == "test/bump":
            mask = np.zeros((100, 200), np.uint8)
            mask[48:54, 148:154] = 255
            write_png(home / "gt/000.png", mask)
    return root


def test_preparation_refuses_a_defect_on_what_it_dropped(tmp_path: Path) -> None:
    root = write_two(tmp_path, ("train/good", "test/bump"))
    with pytest.raises(DataError, match=r"gt/000\.png marks nothing on the part"):
        prepare_category(root, "pair", tmp_path / "out", preparation(), listing(), note=print)


def test_preparation_names_the_clutter(tmp_path: Path) -> None:
    said: list[str] = []
    root = write_two(tmp_path, ("train/good", "test/good"))
    prepare_category(root, "pair", tmp_path / "out", preparation(), listing(), note=said.append)
    assert len(said) == 1
    assert "30.9% of the points that stand off the table were dropped as clutter" in said[0]
    all_parts = preparation(parts="all")
    prepare_category(root, "pair", tmp_path / "all", all_parts, listing(), note=said.append)
    assert len(said) == 1
