"""The manifest survives a round trip and refuses what `prepare` did not write."""

import json
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mentor3ad.dataset.bitmaps import pack_bits
from mentor3ad.dataset.manifest import (
    SCHEMA,
    Manifest,
    ManifestRow,
    load_foreground,
    load_masks,
    seal_prepared,
)
from mentor3ad.dataset.scan import ScanFiles
from mentor3ad.plumbing.errors import CacheError, DataError
from mentor3ad.plumbing.pieces import InPieces
from tests.options import preparation

ROW = ManifestRow(
    id="test/cut ü/003",
    split="test",
    label=1,
    defect="cut ü",
    rgb="tire/test/cut ü/rgb/003.png",
    points="tire/test/cut ü/xyz/003.tiff",
    mask=None,
    sha256="ab" * 32,
    prepared_sha256="cd" * 32,
    height=800,
    width=600,
    n_foreground=9000,
)
CANDY = replace(
    ROW,
    id="test_private/03",
    label=None,
    defect="unknown",
    plane="before",
    sidecars={"pose": "candy/03_pose.txt"},
    layout="eyecandies",
    units="mm",
)
MANIFEST = Manifest(SCHEMA, "tire", preparation(cluster_eps_m=0.008), (ROW,))


def save(folder: Path, text: str) -> Path:
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    seal_prepared(folder, MANIFEST.category)
    return folder


def edited(edit: Callable[[Any], None]) -> str:
    raw = json.loads(MANIFEST.to_json())
    edit(raw)
    return json.dumps(raw)


def test_round_trip(tmp_path: Path) -> None:
    manifest = replace(MANIFEST, rows=(ROW, CANDY))
    assert Manifest.load(save(tmp_path, manifest.to_json())) == manifest


@pytest.mark.parametrize("rows", [(), (ROW,), (ROW, CANDY)])
def test_its_text_is_the_json_of_its_content(rows: tuple[ManifestRow, ...]) -> None:
    """Rows are written one by one, and yet as `json.dumps` writes all of it."""
    text = replace(MANIFEST, rows=rows).to_json()
    content = json.loads(text)
    assert [row["id"] for row in content["rows"]] == [row.id for row in rows]
    assert text == json.dumps(content, indent=1) + "\n"


@pytest.mark.parametrize("piece", [1, 2000, 1 << 30])
def test_rows_are_the_same_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """They hold nested objects, and what parts rows where it is no end of a line."""
    rows = tuple(replace(row, id=f"{i}\n  }},\n  {{") for i, row in enumerate([ROW, CANDY] * 5))
    manifest = replace(MANIFEST, rows=rows)
    monkeypatch.setattr("mentor3ad.dataset.manifest._PIECE", piece)
    text = manifest.to_json()
    assert Manifest.load(save(tmp_path, text)) == manifest
    monkeypatch.setattr("mentor3ad.dataset.manifest._HELD", 0)
    mapped = Manifest.load(tmp_path)
    assert isinstance(mapped.rows, InPieces)
    assert mapped == manifest
    assert manifest == mapped
    assert mapped.to_json() == text
    assert [mapped.rows[i] for i in (7, 0, -1, 3)] == [rows[i] for i in (7, 0, -1, 3)]
    assert mapped.rows[2:9:3] == rows[2:9:3]
    assert pickle.loads(pickle.dumps(mapped)) == manifest
    assert mapped.rows != rows[1:] + rows[:1]


def test_a_row_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mentor3ad.dataset.manifest._HELD", 0)
    rows = Manifest.load(save(tmp_path, MANIFEST.to_json())).rows
    with pytest.raises(IndexError):
        rows[1]


def test_many_rows_take_little_memory(tmp_path: Path) -> None:
    rows = tuple(replace(ROW, id=f"test/{i:05d}", sha256=f"{i:064x}") for i in range(20_000))
    save(tmp_path, replace(MANIFEST, rows=rows).to_json())
    tracemalloc.start()
    try:
        manifest = Manifest.load(tmp_path)
        tracemalloc.reset_peak()
        hashes = {row.sha256[-4:] for row in manifest.rows}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(hashes) > 10_000
    assert peak < 5e6  # bytes; the rows take 17 MB
    assert [manifest.rows[i].id for i in (0, 19_999)] == ["test/00000", "test/19999"]


def test_a_damaged_row_among_many_is_named(tmp_path: Path) -> None:
    rows = tuple(replace(ROW, id=str(i)) for i in range(9))
    text = replace(MANIFEST, rows=rows).to_json()
    head, height, tail = text.rpartition('"height": ')
    with pytest.raises(DataError, match=r"damaged \(rows\.8\.height: "):
        Manifest.load(save(tmp_path, f"{head}{height}-{tail}"))


