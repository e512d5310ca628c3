"""extract_category: a changed scan is extracted alone, with the bytes of a run from scratch."""

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import tifffile
import torch
from PIL import Image

import mentor3ad.extraction.category as category
import mentor3ad.extraction.identity as identity
import mentor3ad.preparation.prepare as preparing
from bench import rooms
from mentor3ad.dataset.manifest import Manifest
from mentor3ad.dataset.scan import RawScan, ScanFiles
from mentor3ad.extraction.category import Extracted, extract_category
from mentor3ad.extraction.identity import source_sha256
from mentor3ad.extraction.scan import Backbones
from mentor3ad.params.schema import Features
from mentor3ad.plumbing.errors import DataError
from mentor3ad.preparation.prepare import prepare_category
from mentor3ad.seals.seal import SEAL_FILE
from testbed.clone import digest as digest_of
from tests.options import listing, preparation, prepare
from tests.paths import ROOT
from tests.raw_scans import write_data_set, write_scan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def options(params) -> Features:
    points = params.features.points.model_copy(update={"groups": 16, "group_size": 8})
    return params.features.model_copy(
        update={"points": points, "shard": 3, "layout": "factored", "codec": "blosc"}
    )


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, backbones: Backbones) -> None:
    """The ViT's two blocks of conftest.py, whatever the params say."""
    monkeypatch.setattr(Backbones, "load", classmethod(lambda cls, *_: backbones))


def extract(folder: Path, options: Features, staging: Path | None = None) -> Extracted:
    prepare(folder / "raw", "disc", folder / "prepared")
    return run(folder, options, staging)


def run(folder: Path, options: Features, staging: Path | None = None) -> Extracted:
    staging = staging or folder / "staging"
    out = folder / "disc.zarr"
    return extract_category(folder / "prepared", folder / "raw", out, options, staging, CPU)


def store(folder: Path) -> dict[str, str]:
    """Hashes of a store's files, but for its seal, which names the preparation's."""
    found = (folder / "disc.zarr").rglob("*")
    files = sorted(f for f in found if f.is_file() and f.name != SEAL_FILE)
    return {
        f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files
    }


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, options: Features, backbones: Backbones
) -> Path:
    """Four scans, extracted once."""
    folder = tmp_path_factory.mktemp("first")
    write_data_set(folder / "raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Backbones, "load", classmethod(lambda cls, *_: backbones))
        assert extract(folder, options) == Extracted(scans=4, computed=4, reused=0)
    return folder


@pytest.fixture
def folder(first: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "again"))


def add(train: Path) -> None:
    write_scan(train, "000a", seed=7)


def replace(train: Path) -> None:
    write_scan(train, "001", seed=8)


def remove(train: Path) -> None:
    for file in ("rgb/000.png", "xyz/000.tiff"):
        (train / file).unlink()


def append(train: Path) -> None:
    """A scan that comes after all others."""
    write_scan(train.parents[1] / "test/good", "001", seed=9)


def rename(train: Path) -> None:
    (train / "rgb/000.png").rename(train / "rgb/002.png")
    (train / "xyz/000.tiff").rename(train / "xyz/002.tiff")


@pytest.mark.parametrize(
    ("change", "done"),
    [
        (add, Extracted(5, computed=1, reused=4)),
        (replace, Extracted(4, computed=1, reused=3)),
        (remove, Extracted(3, computed=0, reused=3)),
        (rename, Extracted(4, computed=0, reused=4)),
    ],
)
def test_only_a_changed_scan_is_computed(
    folder: Path, options: Features, change, done: Extracted
) -> None:
    change(folder / "raw/disc/train/good")
    assert extract(folder, options) == done
    incremental = store(folder)
    assert extract(folder, options, folder / "new").computed == done.scans
    assert store(folder) == incremental


def test_another_param_computes_all(folder: Path, options: Features) -> None:
    points = options.points.model_copy(update={"group_size": 4})
    other = options.model_copy(update={"points": points})
    assert extract(folder, other) == Extracted(4, computed=4, reused=0)


