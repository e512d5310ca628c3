"""One scan: what it measures, and each thing that can be wrong with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.preparation.prepare import find_part
from mentor3ad.readers.layouts import list_scans, read_scan
from mentor3ad.validation.scan import CheckedScan, check_scan
from tests.options import listing, preparation
from tests.raw_data_sets import LAYOUTS, write_mask
from tests.raw_scans import disc_points, write_data_set, write_png, write_points

OPTIONS = preparation()


@pytest.fixture
def bump(tmp_path: Path) -> ScanFiles:
    """A defective scan of 100 x 90 pixels with its mask."""
    return list_scans(write_data_set(tmp_path), "disc", listing())[2]


def kinds(checked: CheckedScan) -> list[str]:
    return [problem.kind for problem in checked.problems]


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_good_scan_has_no_problem_and_measures_as_prepared(name: str, tmp_path: Path) -> None:
    write, category, layout = LAYOUTS[name]
    for files in list_scans(write(tmp_path), category, layout):
        checked, raw = check_scan(files, OPTIONS), read_scan(files)
        part = find_part(raw, OPTIONS, files.id)
        assert checked.problems == ()
        measures = checked.measures
        assert measures is not None
        assert (measures.height, measures.width) == raw.rgb.shape[:2]
        assert measures.valid_share == raw.points.any(axis=-1).mean()
        assert measures.foreground_share == part.foreground.mean()
        assert (measures.plane, measures.preprocessed) == (part.plane, raw.part_only)


def test_lengths_are_metres(bump: ScanFiles) -> None:
    """1 mm a pixel: the scene is 90 x 100 mm and the part a disc of 40 to 70 mm."""
    measures = check_scan(bump, OPTIONS).measures
    assert measures is not None
    assert measures.view_m == pytest.approx(np.hypot(0.09, 0.1), rel=0.05)
    assert measures.part_m is not None
    assert 0.04 * 2**0.5 * 0.9 < measures.part_m < 0.07 * 2**0.5 * 1.1


def test_the_part_is_as_long_in_a_crop(bump: ScanFiles) -> None:
    """The foreground of a crop is of the crop's pixels, and so must its points be."""
    whole = check_scan(bump, OPTIONS).measures
    crop = check_scan(bump, OPTIONS.model_copy(update={"crop": "part"})).measures
    assert whole is not None
    assert crop is not None
    assert crop.part_m == pytest.approx(whole.part_m, rel=0.05)


@pytest.mark.parametrize(
    ("factor", "said"), [(200, "a scene of 26.9 m"), (0.001, "a scene of 0.134 mm")]
)
def test_a_scene_no_sensor_sees_is_of_other_units(
    bump: ScanFiles, factor: float, said: str
) -> None:
    write_points(bump.points, disc_points(100, 90) * np.float32(factor))
    checked = check_scan(bump, OPTIONS)
    assert kinds(checked) == ["units"]
    assert checked.problems[0].path == bump.points
    assert said in checked.problems[0].message
    assert checked.measures is not None
    assert checked.measures.foreground_share is None


def test_millimetres_that_the_reader_refuses_are_units_as_well(bump: ScanFiles) -> None:
    write_points(bump.points, disc_points(100, 90) * 1000)
    assert kinds(check_scan(bump, OPTIONS)) == ["units"]


def test_an_unreadable_image_is_named(bump: ScanFiles) -> None:
    bump.rgb.write_bytes(b"\x89PNG")
    checked = check_scan(bump, OPTIONS)
    assert [(p.kind, p.path) for p in checked.problems] == [("unreadable", bump.rgb)]
    assert checked.measures is None


def test_an_unreadable_geometry_is_named(bump: ScanFiles) -> None:
    bump.points.write_bytes(b"II*\0")
    checked = check_scan(bump, OPTIONS)
    assert [(p.kind, p.path) for p in checked.problems] == [("unreadable", bump.points)]


def test_files_of_other_sizes_do_not_fit(bump: ScanFiles) -> None:
    write_points(bump.points, disc_points(90, 90))
    checked = check_scan(bump, OPTIONS)
    assert [(p.kind, p.path) for p in checked.problems] == [("mismatch", bump.points)]


@pytest.mark.parametrize("harm", ["size", "bytes"])
def test_a_mask_that_cannot_be_used_leaves_the_rest_measured(bump: ScanFiles, harm: str) -> None:
    assert bump.mask is not None
    if harm == "size":
        write_mask(bump.mask, True, (50, 90))
    else:
        bump.mask.write_bytes(b"none")
    checked = check_scan(bump, OPTIONS)
    assert [(p.kind, p.path) for p in checked.problems] == [("mask", bump.mask)]
    assert checked.measures is not None
    assert checked.measures.foreground_share is not None


def test_of_a_bad_scan_with_a_bad_mask_the_scan_is_reported(bump: ScanFiles) -> None:
    assert bump.mask is not None
    bump.mask.write_bytes(b"none")
    write_points(bump.points, disc_points(90, 90))
    assert kinds(check_scan(bump, OPTIONS)) == ["mismatch"]