def test_rows_of_one_split() -> None:
    assert MANIFEST.split("test") == (ROW,)
    assert MANIFEST.split("train") == ()


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"has no seal\.json"):
        Manifest.load(tmp_path)


def test_another_than_the_sealed_one(tmp_path: Path) -> None:
    save(tmp_path, MANIFEST.to_json())
    (tmp_path / "manifest.json").write_text(replace(MANIFEST, rows=()).to_json())
    with pytest.raises(CacheError, match=r"manifest\.json is missing or damaged"):
        Manifest.load(tmp_path)


def test_another_category_than_the_seals(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="another category than its seal"):
        Manifest.load(save(tmp_path, replace(MANIFEST, category="foam").to_json()))


@pytest.mark.parametrize("text", ["", "{", "\x00", '{"schema": 1'])
def test_not_json(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Manifest.load(save(tmp_path, text))


@pytest.mark.parametrize("text", ["[]", "{}", '{"schema": 1, "old": true}', "null"])
def test_other_schema(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="this version reads 3: run prepare again"):
        Manifest.load(save(tmp_path, text))


@pytest.mark.parametrize(
    "edit",
    [
        lambda raw: raw.pop("rows"),
        lambda raw: raw.update(extra=1),
        lambda raw: raw["rows"][0].update(extra=1),
        lambda raw: raw["rows"][0].update(label=2),
        lambda raw: raw["rows"][0].update(height="800"),
        lambda raw: raw["rows"][0].update(height=-1),
        lambda raw: raw["rows"][0].update(bits=10**30),
        lambda raw: raw["rows"][0].update(split="val"),
        lambda raw: raw["rows"][0].update(layout=5),
        lambda raw: raw["rows"][0].update(units="cm"),
        lambda raw: raw["rows"][0].update(plane=None),
        lambda raw: raw["rows"][0].update(sidecars=["pose.txt"]),
        lambda raw: raw["options"].update(border_px=0),
        lambda raw: raw["options"].update(unknown=0),
    ],
)
def test_damaged(tmp_path: Path, edit: Callable[[Any], None]) -> None:
    with pytest.raises(DataError, match=r"manifest\.json is damaged \(.*\): run prepare again"):
        Manifest.load(save(tmp_path, edited(edit)))


def test_row_listed_twice(tmp_path: Path) -> None:
    text = edited(lambda raw: raw["rows"].append(raw["rows"][0]))
    with pytest.raises(DataError, match="lists test/cut ü/003 twice"):
        Manifest.load(save(tmp_path, text))


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.png", "tire/../../a.png", "link/a.png"])
def test_path_that_leaves_the_root(tmp_path: Path, path: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path)
    for row in replace(ROW, rgb=path), replace(CANDY, sidecars={"pose": path}):
        with pytest.raises(DataError, match="leads out of"):
            row.files(tmp_path / "root")


def test_files_are_under_the_root_with_all_that_reading_needs(tmp_path: Path) -> None:
    assert CANDY.files(tmp_path) == ScanFiles(
        id="test_private/03",
        split="test",
        defect="unknown",
        label=None,
        rgb=tmp_path / "tire/test/cut ü/rgb/003.png",
        points=tmp_path / "tire/test/cut ü/xyz/003.tiff",
        mask=None,
        sidecars={"pose": tmp_path / "candy/03_pose.txt"},
        layout="eyecandies",
        units="mm",
    )


@pytest.mark.parametrize("load", [load_foreground, load_masks])
def test_bits_round_trip(tmp_path: Path, load: Callable[..., np.ndarray]) -> None:
    pixels = np.random.default_rng(0).random((1, 224, 224)) > 0.5
    for name in ("foreground.npy", "masks.npy"):
        np.save(tmp_path / name, np.stack([pack_bits(one) for one in pixels]))
    seal_prepared(tmp_path, MANIFEST.category)
    np.testing.assert_array_equal(load(tmp_path, MANIFEST), pixels)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 6272), np.uint8), np.zeros((1, 6272)), np.zeros((1, 10), np.uint8)]
)
def test_array_of_another_manifest(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "foreground.npy", array)
    seal_prepared(tmp_path, MANIFEST.category)
    with pytest.raises(DataError, match=r"foreground\.npy is .* its manifest has 1 scans"):
        load_foreground(tmp_path, MANIFEST)


@pytest.mark.parametrize("content", [b"\x93NUMPY\x01\x00v\x00{", b"junk" * 20])
def test_array_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "masks.npy").write_bytes(content)
    seal_prepared(tmp_path, MANIFEST.category)
    with pytest.raises(DataError, match=r"masks\.npy cannot be read"):
        load_masks(tmp_path, MANIFEST)
