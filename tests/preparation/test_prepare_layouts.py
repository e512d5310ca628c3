"""Preparation of every layout: rows hold all that reading a scan again needs, and no more."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentor3ad.dataset.manifest import Manifest, load_foreground, load_masks
from mentor3ad.exhibits.store import Exhibits
from mentor3ad.params.schema import Listing
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.prepare import find_part, load_scan, prepare_category, prepare_files
from mentor3ad.preparation.resize import resize_foreground, resize_rgb, restore_rgb
from mentor3ad.preparation.summary import describe
from mentor3ad.readers.layouts import list_scans, read_scan
from testbed.raw_files import png_bytes
from tests.options import listing, preparation
from tests.raw_data_sets import (
    LAYOUTS,
    plant_scan,
    write_eyecandies,
    write_folder,
    write_mask,
    write_nested,
    write_pair,
)
from tests.raw_scans import disc_mask, write_png, write_points

OPTIONS = preparation()


@pytest.fixture(params=sorted(LAYOUTS))
def case(request, tmp_path: Path) -> tuple[Path, str, Listing]:
    write, category, layout = LAYOUTS[request.param]
    return write(tmp_path / "raw"), category, layout


def prepare(case: tuple[Path, str, Listing], out: Path) -> Manifest:
    root, category, layout = case
    return prepare_category(root, category, out, OPTIONS, layout)


def test_a_row_reads_the_scan_that_was_listed(case, tmp_path: Path) -> None:
    manifest = prepare(case, tmp_path / "out")
    assert tuple(row.files(case[0]) for row in Manifest.load(tmp_path / "out").rows) == list_scans(
        *case
    )
    assert manifest == Manifest.load(tmp_path / "out")


def test_two_folders_of_one_split_must_not_share_a_name(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "val", "validation")):
        write_pair(tmp_path / "raw/part" / split, "0", seed=i)
    case = tmp_path / "raw", "part", listing(layout="folder")
    with pytest.raises(DataError, match=r"validation\S* and \S*val\S* are both \S*0: rename one"):
        prepare(case, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_loaded_scan_is_the_listed_one_at_224(case, tmp_path: Path) -> None:
    manifest = prepare(case, tmp_path / "out")
    foreground = load_foreground(tmp_path / "out", manifest)
    for row, mask in zip(manifest.rows, foreground, strict=True):
        raw, loaded = read_scan(row.files(case[0])), load_scan(case[0], row, mask)
        np.testing.assert_array_equal(loaded.rgb, resize_rgb(raw.rgb))
        np.testing.assert_array_equal(loaded.foreground, mask)
        assert row.n_foreground == mask.sum()


def test_later_stages_are_given_what_the_networks_see(case, tmp_path: Path) -> None:
    """The points of every scan and the pictures of test scans."""
    manifest = prepare(case, tmp_path / "out")
    exhibits = Exhibits.load(tmp_path / "out", manifest)
    tested = [i for i, row in enumerate(manifest.rows) if row.split == "test"]
    assert exhibits.tested == tuple(tested) != ()
    foreground = load_foreground(tmp_path / "out", manifest)
    for i, row in enumerate(manifest.rows):
        scan = load_scan(case[0], row, foreground[i])
        np.testing.assert_array_equal(exhibits.points(i), scan.points)
        if i in tested:
            np.testing.assert_array_equal(exhibits.picture(i), restore_rgb(scan.rgb))


def test_a_new_scan_is_prepared_as_one_of_the_data_set(case, tmp_path: Path) -> None:
    manifest = prepare(case, tmp_path / "out")
    foreground = load_foreground(tmp_path / "out", manifest)[0]
    known = load_scan(case[0], manifest.rows[0], foreground)
    new = prepare_files(manifest.rows[0].files(case[0]), OPTIONS)
    np.testing.assert_array_equal(new.points, known.points)
    np.testing.assert_array_equal(new.rgb, known.rgb)


def test_raw_data_is_only_read(case, tmp_path: Path) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        files = [path for path in case[0].rglob("*") if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    prepare(case, tmp_path / "out")
    assert state() == before


# Order and names


def by_content(manifest: Manifest, folder: Path) -> dict[str, tuple[object, ...]]:
    """All that preparation found in a scan, by its content: no name, no place."""
    foreground, masks = load_foreground(folder, manifest), load_masks(folder, manifest)
    return {
        row.sha256: (row.split, row.label, row.plane, f.tobytes(), m.tobytes())
        for row, f, m in zip(manifest.rows, foreground, masks, strict=True)
    }


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)))
@pytest.mark.parametrize("home", ["train/good", "good"])
def test_preparation_commutes_with_the_order_of_scans(
    order: list[int], home: str, tmp_path: Path
) -> None:
    """Renaming files permutes rows; without splits it moves no scan between train and test."""
    results = []
    for name, stems in ("plain", range(5)), ("renamed", order):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        root, out = tmp_path / name / "raw", tmp_path / name / "out"
        for seed, stem in enumerate(stems):
            write_pair(root / "part" / home, f"scan {stem}", seed=seed)
        manifest = prepare_category(root, "part", out, OPTIONS, listing(layout="folder"))
        results.append(by_content(manifest, out))
    assert results[0] == results[1]
    assert len(results[0]) == 5


# What content and features depend on


def hashes(root: Path, category: str, layout: Listing, out: Path) -> list[str]:
    return [row.sha256 for row in prepare_category(root, category, out, OPTIONS, layout).rows]


def test_another_light_is_another_content(tmp_path: Path) -> None:
    root = write_eyecandies(tmp_path / "raw")
    one, two = (
        hashes(root, "GummyBear", listing("eyecandies", light), tmp_path / str(light))
        for light in (4, 0)
    )
    assert not set(one) & set(two)


@pytest.mark.parametrize("item", ["image_4.png", "info_depth.yaml", "pose.txt", "mask.png"])
def test_content_is_every_file_that_is_read(tmp_path: Path, item: str) -> None:
    root = write_eyecandies(tmp_path / "raw")
    layout = listing("eyecandies")
    before = hashes(root, "GummyBear", layout, tmp_path / "a")
    path = root / f"GummyBear/train/data/000_{item}"
    path.write_bytes(path.read_bytes() + b"\n")
    after = hashes(root, "GummyBear", layout, tmp_path / "b")
    assert [a != b for a, b in zip(before, after, strict=True)] == [True] + [False] * 5


def test_content_is_no_file_that_is_not_read(tmp_path: Path) -> None:
    root = write_eyecandies(tmp_path / "raw")
    layout = listing("eyecandies")
    before = hashes(root, "GummyBear", layout, tmp_path / "a")
    for item in ("image_0.png", "normals.png"):
        (root / f"GummyBear/train/data/000_{item}").write_bytes(b"")
    assert hashes(root, "GummyBear", layout, tmp_path / "b") == before


# Height maps, whole: from counts to the part


def write_heights(folder: Path, counts: np.ndarray, form: str) -> None:
    """One scan of a profiler: an intensity and its heights, invalid where counts are 0."""
    write_png(folder / "1_intensity.png", np.full(counts.shape, 90, np.uint8))
    if form == "csv":
        rows = (",".join("" if c == 0 else f"{c * 0.01 - 100:.2f}" for c in r) for r in counts)
        (folder / "1_height.csv").write_text("\n".join(rows))
    elif form == "png":
        (folder / "1_height.png").write_bytes(png_bytes(counts[..., None], 0))
    else:
        tifffile.imwrite(folder / "1_height.tiff", counts)


@pytest.mark.parametrize("form", ["png", "tiff", "csv"])
def test_height_map_of_a_part_on_a_table(tmp_path: Path, form: str) -> None:
    """A table that is tilted through height 0, a part of 20 mm on it, no return here and there."""
    height, width = 101, 91  # so that one pixel is right in the middle
    part = disc_mask(height, width, 30)
    rise = 0.1 * (np.arange(width) - width // 2) + np.where(part, 20, 0)  # (H, W) mm
    counts = np.rint((rise + 100) / 0.01).astype(np.uint16)
    counts[::7, ::11] = 0
    home = tmp_path / "raw/part"
    write_heights(home / "train", counts, form)
    scales = "" if form == "csv" else "z_scale: 0.01\nz_offset: -100\ninvalid: 0\n"
    (home / "heightmap.yaml").write_text("pitch_x: 1.0\npitch_y: 1.0\n" + scales)
    layout = listing("folder", units="mm")
    manifest = prepare_category(home.parent, "part", tmp_path / "out", OPTIONS, layout)
    (foreground,) = load_foreground(tmp_path / "out", manifest)
    np.testing.assert_array_equal(foreground, resize_foreground(part & (counts > 0)))
    assert manifest.rows[0].plane == "removed"
    scan = load_scan(home.parent, manifest.rows[0], foreground)
    np.testing.assert_array_equal(scan.foreground, foreground)


# What became of the table


def test_the_table_is_removed_or_not_looked_for(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "raw")
    layout = listing(layout="folder")
    for options, plane in (OPTIONS, "removed"), (preparation(plane_removal=False), "off"):
        manifest = prepare_category(root, "part", tmp_path / plane, options, layout)
        assert {row.plane for row in manifest.rows} == {plane}


def test_a_scan_without_a_table_says_so(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "raw")
    points = plant_scan(0)[1]
    points[~disc_mask(90, 100, 25)] = 0
    np.save(root / "part/train/good/0.npy", points)
    manifest = prepare_category(root, "part", tmp_path / "out", OPTIONS, listing(layout="folder"))
    assert [row.plane for row in manifest.rows] == ["none"] + ["removed"] * 4


def test_candies_come_without_their_background(tmp_path: Path) -> None:
    root = write_eyecandies(tmp_path / "raw")
    scan = list_scans(root, "GummyBear", listing("eyecandies"))[0]
    raw = read_scan(scan)
    part = find_part(raw, OPTIONS, scan.id)
    assert part.plane == "before"
    np.testing.assert_array_equal(part.foreground, resize_foreground(raw.points.all(axis=-1)))


# The line for the terminal


def test_the_summary_counts_splits_kinds_and_tables(tmp_path: Path) -> None:
    root = write_eyecandies(tmp_path / "raw")
    layout = listing("eyecandies", test_private=True)
    manifest = prepare_category(root, "GummyBear", tmp_path / "out", OPTIONS, layout)
    assert describe(manifest) == (
        "GummyBear: train 2 good, validation 1 good, test 1 good + 2 defective + 1 unknown; "
        "background removed before, used as it is in 7"
    )


def test_the_summary_tells_tables_apart(tmp_path: Path) -> None:
    root = tmp_path / "raw"
    for i in range(2):
        write_nested(root / "part/train/good", str(i), seed=i)
    image, points = plant_scan(5)
    points[~disc_mask(90, 100, 25)] = 0
    write_png(root / "part/test/dent/rgb/0.png", image)
    write_points(root / "part/test/dent/xyz/0.tiff", points)
    write_mask(root / "part/test/dent/gt/0.png", True, (90, 100))
    manifest = prepare_category(root, "part", tmp_path / "out", OPTIONS, listing(layout="folder"))
    assert describe(manifest) == (
        "part: train 2 good, test 1 defective; table found and removed in 2, no table found in 1"
    )
