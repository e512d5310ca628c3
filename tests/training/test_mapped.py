"""Tables in a file on the disk: nothing stays there, and a full disk is said before it is full."""

import ctypes
import errno
import mmap
import os
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.training import drop
from mentor3ad.plumbing.errors import CacheError
from mentor3ad.training.mapped import available_memory, check_space, read_ahead, scratch_table

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


def in_memory(table: torch.Tensor) -> np.ndarray:
    """(pages,) bool: which pages of a table that begins with one are in the page cache."""
    pages = (ctypes.c_ubyte * -(-table.nbytes // mmap.PAGESIZE))()
    place = ctypes.c_void_p(table.data_ptr()), ctypes.c_size_t(table.nbytes)
    assert ctypes.CDLL(None).mincore(*place, pages) == 0
    return np.frombuffer(pages, np.uint8) & 1 == 1


@pytest.mark.skipif(sys.platform != "linux", reason="pages are dropped by calls of Linux")
def test_rows_are_read_ahead_and_no_others_far_from_them(tmp_path: Path) -> None:
    row, rows = mmap.PAGESIZE // 2, slice(5001, 5300)  # two rows a page; in the midst of one
    table = scratch_table(tmp_path, (16384, row), torch.uint8)
    table[:] = torch.arange(16384)[:, None]
    expected = table.sum(1)
    drop([table], tmp_path)
    if in_memory(table).any():
        pytest.skip("this file system keeps its files in memory")
    read_ahead(table[rows])
    wanted, deadline = slice(rows.start // 2, rows.stop // 2), time.monotonic() + 20
    while not in_memory(table)[wanted].all() and time.monotonic() < deadline:
        time.sleep(0.01)
    found = in_memory(table)
    assert found[wanted].all()
    assert found.sum() <= rows.stop - rows.start
    assert torch.equal(table.sum(1), expected)
