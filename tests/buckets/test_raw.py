"""Raw scans in a bucket: prepared and read as local ones are, and few of them here at a time."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import mentor3ad.buckets.raw as raw
from mentor3ad.buckets.access import bucket_at
from mentor3ad.buckets.inventory import INVENTORY_FILE, Inventory
from mentor3ad.buckets.raw import RawScans, raw_scans
from mentor3ad.dataset.manifest import Manifest, load_foreground
from mentor3ad.extraction.category import CategoryScans
from mentor3ad.params.schema import Listing
from mentor3ad.plumbing.errors import BusyError, DataError
from mentor3ad.preparation.prepare import load_scan, prepare_category
from testbed.s3_server import S3Server
from tests.options import listing, preparation
from tests.raw_data_sets import LAYOUTS
from tests.raw_scans import write_data_set


def put(root: Path, bucket: str) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            bucket_at(bucket).replace(path.relative_to(root).as_posix(), path.read_bytes())


def inventory_of(url: str, root: Path, category: str) -> Path:
    """A `data.root` with the inventory of a category."""
    (root / category).mkdir(parents=True)
    text = Inventory.take(url).to_text()
    (root / category / INVENTORY_FILE).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "local")


@pytest.fixture
def root(local: Path, bucket: str, tmp_path: Path) -> Path:
    """A `data.root` of the same scans in a bucket."""
    put(local, bucket)
    return inventory_of(f"{bucket}/disc", tmp_path / "inventory", "disc")


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def prepare(scans: RawScans, category: str, out: Path, options: Listing | None = None) -> Manifest:
    return prepare_category(
        *(scans.root, category, out, preparation(), options or listing()),
        workers=2,
        fetching=scans.fetching,
    )


def test_the_inventory_lists_every_file_sorted(root: Path, local: Path, bucket: str) -> None:
    found = Inventory.load(root / "disc" / INVENTORY_FILE)
    files = sorted(p for p in (local / "disc").rglob("*") if p.is_file())
    names = sorted((p.relative_to(local / "disc").as_posix(), p.stat().st_size) for p in files)
    assert [(file.key, file.size) for file in found.files] == names
    assert found == Inventory.take(f"{bucket}/disc")


def test_a_key_that_is_a_folder_too_is_refused(bucket: str) -> None:
    for key in ("disc/a", "disc/a/b"):
        bucket_at(bucket).replace(key, b"x")
    with pytest.raises(DataError, match="holds 'a' as a file and as a folder: rename one of them"):
        Inventory.take(f"{bucket}/disc")


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_preparation_has_the_bytes_of_the_local_one(
    layout: str, bucket: str, tmp_path: Path
) -> None:
    write, category, options = LAYOUTS[layout]
    local = write(tmp_path / "local", category)
    put(local, bucket)
    root = inventory_of(f"{bucket}/{category}", tmp_path / "inventory", category)
    prepare(RawScans(local), category, tmp_path / "a", options)
    with raw_scans(root, category, tmp_path / "staging", names=True) as scans:
        prepare(scans, category, tmp_path / "b", options)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert not (tmp_path / "staging/raw" / category / "scans").exists()


def test_a_scan_is_read_as_a_local_one(root: Path, local: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    manifest = prepare(RawScans(local), "disc", out)
    masks = load_foreground(out, manifest)
    with raw_scans(root, "disc") as scans:
        there = CategoryScans(scans.root, manifest.rows, masks, fetching=scans.fetching)
        for position, row in enumerate(manifest.rows):
            here = load_scan(local, row, masks[position])
            np.testing.assert_array_equal(there.load(position).points, here.points)
            np.testing.assert_array_equal(there.load(position).rgb, here.rgb)


def test_each_file_is_fetched_once_and_what_is_idle_has_bounds(
    root: Path, tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Inventory.load(root / "disc" / INVENTORY_FILE).files
    monkeypatch.setattr(raw, "ROOM", max(file.size for file in files))
    most, lock = [0], threading.Lock()

    with raw_scans(root, "disc", tmp_path / "staging", names=True) as scans, s3.requests() as asked:

        @contextmanager
        def counting(paths: Iterable[Path]) -> Iterator[None]:
            with scans.fetching(paths):
                here = (p.stat().st_size for p in scans.root.rglob("*") if p.is_file())
                with lock:
                    most[0] = max(most[0], sum(here))
                yield

        prepare(RawScans(scans.root, counting), "disc", tmp_path / "out")
    assert sorted(line.partition("/disc/")[2] for line in asked) == [file.key for file in files]
    assert most[0] < sum(file.size for file in files)


@pytest.mark.parametrize(
    "change",
    [
        lambda place, key: place.replace(key, b"another one"),
        lambda place, key: place.delete([key]),
    ],
    ids=["replaced", "gone"],
)
def test_a_file_that_is_not_the_listed_one_is_refused(
    root: Path, bucket: str, tmp_path: Path, change: Callable
) -> None:
    change(bucket_at(f"{bucket}/disc"), "train/good/rgb/000.png")
    again = "`dvc repro --force --single-item inventory@disc`"
    with (
        raw_scans(root, "disc", tmp_path / "staging", names=True) as scans,
        pytest.raises(DataError, match=r"train/good/rgb/000\.png is not what the inv") as caught,
    ):
        prepare(scans, "disc", tmp_path / "out")
    assert again in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_two_processes_do_not_share_a_folder(root: Path, tmp_path: Path) -> None:
    with (
        raw_scans(root, "disc", tmp_path),
        pytest.raises(BusyError, match="is in use by"),
        raw_scans(root, "disc", tmp_path),
    ):
        pass


def test_scans_of_a_local_root_stay_where_they_are(local: Path, tmp_path: Path) -> None:
    with raw_scans(local, "disc", tmp_path / "staging", names=True) as scans:
        assert scans.root == local
        assert not (tmp_path / "staging").exists()


@pytest.mark.parametrize("key", ["a/../../b.png", "a\\b.png", "line\nbreak.png"])
def test_a_key_that_is_no_path_is_refused(bucket: str, key: str) -> None:
    entries = [*bucket_at(bucket).entries()]
    assert entries == []
    with pytest.raises(DataError, match="is no path of a scan: rename it"):
        list(raw_files(bucket, key))


def raw_files(url: str, key: str) -> Iterator[object]:
    """What an inventory makes of a key that a server lists."""
    from datetime import UTC, datetime

    from mentor3ad.buckets.access import Entry
    from mentor3ad.buckets.inventory import _files

    return _files(url, iter([Entry(key, 1, "", datetime.now(UTC))]))


def test_a_folder_without_files_is_refused(bucket: str) -> None:
    with pytest.raises(DataError, match="holds no files"):
        Inventory.take(f"{bucket}/disc")


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_damaged_inventory_is_refused(root: Path, cut: int) -> None:
    path = root / "disc" / INVENTORY_FILE
    path.write_text(path.read_text()[:cut])
    with pytest.raises(DataError, match="is damaged"), raw_scans(root, "disc"):
        pass
