"""Store: whatever is not exactly what was written is refused, with a sentence that says why."""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from mentor3ad.cache.reader import Store
from mentor3ad.params.schema import Codec
from mentor3ad.plumbing.errors import CacheError
from testbed.stores import verify
from tests.small_stores import CATEGORY, KIND, arrays, digest, edit_manifest, manifest, write


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole") / "rope.zarr")


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "rope.zarr"))


def use(path: Path) -> dict[str, np.ndarray]:
    """Everything that a reader can see of a store."""
    store = Store.open(path, KIND, CATEGORY)
    verify(store)
    assert store.manifest == manifest(), "the manifest has changed and nobody noticed"
    return {name: store.read_samples(name) for name in ("rgb", "index")}


def flip(file: Path, position: int, bit: int = 0) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1 << bit
    file.write_bytes(content)


def test_reads_samples_in_any_order(whole: Path) -> None:
    store, values = Store.open(whole, KIND, CATEGORY), arrays(range(11))
    np.testing.assert_array_equal(store.read("index", 7), values["index"][7])
    np.testing.assert_array_equal(
        store.read_samples("rgb", np.array([10, 0, 5])), values["rgb"][[10, 0, 5]]
    )


def test_the_manifest_is_the_written_one(whole: Path) -> None:
    assert Store.open(whole, KIND, CATEGORY).manifest == manifest()


def test_reading_writes_nothing(store: Path) -> None:
    before = digest(store)
    paths = [store, *store.rglob("*")]
    times = [path.stat().st_mtime_ns for path in paths]
    for path in paths:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        use(store)
        assert digest(store) == before
        assert [path.stat().st_mtime_ns for path in [store, *store.rglob("*")]] == times
    finally:
        for path in paths:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


# Refused when it is opened


def refused(path: Path, *words: str, kind: str = KIND, category: str = CATEGORY) -> None:
    with pytest.raises(CacheError) as caught:
        Store.open(path, kind, category)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


REMEDY = "run `dvc repro` to make it again"


def test_a_missing_store(tmp_path: Path) -> None:
    refused(tmp_path / "rope.zarr", "does not exist", "`dvc repro` makes it")


def test_a_store_of_another_category(store: Path) -> None:
    refused(store, "category is rope, expected foam", REMEDY, category="foam")


def test_a_store_of_another_kind(store: Path) -> None:
    refused(store, "kind is features, expected scores", REMEDY, kind="scores")


@pytest.mark.parametrize("version", [0, 2])
def test_a_store_of_another_schema(store: Path, version: int) -> None:
    edit_manifest(store, version=version)
    refused(store, f"schema version {version}, this release reads 1", REMEDY)


def test_a_store_without_a_manifest(store: Path) -> None:
    group = store / "zarr.json"
    group.write_text('{"attributes": {}, "zarr_format": 3, "node_type": "group"}')
    refused(store, "incomplete", "no manifest", REMEDY)


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "rope.zarr").mkdir()
    refused(tmp_path / "rope.zarr", "no store of ours", REMEDY)


@pytest.mark.parametrize("file", ["rgb/c/0/0/0", "index/c/5/0/0", "rgb/c/1/0/0"])
def test_a_deleted_shard(store: Path, file: str) -> None:
    """Shard 1 is all zeros, which is also what Zarr reads where there is no file."""
    (store / file).unlink()
    refused(store, f"{file} is missing", REMEDY)


@pytest.mark.parametrize("name", ["rgb", "index"])
def test_a_deleted_array(store: Path, name: str) -> None:
    shutil.rmtree(store / name)
    refused(store, name, REMEDY)


@pytest.mark.parametrize("name", ["rgb", "index"])
def test_a_deleted_description_of_an_array(store: Path, name: str) -> None:
    (store / name / "zarr.json").unlink()
    refused(store, name, REMEDY)


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": None},
        {"samples": 7},
        {"arrays": [{"name": "rgb"}]},
        {"arrays": None},
        {"stray": 1},
        {"version": None},
        {"shard": 0},
        {"shard": "2"},
        {"samples": ["a", "b"]},
        {"hashes": ["a"]},
        {"arrays": [{"name": "depth", "shape": [4, 8], "dtype": "float16"}]},
    ],
    ids=str,
)
def test_a_damaged_manifest(store: Path, changes: dict) -> None:
    edit_manifest(store, **changes)
    refused(store, REMEDY)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_manifest_that_is_no_json(store: Path, text: str) -> None:
    (store / "zarr.json").write_text(text)
    refused(store, REMEDY)


