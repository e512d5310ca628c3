"""A mapped file reads the same once its pages were given back, and they count no more."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from mentor3ad.seals.mapped import mark_mapped, release
from mentor3ad.seals.seal import mark_file

SIZE = 48 << 20  # bytes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.bin"
    path.write_bytes(np.arange(SIZE // 4, dtype=np.uint32).tobytes())
    return path


def mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def resident() -> int:
    """Bytes of files that this process has in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("RssFile")).split()[1]) * 1024


def test_its_mark_is_that_of_its_bytes(file: Path) -> None:
    assert mark_mapped(mapped(file)) == mark_file(file)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_are_given_back_and_read_anew(file: Path) -> None:
    array = np.ndarray((SIZE // 4,), np.uint32, mapped(file))
    before = resident()
    total = int(array.sum(dtype=np.int64))
    assert resident() - before > SIZE / 2
    release(array[5:])
    assert resident() - before < SIZE / 10
    assert int(array.sum(dtype=np.int64)) == total
    release(array)
    mark_mapped(memoryview(array).cast("B"))
    assert resident() - before < SIZE / 10


def test_what_is_not_mapped_is_left_as_it_is() -> None:
    array = np.arange(5)
    release(array)
    release(memoryview(b"abc"))
    assert array.tolist() == [0, 1, 2, 3, 4]
