"""Preparation end to end on tiny scans: right, repeatable, whole or not at all."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mentor3ad.preparation.prepare as preparing
from mentor3ad.dataset.manifest import Manifest, load_foreground, load_masks
from mentor3ad.dataset.scan import RawScan, ScanFiles
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.foreground import extract_foreground
from mentor3ad.preparation.prepare import find_part, load_scan, prepare_files
from mentor3ad.preparation.resize import resize_foreground, resize_points, resize_rgb
from mentor3ad.preparation.views import Views
from mentor3ad.readers.images import read_points, read_rgb
from mentor3ad.readers.layouts import list_scans
from tests.options import listing, preparation, prepare
from tests.raw_scans import disc_points, write_data_set, write_png, write_points, write_scan

OPTIONS = preparation()


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder, by relative path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "raw")


def test_rows_describe_the_scans(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    assert [(row.id, row.label, row.mask) for row in manifest.rows] == [
        ("train/good/000", 0, None),
        ("train/good/001", 0, None),
        ("test/bump/000", 1, "disc/test/bump/gt/000.png"),
        ("test/good/000", 0, None),
    ]
    assert {(row.height, row.width) for row in manifest.rows} == {(100, 90)}
    assert manifest == Manifest.load(tmp_path / "out")


def test_foreground_is_found_at_full_size(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    foreground = load_foreground(tmp_path / "out", manifest)
    points = read_points(root / manifest.rows[1].points)
    expected = resize_foreground(extract_foreground(points, OPTIONS).mask)
    np.testing.assert_array_equal(foreground[1], expected)
    assert manifest.rows[1].n_foreground == expected.sum()


def test_masks_are_those_of_the_defect(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    masks = load_masks(tmp_path / "out", manifest)
    # 10 of 100 pixels a side, at 224 pixels, give or take the rounding of a pixel.
    assert [int(mask.sum()) > 0 for mask in masks] == [False, False, True, False]
    assert abs(int(masks[2].sum()) - 22.4**2) < 45


def test_same_bytes_for_any_number_of_workers(root: Path, tmp_path: Path) -> None:
    for workers in (1, 2, 3):
        prepare(root, "disc", tmp_path / f"out{workers}", workers=workers)
    assert digest(tmp_path / "out1") == digest(tmp_path / "out2") == digest(tmp_path / "out3")
    files = {"manifest.json", "foreground.npy", "masks.npy", "masks_as_published.npy", "traits.npy"}
    assert set(digest(tmp_path / "out1")) == files | {"pictures.npy", "points.npy", "seal.json"}


def test_same_bytes_wherever_the_root_lies(root: Path, tmp_path: Path) -> None:
    write_data_set(tmp_path / "elsewhere")
    prepare(root, "disc", tmp_path / "out1")
    prepare(tmp_path / "elsewhere", "disc", tmp_path / "out2")
    assert digest(tmp_path / "out1") == digest(tmp_path / "out2")


def test_raw_data_is_only_read(root: Path, tmp_path: Path) -> None:
    before = digest(root)
    manifest = prepare(root, "disc", tmp_path / "out")
    load_scan(root, manifest.rows[0], load_foreground(tmp_path / "out", manifest)[0])
    assert digest(root) == before


def test_one_scan_does_not_depend_on_the_others(root: Path, tmp_path: Path) -> None:
    before = prepare(root, "disc", tmp_path / "before")
    write_scan(root / "disc/train/good", "0005", seed=9)
    after = prepare(root, "disc", tmp_path / "after")
    kept = [i for i, row in enumerate(after.rows) if row.id != "train/good/0005"]
    assert tuple(after.rows[i] for i in kept) == before.rows
    old = load_foreground(tmp_path / "before", before)
    np.testing.assert_array_equal(load_foreground(tmp_path / "after", after)[kept], old)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(4)))
def test_preparation_commutes_with_the_order_of_scans(
    order: list[int], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = list_scans(root, "disc", listing())
    plain = prepare(root, "disc", tmp_path / "plain")
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "list_scans", lambda *_: tuple(scans[i] for i in order))
        shuffled = prepare(root, "disc", tmp_path / "shuffled")
    assert shuffled.rows == tuple(plain.rows[i] for i in order)
    np.testing.assert_array_equal(
        load_foreground(tmp_path / "shuffled", shuffled),
        load_foreground(tmp_path / "plain", plain)[order],
    )


def test_progress_sees_every_scan(root: Path, tmp_path: Path) -> None:
    seen: list[str] = []

    def bar(scans: Sequence[ScanFiles]) -> Iterator[ScanFiles]:
        for scan in scans:
            seen.append(scan.id)
            yield scan

    manifest = prepare(root, "disc", tmp_path / "out", bar=bar)
    assert seen == [row.id for row in manifest.rows]


def test_other_pixels_other_hash(root: Path, tmp_path: Path) -> None:
    before = prepare(root, "disc", tmp_path / "out")
    write_png(root / "disc/train/good/rgb/001.png", np.zeros((100, 90, 3), np.uint8))
    after = prepare(root, "disc", tmp_path / "out")
    changed = [a.id for a, b in zip(after.rows, before.rows, strict=True) if a != b]
    assert changed == ["train/good/001"]


@pytest.mark.parametrize("workers", [1, 2])
def test_failure_names_the_first_bad_scan_and_leaves_nothing(
    root: Path, tmp_path: Path, workers: int
) -> None:
    for name in ("train/good/xyz/001.tiff", "test/good/xyz/000.tiff"):
        write_points(root / "disc" / name, np.zeros((100, 90, 3), np.float32))
    with pytest.raises(DataError, match=r"^train/good/001 .*has no return at all"):
        prepare(root, "disc", tmp_path / "out", workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_failure_keeps_the_earlier_preparation(root: Path, tmp_path: Path) -> None:
    prepare(root, "disc", tmp_path / "out")
    before = digest(tmp_path / "out")
    (root / "disc/test/good/rgb/000.png").write_bytes(b"")
    with pytest.raises(DataError, match="not a PNG"):
        prepare(root, "disc", tmp_path / "out")
    assert digest(tmp_path / "out") == before


def test_interrupted_write_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("mentor3ad.preparation.prepare.seal_prepared", full_disk)
    with pytest.raises(OSError, match="no space"):
        prepare(root, "disc", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_leftovers_of_a_killed_run_are_cleared(root: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.killed.partial").mkdir()
    (tmp_path / ".out.killed.partial/junk").touch()
    prepare(root, "disc", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw"]
    assert "junk" not in digest(tmp_path / "out")


def test_foreign_folder_is_not_replaced(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds something else than a preparation"):
        prepare(root, "disc", root)
    assert len(list_scans(root, "disc", listing())) == 4


def test_too_few_points() -> None:
    options = preparation(min_points=40000)
    raw = RawScan(np.zeros((100, 100, 3), np.uint8), disc_points(), None)
    with pytest.raises(DataError, match=r"x/1 has \d+ foreground points at 224 x 224, fewer than"):
        find_part(raw, options, "x/1")


def test_a_scan_that_is_written_while_it_is_read_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash would be that of other bytes than its foreground."""
    read = preparing.read_scan

    def read_then_write(files: ScanFiles) -> RawScan:
        raw = read(files)
        write_png(files.rgb, np.zeros((100, 90, 3), np.uint8))
        return raw

    monkeypatch.setattr(preparing, "read_scan", read_then_write)
    with pytest.raises(DataError, match="changed while it was read"):
        prepare(root, "disc", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_view_is_of_the_very_files_that_were_prepared(root: Path, tmp_path: Path) -> None:
    """The arrays of 224 pixels may be the same, and the picture that a view is made of another."""
    manifest = prepare(root, "disc", tmp_path / "out")
    row, foreground = manifest.rows[0], load_foreground(tmp_path / "out", manifest)[0]
    image = root / row.rgb
    image.write_bytes(image.read_bytes() + b"more")  # which no reader of the image sees
    load_scan(root, row, foreground)
    with pytest.raises(DataError, match="is not what was prepared as train/good/000"):
        load_scan(root, row, foreground, Views(picture=256), OPTIONS)


def test_good_scan_with_a_marked_defect(root: Path, tmp_path: Path) -> None:
    write_png(root / "disc/test/good/gt/000.png", np.eye(100, 90, dtype=np.uint8))
    with pytest.raises(DataError, match="marks 90 defect pixels on a good scan"):
        prepare(root, "disc", tmp_path / "out")


def test_loaded_scan_is_what_the_backbones_see(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    row, foreground = manifest.rows[0], load_foreground(tmp_path / "out", manifest)[0]
    scan = load_scan(root, row, foreground)
    np.testing.assert_array_equal(scan.rgb, resize_rgb(read_rgb(root / row.rgb)))
    points = resize_points(read_points(root / row.points))
    np.testing.assert_array_equal(scan.points[foreground], points[foreground])
    np.testing.assert_array_equal(scan.foreground, foreground)


def test_new_scan_is_prepared_as_one_of_the_data_set(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    row, foreground = manifest.rows[2], load_foreground(tmp_path / "out", manifest)[2]
    known = load_scan(root, row, foreground)
    new = prepare_files(replace(row.files(root), id="new", mask=None), OPTIONS)
    np.testing.assert_array_equal(new.rgb, known.rgb)
    np.testing.assert_array_equal(new.points, known.points)


def test_scan_that_changed_since_is_refused(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, "disc", tmp_path / "out")
    foreground = load_foreground(tmp_path / "out", manifest)[0]
    write_points(root / "disc/train/good/xyz/000.tiff", disc_points(100, 90) * np.float32(0))
    with pytest.raises(DataError, match="is not what was prepared as train/good/000"):
        load_scan(root, manifest.rows[0], foreground)
