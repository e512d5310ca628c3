"""Shards of a store in a bucket: each read whole and once, held to the seal, decoded in memory."""

from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from ..buckets.pointer import read_file
from ..buckets.recent import Recent
from ..seals.sealed import Sealed
from .schema import StoreManifest
from .shards import mark_bytes

KEPT = 2  # shards of each array in memory: readers go through a store in its order


class Shards:
    """The shards of a store in a bucket; each is one request.

    Attributes:
        sealed: what its files must be.
        group: what describes the store, without any shard.
    """

    def __init__(self, sealed: Sealed) -> None:
        """Raises as `Sealed.read`."""
        self.sealed = sealed
        names = [name for name in sealed.seal.files if name.endswith("zarr.json")]
        self._described = {name: sealed.read(name) for name in names}
        self.group = zarr.open_group(_memory(self._described), mode="r")
        self._array = Recent(self._fetch, KEPT * len(names))

    def read(self, manifest: StoreManifest, name: str, selection: slice) -> np.ndarray:
        """Samples of an array.

        Args:
            manifest: the store's.

        Raises:
            OSError: a shard is missing.
            ValueError: it is not the one that was sealed, or a chunk is damaged.
            BucketError: the bucket cannot be reached, or refuses.
        """
        files = manifest.shard_files(next(s for s in manifest.arrays if s.name == name))
        start, stop, _ = selection.indices(len(manifest.samples))
        size, parts = manifest.shard, []
        for shard in range(start // size, (stop - 1) // size + 1):
            array = self._array((name, files[shard], size))
            parts.append(array[max(start, shard * size) : min(stop, shard * size + size)])
        return np.concatenate(parts)

    def _fetch(self, which: tuple[str, str, int]) -> Any:
        """An array of which one shard is there."""
        name, file, chunks = which
        mark = self.sealed.mark(file)
        content = read_file(self.sealed.folder, file, mark.size)
        if mark_bytes(content, chunks) != mark:
            raise ValueError(f"{file} is of another store, or of another time")
        described = f"{name}/zarr.json"
        files = {described: self._described[described], file: content}
        return zarr.open_array(_memory(files), path=name, mode="r")


def _memory(files: dict[str, bytes]) -> MemoryStore:
    buffer = default_buffer_prototype().buffer
    return MemoryStore({name: buffer.from_bytes(content) for name, content in files.items()})
