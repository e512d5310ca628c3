"""Tables for more features than memory holds: on the disk, mapped, gone with the process.

What Linux alone has, such as advice about pages, is left out on other systems: slower, not wrong.
"""

import ctypes
import errno
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from ..plumbing.errors import CacheError, ConfigError

_ZEROS = bytes(1 << 20)


def available_memory(device: torch.device) -> int:
    """Bytes that can be had now: of the GPU, or of the machine or the container's limit.

    Raises:
        ConfigError: the system does not say how much memory it has.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError):  # no POSIX system, or one without these names
        raise ConfigError(
            "runtime.memory_gb = null: this system does not say how much memory it has; set the "
            "number of GB that the training scans' features may take"
        ) from None
    meminfo, container = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")
    if meminfo.exists():
        values = dict(line.split(":") for line in meminfo.read_text().splitlines())
        limits.append(int(values["MemAvailable"].split()[0]) * 1024)
    if container.exists() and (text := container.read_text().strip()).isdecimal():
        limits.append(int(text))
    return min(limits)


def check_space(folder: Path, size: int) -> None:
    """Make the folder, and raise CacheError where its disk has no room for so many bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < size:
        raise _no_space(folder, size)


def scratch_table(folder: Path, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """A table in a file without a name in the folder, which vanishes with the tensor, or a crash.

    Its pages are the page cache's: written back and dropped where memory is short.

    Raises:
        CacheError: no room on the disk.
    """
    size = prod(shape) * dtype.itemsize
    with tempfile.TemporaryFile(dir=folder) as file:
        try:  # all of it now: on a disk that is full, a write to mapped memory ends the process
            _take_room(file, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _no_space(folder, size) from error
        pages = mmap.mmap(file.fileno(), size)
    return torch.frombuffer(pages, dtype=dtype).view(shape)


def _take_room(file: IO[bytes], size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, len(_ZEROS)):  # by writing it
        file.write(_ZEROS[: size - start])
    file.flush()


def read_ahead(rows: Tensor) -> None:
    """Have the system read these rows of a mapped table from the disk, in large pieces.

    Touched in random order they would come in small ones. It is advice: a system that does not
    take it reads what is touched.

    Args:
        rows: rows of the table that lie one after the other in memory.
    """
    start = rows.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
    size = rows.data_ptr() + rows.nbytes - start
    if (madvise := _madvise()) is not None:
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), mmap.MADV_WILLNEED)


@cache
def _madvise() -> Callable[..., int] | None:
    """The C library's, None where it has none; mmap's own keeps Python's other threads waiting."""
    if not hasattr(mmap, "MADV_WILLNEED"):
        return None
    return ctypes.CDLL(None).madvise


def _no_space(folder: Path, size: int) -> CacheError:
    free = shutil.disk_usage(folder).free
    return CacheError(
        f"{folder}: the training scans' features exceed runtime.memory_gb and need "
        f"{size / 1e9:.2f} GB on this disk, which has {free / 1e9:.2f} GB free; free some, or "
        "raise runtime.memory_gb"
    )
