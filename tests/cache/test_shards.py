"""A shard of another store, or of another time, is refused though all its chunks are whole."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.cache.reader import Store
from mentor3ad.cache.shards import mark_shard
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from mentor3ad.seals.seal import SEAL_FILE
from tests.small_stores import CATEGORY, KIND, arrays, manifest, write

RAW = manifest(codec="raw")  # so that shards of other values are of the same size


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write(tmp_path / "rope.zarr", RAW)


def older(folder: Path) -> Path:
    """A whole store with the same manifest, of which one value is another one."""

    def compute(samples: range) -> dict[str, np.ndarray]:
        values = arrays(samples)
        values["rgb"][0, 0, 0] += 1
        return values

    write_store(folder / "older.zarr", RAW, compute, folder / "staging")
    return folder / "older.zarr"


@pytest.mark.parametrize("name", ["rgb/c/0/0/0", "rgb/c/5/0/0"])
def test_an_older_shard(store: Path, tmp_path: Path, name: str) -> None:
    shutil.copyfile(older(tmp_path) / name, store / name)
    opened = Store.open(store, KIND, CATEGORY)
    with pytest.raises(CacheError, match=f"{name} is damaged .it is of another store"):
        opened.read_samples("rgb")
    np.testing.assert_array_equal(opened.read("rgb", 4), arrays(range(4, 5))["rgb"][0])


def test_another_shard_of_the_same_store(store: Path) -> None:
    shutil.copyfile(store / "index/c/2/0/0", store / "index/c/3/0/0")
    with pytest.raises(CacheError, match="index/c/3/0/0 is damaged"):
        Store.open(store, KIND, CATEGORY).read("index", 6)


def test_a_shard_that_is_replaced_while_the_store_is_open(store: Path, tmp_path: Path) -> None:
    opened = Store.open(store, KIND, CATEGORY)
    opened.read("rgb", 0)
    (older(tmp_path) / "rgb/c/0/0/0").replace(store / "rgb/c/0/0/0")
    with pytest.raises(CacheError, match="rgb/c/0/0/0 is damaged"):
        opened.read("rgb", 0)


def test_an_older_seal(store: Path, tmp_path: Path) -> None:
    shutil.copyfile(older(tmp_path) / SEAL_FILE, store / SEAL_FILE)
    with pytest.raises(CacheError, match="rgb/c/0/0/0 is damaged"):
        Store.open(store, KIND, CATEGORY).read("rgb", 0)


@pytest.mark.parametrize("file", ["zarr.json", "rgb/zarr.json"])
def test_a_description_of_another_store(store: Path, tmp_path: Path, file: str) -> None:
    """Of a packed one, whose files are not the raw one's."""
    other = write(tmp_path / "other.zarr", replace(RAW, codec="zstd"))
    shutil.copyfile(other / file, store / file)
    with pytest.raises(CacheError):
        Store.open(store, KIND, CATEGORY)


def test_a_store_without_a_seal(store: Path) -> None:
    (store / SEAL_FILE).unlink()
    with pytest.raises(CacheError, match=r"has no seal\.json"):
        Store.open(store, KIND, CATEGORY)


CRCS, INDEX = (64, 67, 135), (136, 170)  # bytes of a raw shard of two chunks of 64


@pytest.mark.parametrize("position", [*CRCS, *INDEX])
def test_the_mark_is_of_every_checksum_and_of_the_index(store: Path, position: int) -> None:
    file = store / "rgb/c/1/0/0"
    mark, whole = mark_shard(file, 2), bytearray(file.read_bytes())
    whole[position] ^= 2
    file.write_bytes(whole)
    try:
        found = mark_shard(file, 2)
    except ValueError:
        return
    assert found != mark


def test_no_index_leads_out_of_its_file(store: Path) -> None:
    file = store / "rgb/c/1/0/0"
    whole = bytearray(file.read_bytes())
    whole[-36:-28] = b"\xff" * 7 + b"\x7f"
    file.write_bytes(whole)
    with pytest.raises(ValueError, match="index is damaged"):
        mark_shard(file, 2)


def test_an_index_that_is_longer_than_its_file(store: Path) -> None:
    with pytest.raises(ValueError, match="too short"):
        mark_shard(store / "rgb/c/1/0/0", 1000)
