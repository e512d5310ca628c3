"""The digest of a shard: of its size, its index and the checksum of each of its chunks.

A shard (of Zarr's sharding codec) ends with an index, the place and length of each chunk, and each
chunk ends with the CRC-32C of its bytes. So the digest takes no more than 20 bytes a chunk to read.
Another shard under the name has other chunks, hence other checksums, and is told apart but for one
in 2^32 a chunk that differs; a bit that flips within a chunk is found by the chunk's own checksum
when it is read.
"""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..seals.seal import Mark

_CRC = 4  # bytes
_EMPTY = np.iinfo(np.uint64).max  # stands in the index for a chunk that was not written


def mark_shard(path: Path, chunks: int) -> Mark:
    """The mark of a shard of so many chunks.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no shard of so many chunks.
    """
    with path.open("rb") as file:
        handle = file.fileno()
        return _mark(os.fstat(handle).st_size, chunks, partial(_pread, handle))


def mark_bytes(content: bytes, chunks: int) -> Mark:
    """`mark_shard` of a shard in memory."""
    return _mark(len(content), chunks, lambda start, count: content[start : start + count])


def _pread(handle: int, start: int, count: int) -> bytes:
    return os.pread(handle, count, start)


def _mark(size: int, chunks: int, read: Callable[[int, int], bytes]) -> Mark:
    length = 16 * chunks + _CRC
    if size < length:
        raise ValueError("it is too short")
    index = read(size - length, length)
    digest = hashlib.sha256(f"{size}\n".encode() + index)
    for offset, count in np.frombuffer(index[:-_CRC], "<u8").reshape(-1, 2).tolist():
        if offset != _EMPTY or count != _EMPTY:
            if not _CRC <= count <= size or offset + count > size - length:
                raise ValueError("its index is damaged")
            digest.update(read(offset + count - _CRC, _CRC))
    return Mark(size, f"chunks:{digest.hexdigest()}")