def test_a_good_scan_with_a_marked_mask_is_reported(bump: ScanFiles) -> None:
    checked = check_scan(replace(bump, label=0), OPTIONS)
    assert kinds(checked) == ["mask"]
    assert "marks 100 defect pixels on a good scan" in checked.problems[0].message


def test_a_defect_that_its_mask_does_not_show_is_reported(bump: ScanFiles) -> None:
    assert bump.mask is not None
    write_mask(bump.mask, False, (100, 90))
    checked = check_scan(bump, OPTIONS)
    assert kinds(checked) == ["empty_mask"]
    assert "marks no pixel on a defective scan" in checked.problems[0].message


def test_a_mask_that_vanishes_at_224_is_reported(bump: ScanFiles) -> None:
    """Of 448 pixels a side every other one is picked: a single pixel may fall between."""
    assert bump.mask is not None
    points = disc_points(448, 448, radius=150)
    write_points(bump.points, points)
    write_png(bump.rgb, np.full((448, 448, 3), 99, np.uint8))
    counts = []
    for row in (200, 201):
        mask = np.zeros((448, 448), np.uint8)
        mask[row, row] = 255
        write_png(bump.mask, mask)
        counts.append(kinds(check_scan(bump, OPTIONS)))
    assert sorted(counts) == [[], ["empty_mask"]]


def test_a_scan_without_a_part_is_reported(bump: ScanFiles) -> None:
    checked = check_scan(bump, preparation(min_points=50_000))
    assert kinds(checked) == ["foreground"]
    assert "data.foreground.min_points = 50000" in checked.problems[0].message


def test_hashes_are_of_the_bytes(bump: ScanFiles) -> None:
    one = check_scan(bump, OPTIONS)
    image = Image.open(bump.rgb)
    image.load()
    image.save(bump.rgb, format="PNG", compress_level=0)
    other = check_scan(bump, OPTIONS)
    assert one.image != other.image
    assert one.geometry == other.geometry


def test_a_sidecar_is_part_of_the_geometry(tmp_path: Path) -> None:
    write, category, layout = LAYOUTS["eyecandies"]
    files = list_scans(write(tmp_path), category, layout)[0]
    before = check_scan(files, OPTIONS)
    pose = files.sidecars["pose"]
    pose.write_text(pose.read_text() + "\n")
    after = check_scan(files, OPTIONS)
    assert (before.image, before.geometry != after.geometry) == (after.image, True)


def rewritten(bump: ScanFiles, mask: np.ndarray) -> CheckedScan:
    assert bump.mask is not None
    write_png(bump.mask, mask)
    return check_scan(bump, OPTIONS)


def test_an_inverted_mask_is_an_error(bump: ScanFiles) -> None:
    mask = np.full((100, 90), 255, np.uint8)
    mask[40:50, 40:50] = 0
    checked = rewritten(bump, mask)
    assert kinds(checked) == ["mask", "large_mask"]
    assert "looks inverted" in checked.problems[0].message


def test_more_than_half_marked_is_worth_a_look(bump: ScanFiles) -> None:
    mask = np.zeros((100, 90), np.uint8)
    mask[:51] = 255
    assert kinds(rewritten(bump, mask)) == ["large_mask"]


def test_values_between_are_told(bump: ScanFiles) -> None:
    mask = np.zeros((100, 90), np.uint8)
    mask[39:51, 39:51] = 60
    mask[40:50, 40:50] = 255
    checked = rewritten(bump, mask)
    assert kinds(checked) == ["grey_mask"]


def test_a_mask_beside_the_part_is_an_error_and_one_of_its_regions_is_told(bump: ScanFiles) -> None:
    mask = np.zeros((100, 90), np.uint8)
    mask[2:6, 2:6] = 255
    checked = rewritten(bump, mask)
    assert kinds(checked) == ["mask"]
    assert "marks nothing on the part" in checked.problems[0].message
    mask[40:50, 40:50] = 255
    checked = rewritten(bump, mask)
    assert kinds(checked) == ["stray_mask"]
    assert "has 1 region off the part" in checked.problems[0].message


@pytest.mark.parametrize(("brightest", "found"), [(64, ["dark"]), (65, [])])
def test_a_picture_that_is_almost_black_is_told(
    bump: ScanFiles, brightest: int, found: list[str]
) -> None:
    image = np.full((100, 90, 3), 2, np.uint8)
    image[:10, :10] = brightest
    write_png(bump.rgb, image)
    checked = check_scan(bump, OPTIONS)
    assert kinds(checked) == found
    assert checked.measures is not None
    assert checked.measures.brightness == pytest.approx(2 + (brightest - 2) * 100 / 9000)


def test_a_number_for_no_return_is_named(bump: ScanFiles) -> None:
    points = disc_points(100, 90)
    points[~points.any(axis=-1)] = -1
    points[:12] = -1
    write_points(bump.points, points)
    checked = check_scan(bump, OPTIONS)
    assert kinds(checked) == ["no_return"]
    assert "set data.invalid to -1.0" in checked.problems[0].message
    assert kinds(check_scan(replace(bump, invalid=-1.0), OPTIONS)) == []
