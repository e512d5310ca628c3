"""Tables in a file on the disk: nothing stays there, and a full disk is said before it is full."""

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from pipeline.errors import CacheError
from pipeline.scratch import available_memory, check_space, scratch_table

SENTENCE = r"need 0\.40 GB on this disk, which has 0\.10 GB free; .*raise runtime\.memory_gb"


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**8))


def test_a_table_keeps_what_is_written_and_has_no_file(tmp_path: Path) -> None:
    table = scratch_table(tmp_path, (1000, 30), torch.float16)
    values = torch.arange(30000, dtype=torch.float16).view(1000, 30)
    table[:] = values
    assert torch.equal(table, values)
    assert list(tmp_path.iterdir()) == []


def test_a_table_takes_its_room_on_the_disk_at_once(tmp_path: Path, monkeypatch) -> None:
    """Else a full disk would end training with SIGBUS in the middle of a write."""
    taken = []
    fallocate = os.posix_fallocate

    def spy(file: int, start: int, size: int) -> None:
        fallocate(file, start, size)
        taken.append(os.fstat(file).st_blocks * 512)

    monkeypatch.setattr(os, "posix_fallocate", spy)
    scratch_table(tmp_path, (1000, 300), torch.float32)
    assert taken[0] >= 1_200_000


def test_too_little_room_is_one_sentence(tmp_path: Path, nearly_full: None) -> None:
    check_space(tmp_path, 10**8)
    with pytest.raises(CacheError, match=SENTENCE) as raised:
        check_space(tmp_path / "staging", 4 * 10**8)
    assert str(raised.value).startswith(f"{tmp_path / 'staging'}: ")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_the_same_sentence(
    tmp_path: Path, nearly_full: None, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*arguments: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CacheError, match=SENTENCE):
        scratch_table(tmp_path, (10**6, 100), torch.float32)


def test_available_memory_is_part_of_the_machines() -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 0 < available_memory(torch.device("cpu")) <= machine
