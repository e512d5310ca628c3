"""write_store: a full disk is one sentence, another file system no difference."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.plumbing.errors import CacheError
from mentor3ad.publishing.writer import write_store
from tests.paths import ROOT
from tests.small_stores import (
    arrays,
    digest,
    manifest,
    write,
)

REPOSITORY = ROOT


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", [0, 3])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: dict, number: int, call: int
) -> None:
    out, staging, calls = tmp_path / "out.zarr", tmp_path / "staging", []
    real = os.fsync

    def full(file: int) -> None:
        calls.append(file)
        if len(calls) == call + 1:
            raise OSError(number, os.strerror(number))
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
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
