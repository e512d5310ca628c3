"""write_store: the same bytes however often it is interrupted."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from tests.paths import ROOT
from tests.small_stores import (
    ALL_ZERO_SHARD,
    Counted,
    Stop,
    arrays,
    digest,
    interrupted,
    manifest,
    many_shards,
    slow_write,
    staging_folder,
    write,
)

REPOSITORY = ROOT


def test_an_exception_leaves_no_store_and_a_later_run_goes_on(
    tmp_path: Path, expected: dict
) -> None:
    staging = interrupted(tmp_path, start=6)
    assert not (tmp_path / "out.zarr").exists()
    counted = Counted()
    assert write_store(tmp_path / "out.zarr", manifest(), counted, staging) == 3
    assert (counted.asked, digest(tmp_path / "out.zarr")) == ([6, 8, 10], expected)


def test_other_content_starts_anew(tmp_path: Path) -> None:
    staging, counted = interrupted(tmp_path), Counted()
    other = replace(manifest(), inputs={"layout": "dense"})
    assert write_store(tmp_path / "out.zarr", other, counted, staging) == 6


def test_ten_kills_in_a_row_change_no_byte(tmp_path: Path) -> None:
    content, calls = many_shards(), tmp_path / "calls"
    out, staging = tmp_path / "out.zarr", tmp_path / "staging"
    command = [sys.executable, "-m", "tests.small_stores", "10", str(out), str(staging), str(calls)]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, cwd=REPOSITORY, env=one_thread, check=True)
    done = {int(path.name) for path in (staging_folder(staging, content) / "done").iterdir()}
    calls.write_text("")
    slow_write(out, staging, calls)
    assert done
    assert [int(line) for line in calls.read_text().split()] == sorted(set(range(80)) - done)
    assert digest(out) == digest(write(tmp_path / "whole.zarr", content))


def test_leftover_partial_files_are_removed(tmp_path: Path, expected: dict) -> None:
    staging = interrupted(tmp_path)
    store = staging_folder(staging, manifest()) / "store"
    for place in (store, store / "rgb" / "c" / "3" / "0"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "0.7f3e.partial").write_bytes(b"half a shard")
    write_store(tmp_path / "out.zarr", manifest(), arrays, staging)
    assert digest(tmp_path / "out.zarr") == expected


def test_a_shard_written_but_not_marked_is_written_again(tmp_path: Path, expected: dict) -> None:
    staging = interrupted(tmp_path)
    folder = staging_folder(staging, manifest())
    (folder / "store/rgb/c/2/0/0").write_bytes(b"torn")
    (folder / "done/2").unlink()
    assert write_store(tmp_path / "out.zarr", manifest(), arrays, staging) == 4
    assert digest(tmp_path / "out.zarr") == expected


def test_a_kill_while_the_empty_store_is_made_starts_anew(tmp_path: Path, expected: dict) -> None:
    folder = staging_folder(tmp_path / "staging", manifest())
    (folder / "store" / "rgb").mkdir(parents=True)
    (folder / "store" / "rgb" / "zarr.json").write_text("{")
    assert write_store(tmp_path / "out.zarr", manifest(), arrays, tmp_path / "staging") == 6
    assert digest(tmp_path / "out.zarr") == expected


def test_a_kill_between_the_rename_and_the_cleaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict
) -> None:
    real = Path.rename

    def killed(self: Path, target: Path) -> Path:
        moved = real(self, target)
        if target == tmp_path / "out.zarr":
            raise Stop
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(Stop):
            write_store(tmp_path / "out.zarr", manifest(), arrays, tmp_path / "staging")
    assert digest(tmp_path / "out.zarr") == expected
    assert digest(write(tmp_path / "out.zarr")) == expected
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_kill_between_removing_the_old_store_and_the_rename_computes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict
) -> None:
    write(tmp_path / "out.zarr", manifest(samples=4))

    def killed(*_: object) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(Stop):
            write_store(tmp_path / "out.zarr", manifest(), arrays, tmp_path / "staging")
    assert write_store(tmp_path / "out.zarr", manifest(), arrays, tmp_path / "staging") == 0
    assert digest(tmp_path / "out.zarr") == expected


@pytest.mark.parametrize("position", [0, -1], ids=["chunk", "index"])
@pytest.mark.parametrize("file", ["rgb/c/1/0/0", "index/c/1/0/0"])
def test_a_finished_shard_damaged_while_staged_is_never_published(
    tmp_path: Path, expected: dict, file: str, position: int
) -> None:
    staging = interrupted(tmp_path)
    shard = staging_folder(staging, manifest()) / "store" / file
    content = bytearray(shard.read_bytes())
    content[position] ^= 1
    shard.write_bytes(content)
    with pytest.raises(CacheError, match=re.escape(f"{file} is damaged")):
        write_store(tmp_path / "out.zarr", manifest(), arrays, staging)
    assert not (tmp_path / "out.zarr").exists()
    assert write_store(tmp_path / "out.zarr", manifest(), arrays, staging) == 1
    assert digest(tmp_path / "out.zarr") == expected


@pytest.mark.parametrize("shard", [0, ALL_ZERO_SHARD])
def test_a_finished_shard_lost_while_staged_is_never_published(
    tmp_path: Path, expected: dict, shard: int
) -> None:
    """A file that is not there reads as zeros, without an error."""
    staging, out = interrupted(tmp_path), tmp_path / "out.zarr"
    (staging_folder(staging, manifest()) / f"store/rgb/c/{shard}/0/0").unlink()
    try:
        write_store(out, manifest(), arrays, staging)
    except CacheError:
        assert not out.exists()
        write_store(out, manifest(), arrays, staging)
    assert digest(out) == expected