def test_another_precision_computes_all(
    folder: Path, options: Features, backbones: Backbones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what `auto` stands for: the params may be the same on a machine with other hardware."""
    other = dataclasses.replace(backbones, precision={"rgb": "bfloat16", "points": "float32"})
    monkeypatch.setattr(Backbones, "load", classmethod(lambda cls, *_: other))
    assert extract(folder, options) == Extracted(4, computed=4, reused=0)


def test_no_more_than_two_shards_are_in_memory(
    tmp_path: Path, options: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: scans are begun no further than a shard ahead of the written one."""
    begun, furthest = [0], []
    load = category.CategoryScans.load

    def counted(scans: category.CategoryScans, sample: int):
        begun[0] = max(begun[0], sample + 1)
        return load(scans, sample)

    def written(shards: Sequence[int]) -> Iterator[int]:
        for shard in shards:
            yield shard
            furthest.append(begun[0] - shard)

    monkeypatch.setattr(category.CategoryScans, "load", counted)
    write_data_set(tmp_path / "raw")
    for i in range(3):
        write_scan(tmp_path / "raw/disc/train/good", f"1{i:02d}", seed=20 + i)
    prepare(tmp_path / "raw", "disc", tmp_path / "prepared")
    one_a_shard = options.model_copy(update={"shard": 1})
    done = extract_category(
        tmp_path / "prepared",
        tmp_path / "raw",
        tmp_path / "out.zarr",
        one_a_shard,
        tmp_path / "staging",
        CPU,
        written,
    )
    assert done == Extracted(7, computed=7, reused=0)
    assert max(furthest) <= 2
    assert begun == [7]


def test_another_codec_computes_none(folder: Path, options: Features) -> None:
    other = options.model_copy(update={"codec": "raw"})
    assert extract(folder, other) == Extracted(4, computed=0, reused=4)


def test_another_foreground_of_the_same_files_is_computed(folder: Path, options: Features) -> None:
    """Another way to find the part is no other content of the files."""
    before = [row.prepared_sha256 for row in Manifest.load(folder / "prepared").rows]
    cut = preparation(plane_removal=False)
    manifest = prepare_category(folder / "raw", "disc", folder / "prepared", cut, listing())
    assert all(row.prepared_sha256 not in before for row in manifest.rows)
    assert run(folder, options) == Extracted(4, computed=4, reused=0)


# What computes nothing again


def encode_anew(raw: Path) -> None:
    """The same pixels in other files: PNG of another compression, TIFF with one."""
    for path in raw.rglob("rgb/*.png"):
        with Image.open(path) as image:
            image.load()
            image.save(path, compress_level=0)
    for path in raw.rglob("xyz/*.tiff"):
        tifffile.imwrite(path, tifffile.imread(path), compression="zlib", photometric="rgb")


def test_files_encoded_anew_without_loss_compute_none(folder: Path, options: Features) -> None:
    before, files = store(folder), digest_of(folder / "raw")
    encode_anew(folder / "raw")
    assert set(files.values()).isdisjoint(
        value for name, value in digest_of(folder / "raw").items() if "/gt/" not in name
    )
    assert extract(folder, options) == Extracted(4, computed=0, reused=4)
    assert store(folder) == before


def test_moved_files_compute_none(folder: Path, options: Features) -> None:
    before = store(folder)
    (folder / "raw").rename(folder / "elsewhere")
    prepare(folder / "elsewhere", "disc", folder / "prepared")
    out, staging = folder / "disc.zarr", folder / "staging"
    root = folder / "elsewhere"
    done = extract_category(folder / "prepared", root, out, options, staging, CPU)
    assert done == Extracted(4, computed=0, reused=4)
    assert store(folder) == before


def test_a_reader_that_changes_one_scans_arrays_computes_that_scan_alone(
    folder: Path, options: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = preparing.read_scan

    def brighter(files: ScanFiles) -> RawScan:
        raw = read(files)
        return dataclasses.replace(raw, rgb=255 - raw.rgb) if files.id == "train/good/001" else raw

    monkeypatch.setattr(preparing, "read_scan", brighter)
    assert extract(folder, options) == Extracted(4, computed=1, reused=3)


# A key is of the very arrays that are used


def test_a_scan_that_changed_since_it_was_prepared_is_refused(
    folder: Path, options: Features
) -> None:
    """Otherwise its features would be kept under the key of the scan that was prepared."""
    train = folder / "raw/disc/train/good"
    write_scan(train, "000", seed=8)
    fresh = folder / "fresh"
    with pytest.raises(DataError, match=r"train/good/000: run prepare again"):
        run(folder, options, fresh)
    write_scan(train, "000", seed=1)
    assert extract(folder, options, fresh).scans == 4


# What else computes again


def test_the_same_code_and_libraries_are_the_same_source() -> None:
    assert source_sha256(CPU) == source_sha256(CPU)


@pytest.mark.parametrize(
    ("name", "value"),
    [("_code_sha256", lambda: "edited"), ("version", lambda library: "99")],
    ids=["code", "library"],
)
def test_other_code_or_libraries_are_another_source(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    before = source_sha256(CPU)
    monkeypatch.setattr(identity, name, value)
    assert source_sha256(CPU) != before


def test_the_code_of_the_source_is_all_that_computes_features() -> None:
    """All that the computing modules import, but for what makes the arrays and the weights."""
    package = ROOT / "pipeline"
    names = ("extraction/scan.py", "extraction/batched.py", "compute/process.py")
    entered = [package / name for name in names]
    needed = {file for entry in entered for file in rooms.closure(entry)}
    apart = [package / room for room in ("preparation", "exhibits", "readers", "weights", "cache")]
    apart += [package / "seals", package / "dataset/bitmaps.py"]
    apart += [
        package / "dataset" / name for name in ("manifest.py", "scan.py", "traits.py", "window.py")
    ]
    needed = {
        file
        for file in needed
        if not rooms.changes_no_result(file)
        and not any(place == file or place in file.parents for place in apart)
    }
    counted = [package / part for part in identity.CODE]
    files = {f for part in counted for f in ([part] if part.is_file() else part.rglob("*.py"))}
    assert needed - files == set()
    assert {f for f in files - needed if not rooms.changes_no_result(f)} == set()


@pytest.mark.parametrize(
    ("done", "line"),
    [
        (Extracted(13, 1, 12), "13 scans: 1 computed, 12 reused"),
        (Extracted(2, 2, 0, "it was damaged"), "2 scans: 2 computed, 0 reused (it was damaged)"),
        (
            Extracted(13, 1, 8),
            "13 scans: 1 computed, 8 reused, 4 kept from an interrupted run",
        ),
        (Extracted(13, 0, 0), "13 scans: 0 computed, 0 reused, 13 found finished"),
    ],
)
def test_the_line_of_the_stage(done: Extracted, line: str) -> None:
    assert str(done) == line


# Whole shards at once, as on CUDA


def batched(folder: Path, options: Features, staging: Path) -> Extracted:
    prepare(folder / "raw", "disc", folder / "prepared")
    out = folder / "disc.zarr"
    return extract_category(
        folder / "prepared", folder / "raw", out, options, staging, CPU, batched=True
    )


@pytest.mark.parametrize(
    ("change", "computed"),
    [
        (None, 0),
        (add, 5),  # every shard has another scan first
        (append, 2),  # the first shard of three is as it was
    ],
)
def test_in_batches_whole_shards_are_reused(
    first: Path, tmp_path: Path, options: Features, change, computed: int
) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "again"))
    assert batched(folder, options, tmp_path / "staging") == Extracted(4, 4, 0)
    if change:
        change(folder / "raw/disc/train/good")
    assert batched(folder, options, tmp_path / "staging").computed == computed
    incremental = store(folder)
    done = batched(folder, options, tmp_path / "new")
    assert done.computed == done.scans
    assert store(folder) == incremental


def test_batches_and_scans_alone_are_not_taken_for_each_other(
    first: Path, tmp_path: Path, options: Features
) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "again"))
    assert batched(folder, options, folder / "staging") == Extracted(4, 4, 0)


def test_in_batches_an_error_names_the_scan(first: Path, tmp_path: Path, options: Features) -> None:
    folder = Path(shutil.copytree(first, tmp_path / "again"))
    points = options.points.model_copy(update={"groups": 60000})
    options = options.model_copy(update={"points": points})
    with pytest.raises(DataError, match=r"000\.tiff: \d+ foreground points are too few"):
        batched(folder, options, tmp_path / "staging")
