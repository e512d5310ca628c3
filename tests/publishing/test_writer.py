"""write_store: the same bytes for the same content, and one writer at a time."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from mentor3ad.cache.reader import Store
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from tests.paths import ROOT
from tests.small_stores import (
    ALL_ZERO_SHARD,
    CATEGORY,
    KIND,
    Counted,
    Stop,
    arrays,
    digest,
    interrupted,
    manifest,
    staging_folder,
    stop_at,
    write,
)

REPOSITORY = ROOT


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


@pytest.mark.parametrize("ahead", [1, 3])
def test_shards_computed_ahead_are_written_in_order(tmp_path: Path, ahead: int) -> None:
    """The next ones are computed while one is written, no more than so many; the bytes are same."""
    lock, begun = threading.Lock(), []
    most, written = [0], [0]

    def compute(samples: range) -> dict[str, np.ndarray]:
        with lock:
            begun.append(samples.start)
            most[0] = max(most[0], len(begun) - written[0])
        return arrays(samples)

    def shards(missing: Sequence[int]) -> Iterator[int]:
        for shard in missing:
            yield shard
            with lock:
                written[0] += 1

    content = manifest(samples=40)
    write_store(tmp_path / "a.zarr", content, compute, tmp_path / "s", shards, ahead=ahead)
    assert sorted(begun) == list(range(0, 40, 2))
    assert 1 < most[0] <= 1 + ahead
    assert digest(tmp_path / "a.zarr") == digest(write(tmp_path / "b.zarr", content))


def test_a_shard_that_fails_ahead_leaves_those_before_it_finished(tmp_path: Path) -> None:
    with pytest.raises(Stop):
        write_store(tmp_path / "out.zarr", manifest(), stop_at(6), tmp_path / "staging", ahead=1)
    counted = Counted()
    assert write_store(tmp_path / "out.zarr", manifest(), counted, tmp_path / "staging") == 3
    assert counted.asked == [6, 8, 10]


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


# One writer


def test_a_second_writer_stops_and_names_the_store(tmp_path: Path, expected: dict) -> None:
    out, staging = tmp_path / "out.zarr", tmp_path / "staging"
    second = (
        "import sys; from pathlib import Path; from tests.small_stores import write\n"
        "from mentor3ad.plumbing.errors import CacheError\n"
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
