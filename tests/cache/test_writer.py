"""write_store: the same bytes however often it is interrupted, whole or not at all."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

import pipeline.cache.writer as writer
from pipeline.cache.reader import Store
from pipeline.cache.writer import write_store
from pipeline.errors import CacheError

from .stores import (
    ALL_ZERO_SHARD,
    CATEGORY,
    KIND,
    Counted,
    arrays,
    digest,
    manifest,
    many_shards,
    slow_write,
    staging_folder,
    write,
)

REPOSITORY = Path(__file__).parents[2]


class Stop(Exception):
    """Stands for a kill inside compute."""


def stop_at(start: int):
    def compute(samples: range) -> dict[str, np.ndarray]:
        if samples.start == start:
            raise Stop
        return arrays(samples)

    return compute


def interrupted(tmp_path: Path, start: int = 6) -> Path:
    """A staging root in which the shards before sample `start` are finished."""
    with pytest.raises(Stop):
        write_store(tmp_path / "out.zarr", manifest(), stop_at(start), tmp_path / "staging")
    return tmp_path / "staging"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digest(write(tmp_path_factory.mktemp("expected") / "out.zarr"))


@pytest.mark.parametrize("codec", ["raw", "zstd", "blosc"])
def test_same_content_gives_the_same_bytes(tmp_path: Path, codec: str) -> None:
    content = manifest(codec=codec)
    first, second = (write(tmp_path / name / "out.zarr", content) for name in "ab")
    assert digest(first) == digest(second)


@pytest.mark.parametrize("codec", ["raw", "zstd", "blosc"])
def test_every_value_reads_back(tmp_path: Path, codec: str) -> None:
    store = Store.open(write(tmp_path / "out.zarr", manifest(codec=codec)), KIND, CATEGORY)
    for name, values in arrays(range(11)).items():
        np.testing.assert_array_equal(store.read_samples(name), values)


def test_every_shard_is_asked_for_once_in_order(tmp_path: Path) -> None:
    counted = Counted()
    assert write_store(tmp_path / "out.zarr", manifest(), counted, tmp_path / "staging") == 6
    assert counted.asked == [0, 2, 4, 6, 8, 10]


def test_progress_wraps_the_missing_shards(tmp_path: Path) -> None:
    seen: list[int] = []

    def bar(shards) -> Iterator[int]:
        for shard in shards:
            yield shard
            seen.append(shard)

    interrupted(tmp_path, start=6)
    write_store(tmp_path / "out.zarr", manifest(), arrays, tmp_path / "staging", bar)
    assert seen == [3, 4, 5]


def test_nothing_of_the_staging_folder_is_left(tmp_path: Path) -> None:
    write(tmp_path / "out.zarr")
    assert list((tmp_path / "staging").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zarr", "staging"]


def test_an_earlier_store_is_replaced_as_a_whole(tmp_path: Path, expected: dict) -> None:
    out = write(tmp_path / "out.zarr", manifest(samples=40))
    (out / "stray").touch()
    assert digest(write(out)) == expected


# Interruptions


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
    command = [sys.executable, "-m", "tests.cache.stores", "10", str(out), str(staging), str(calls)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
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
    real = writer._move

    def killed(store: Path, out: Path) -> None:
        real(store, out)
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_move", killed)
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


# One writer


def test_a_second_writer_stops_and_names_the_store(tmp_path: Path, expected: dict) -> None:
    out, staging = tmp_path / "out.zarr", tmp_path / "staging"
    second = (
        "import sys; from pathlib import Path; from tests.cache.stores import write\n"
        "from pipeline.errors import CacheError\n"
        "try: write(Path(sys.argv[1]))\n"
        "except CacheError as error: print(error)"
    )

    def compute(samples: range) -> dict[str, np.ndarray]:
        if samples.start == 4:
            said.append(
                subprocess.run(
                    [sys.executable, "-c", second, str(out)],
                    cwd=REPOSITORY,
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.strip()
            )
        return arrays(samples)

    said: list[str] = []
    write_store(out, manifest(), compute, staging)
    assert said == [
        f"{out} is being written by another process (pid {os.getpid()}); wait for it or stop it"
    ]
    assert digest(out) == expected


def test_the_lock_of_a_dead_writer_holds_nobody_up(tmp_path: Path, expected: dict) -> None:
    staging = interrupted(tmp_path)
    (staging_folder(staging, manifest()) / "lock").write_text("pid 1")
    write_store(tmp_path / "out.zarr", manifest(), arrays, staging)
    assert digest(tmp_path / "out.zarr") == expected


def test_writers_of_two_stores_do_not_meet(tmp_path: Path) -> None:
    other = replace(manifest(), category="foam")

    def compute(samples: range) -> dict[str, np.ndarray]:
        if samples.start == 0:
            write_store(tmp_path / "foam.zarr", other, arrays, tmp_path / "staging")
        return arrays(samples)

    write_store(tmp_path / "out.zarr", manifest(), compute, tmp_path / "staging")
    assert Store.open(tmp_path / "foam.zarr", KIND, "foam").manifest == other


# The disk


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", [0, 3])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict, number: int, call: int
) -> None:
    out, staging, calls = tmp_path / "out.zarr", tmp_path / "staging", []
    real = writer._sync

    def full(path: Path) -> None:
        calls.append(path)
        if len(calls) == call + 1:
            raise OSError(number, os.strerror(number), str(path))
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_sync", full)
        with pytest.raises(CacheError, match="no space left on the disk; free some"):
            write_store(out, manifest(), arrays, staging)
    assert not out.exists()
    assert write_store(out, manifest(), arrays, staging) == 6 - call // 2
    assert digest(out) == expected


def test_a_full_disk_inside_zarr_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("zarr.storage._local._put", full)
    with pytest.raises(CacheError, match="no space left on the disk"):
        write(tmp_path / "out.zarr")
    assert not (tmp_path / "out.zarr").exists()


def test_an_error_of_another_kind_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    def compute(samples: range) -> dict[str, np.ndarray]:
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(OSError, match="input/output error"):
        write_store(tmp_path / "out.zarr", manifest(), compute, tmp_path / "staging")


def _other_file_system(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)


def test_staging_on_another_file_system_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict
) -> None:
    _other_file_system(monkeypatch, tmp_path / "out.zarr")
    assert digest(write(tmp_path / "out.zarr")) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zarr", "staging"]


def test_a_copy_killed_half_way_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict
) -> None:
    _other_file_system(monkeypatch, tmp_path / "out.zarr")
    (tmp_path / "out.zarr.part").mkdir()
    (tmp_path / "out.zarr.part" / "zarr.json").write_text("{")
    assert digest(write(tmp_path / "out.zarr")) == expected


# What compute returns


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(tmp_path: Path, value: float) -> None:
    def compute(samples: range) -> dict[str, np.ndarray]:
        content = arrays(samples)
        if samples.start == 4:
            content["rgb"][1, 2, 3] = value
        return content

    out, staging = tmp_path / "out.zarr", tmp_path / "staging"
    with pytest.raises(CacheError, match=r"^rgb of .*rope.* is not finite"):
        write_store(out, manifest(), compute, staging)
    assert not out.exists()
    assert write_store(out, manifest(), arrays, staging) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: a | {"rgb": a["rgb"][:1]},
        lambda a: a | {"rgb": a["rgb"].transpose(0, 2, 1)},
        lambda a: a | {"rgb": a["rgb"].astype(np.float32)},
        lambda a: a | {"index": a["index"].astype(np.int32)},
    ],
)
def test_a_wrong_shape_or_dtype_is_a_bug_of_ours(tmp_path: Path, spoil) -> None:
    with pytest.raises(ValueError, match=r"^(rgb|index): got \(\d, .* expected ArraySpec"):
        write_store(
            tmp_path / "out.zarr", manifest(), lambda s: spoil(arrays(s)), tmp_path / "staging"
        )
    assert not (tmp_path / "out.zarr").exists()


def test_all_zero_samples_have_a_file(tmp_path: Path) -> None:
    """Zarr leaves chunks of zeros out by default, which no reader could tell from a lost one."""
    out = write(tmp_path / "out.zarr")
    assert (out / f"rgb/c/{ALL_ZERO_SHARD}/0/0").stat().st_size > 0
    assert not Store.open(out, KIND, CATEGORY).read("rgb", 2).any()


def test_every_chunk_has_a_checksum(tmp_path: Path) -> None:
    group = zarr.open_group(write(tmp_path / "out.zarr"), mode="r")
    for name in ("rgb", "index"):
        inner = group[name].metadata.to_dict()["codecs"][0]["configuration"]["codecs"]
        assert inner[-1]["name"] == "crc32c"