# Refused when it is read


@pytest.mark.parametrize("position", [0, 20, -1, -5], ids=["chunk", "chunk 2", "index", "offset"])
@pytest.mark.parametrize("file", ["rgb/c/0/0/0", "index/c/5/0/0"])
def test_a_flipped_bit_names_the_shard(store: Path, file: str, position: int) -> None:
    flip(store / file, position)
    with pytest.raises(CacheError, match=rf"^{re.escape(str(store))}: .*{file}.* is damaged \("):
        verify(Store.open(store, KIND, CATEGORY))


@pytest.mark.parametrize(
    ("file", "codec"),
    [
        *[(file, "blosc") for file in ("zarr.json", "rgb/zarr.json", "index/zarr.json")],
        *[("rgb/c/0/0/0", codec) for codec in get_args(Codec)],
        ("index/c/5/0/0", "blosc"),
    ],
)
def test_no_flipped_bit_goes_unnoticed(tmp_path: Path, file: str, codec: str) -> None:
    """Of all bits of a file, every so many: an error of ours, or exactly what was written."""
    store = write(tmp_path / "rope.zarr", manifest(codec=codec))
    whole = (store / file).read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 50)):
        flip(store / file, position, position % 7)
        try:
            opened = Store.open(store, KIND, CATEGORY)
            verify(opened)
        except CacheError:
            pass
        else:
            assert opened.manifest == manifest(codec=codec), f"manifest, byte {position}"
            for name, values in arrays(range(11)).items():
                np.testing.assert_array_equal(opened.read_samples(name), values)
        (store / file).write_bytes(whole)


@pytest.mark.parametrize("keep", [0, 1, 0.5, -1], ids=["empty", "1 byte", "half", "all but 1"])
def test_a_truncated_shard(store: Path, keep: float) -> None:
    file = store / "rgb/c/2/0/0"
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    with pytest.raises(CacheError, match=r"rgb/c/2/0/0 is (damaged|missing)"):
        verify(Store.open(store, KIND, CATEGORY))


def test_damage_elsewhere_does_not_stop_a_read(store: Path) -> None:
    flip(store / "rgb/c/2/0/0", 0)
    opened = Store.open(store, KIND, CATEGORY)
    np.testing.assert_array_equal(opened.read("rgb", 0), arrays(range(1))["rgb"][0])
    with pytest.raises(CacheError, match="rgb/c/2/0/0 is damaged"):
        opened.read("rgb", 4)


def test_damage_in_a_bulk_read_names_the_range(store: Path) -> None:
    flip(store / "rgb/c/2/0/0", 0)
    with pytest.raises(CacheError, match="one of rgb/c/0/0/0 to rgb/c/5/0/0 is damaged"):
        Store.open(store, KIND, CATEGORY).read_samples("rgb")


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("file", ["zarr.json", "rgb/zarr.json", "seal.json", "rgb/c/2/0/0"])
def test_what_the_machine_refuses_is_no_damage(
    whole: Path, monkeypatch: pytest.MonkeyPatch, file: str, code: int
) -> None:
    """Else the sentence has the user delete a store that is whole."""
    refuse(monkeypatch, whole / file, code)
    with pytest.raises(OSError, match=re.escape(str(whole / file))) as caught:
        verify(Store.open(whole, KIND, CATEGORY))
    assert caught.value.errno == code


def refuse(monkeypatch: pytest.MonkeyPatch, file: Path, code: int) -> None:
    """Have every try to open a file fail."""
    systems: dict[str, Callable[..., Any]] = {"open": os.open, "io": Path.open}

    def refused(name: str, path: Any, *rest: Any, **options: Any) -> Any:
        if os.fspath(path) == str(file):
            raise OSError(code, os.strerror(code), str(file))
        return systems[name](path, *rest, **options)

    monkeypatch.setattr(os, "open", lambda *a, **k: refused("open", *a, **k))
    monkeypatch.setattr(Path, "open", lambda *a, **k: refused("io", *a, **k))


@pytest.mark.parametrize("swap", [lambda c: replace(c, shard=4), lambda c: replace(c, codec="raw")])
def test_another_layout_of_the_same_samples_reads_the_same(tmp_path: Path, swap: Callable) -> None:
    store = Store.open(write(tmp_path / "out.zarr", swap(manifest())), KIND, CATEGORY)
    np.testing.assert_array_equal(store.read_samples("rgb"), arrays(range(11))["rgb"])
