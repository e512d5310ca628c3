"""Takes samples over from a category's last finished store, instead of computing them.

DVC removes an out before it runs the stage, so a finished store leaves a snapshot in the staging
folder: hard links to its files, which cost no disk as long as DVC's cache holds the same files
(docs/decisions/0007). Of a store in a bucket the snapshot is its pointer.
"""

import contextlib
import filecmp
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

import numpy as np

from ..cache.reader import Store, whole
from ..cache.schema import StoreManifest
from ..plumbing.documents import LARGE, dump_json, read_json
from ..plumbing.errors import CacheError, Mentor3ADError
from ..plumbing.locks import LockedError, lock
from ..publishing.writer import ShardArrays
from ..seals.seal import read_seal

FOLDER = "snapshots"  # of the staging folder
_STORE = "store"
_KEYS = "keys.json"


@dataclass(frozen=True)
class _Last:
    """A finished store and where each sample lies in it."""

    store: Store
    positions: dict[str, int]  # by key

    @classmethod
    def open(cls, folder: Path, manifest: StoreManifest) -> "_Last":
        """Raises CacheError, OSError, ValueError, KeyError or TypeError where it is damaged."""
        saved = read_json(folder / _KEYS, LARGE)
        store = Store.open(folder / _STORE, manifest.kind, manifest.category)
        keys = saved["keys"]
        if saved["store"] != store.seal.digest or len(keys) != len(store.manifest.samples):
            raise CacheError(f"{folder}: its keys are of another store")
        return cls(store, {key: position for position, key in enumerate(keys)})

    def read(self, key: str) -> dict[str, np.ndarray] | None:
        """The arrays of the sample with a key; None where it is not there, or not whole."""
        position = self.positions.get(key)
        if position is None:
            return None
        try:
            names = [spec.name for spec in self.store.manifest.arrays]
            arrays = {name: self.store.read(name, position) for name in names}
        except (Mentor3ADError, OSError):
            return None
        return arrays if self._has_files(position) else None

    def _has_files(self, position: int) -> bool:
        """Whether its shards are there; Zarr would read a shard that somebody removed as zeros."""
        if self.store.path.is_file():  # a pointer: a missing object has raised
            return True
        last = self.store.manifest
        files = (last.shard_file(spec, position // last.shard) for spec in last.arrays)
        return all(whole(self.store.path / file) for file in files)


class Snapshot:
    """The samples that the last finished store offers a new one; `last_store` makes it.

    Attributes:
        identity: hash of the new store and of what its manifest leaves out, for `write_store`.
        reused, computed: numbers of samples so far.
        refusal: why a last store offers nothing; empty where it does, or there is none.
    """

    def __init__(
        self, folder: Path, lock: IO[str], manifest: StoreManifest, keys: Sequence[str]
    ) -> None:
        self.identity = _sha256(manifest.fingerprint, *keys)
        self.reused = 0
        self.computed = 0
        self._counting = Lock()  # shards may be asked for side by side
        self._folder = folder
        self._lock = lock
        self._manifest = manifest
        self._keys = keys
        self._last: _Last | None = None
        self._damaged = False
        if folder.exists():
            try:
                self._last = _Last.open(folder, manifest)
            except (Mentor3ADError, OSError, ValueError, KeyError, TypeError):
                self._damaged = True

    def reusing(
        self, compute: Callable[[Sequence[int]], ShardArrays]
    ) -> Callable[[range], ShardArrays]:
        """A `compute` for `write_store` that asks the given one for what the snapshot lacks."""

        def shard(samples: range) -> ShardArrays:
            old = self.offered(samples)
            new = [i for i in samples if i not in old]
            return self.joined(samples, old, compute(new) if new else {})

        return shard

    def offered(self, samples: range) -> dict[int, ShardArrays]:
        """The arrays of those of a shard's samples that the last store has, by position."""
        return {i: arrays for i in samples if (arrays := self._read(i)) is not None}

    def count(self, reused: int, computed: int) -> None:
        """Note what became of some samples."""
        with self._counting:
            self.reused += reused
            self.computed += computed

    def joined(
        self, samples: range, old: Mapping[int, ShardArrays], fresh: ShardArrays
    ) -> ShardArrays:
        """The arrays of a whole shard, from those of `offered` and those of its other samples."""
        new = [i for i in samples if i not in old]
        self.count(len(old), len(new))
        each = {**old} | {i: {k: v[n] for k, v in fresh.items()} for n, i in enumerate(new)}
        names = [spec.name for spec in self._manifest.arrays]
        return {name: np.stack([each[i][name] for i in samples]) for name in names}

    @property
    def refusal(self) -> str:
        """Why nothing of the last store is taken over; empty where some is, or there is none."""
        if self._damaged:
            return "the last store is damaged or of another release, so nothing of it is reused"
        if self._last and not any(key in self._last.positions for key in self._keys):
            return "the last store was made of other scans, params, code or libraries"
        return ""

    def keep(self, store: Path) -> None:
        """Make a finished store the snapshot, whole or not at all.

        A file of the store that has the bytes of the last snapshot's becomes that very file, which
        DVC's cache holds as well: what was taken over is on the disk once. Nothing happens where
        another process still reads the last one, which then stays, or where the disk has no room
        for the links.
        """
        with contextlib.suppress(OSError, LockedError):
            lock(self._lock, wait=False)
            part = self._folder.with_name(self._folder.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            try:
                if store.is_file():  # a pointer to a bucket
                    part.mkdir()
                    shutil.copyfile(store, part / _STORE)
                else:
                    _share_files(self._folder / _STORE, store)
                    shutil.copytree(store, part / _STORE, copy_function=_link)
                saved = {"store": read_seal(store).digest, "keys": list(self._keys)}
                (part / _KEYS).write_text(dump_json(saved))
                shutil.rmtree(self._folder, ignore_errors=True)
                part.rename(self._folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)

    def _read(self, sample: int) -> dict[str, np.ndarray] | None:
        return self._last.read(self._keys[sample]) if self._last else None


@contextlib.contextmanager
def last_store(
    staging_root: Path, manifest: StoreManifest, sources: Sequence[str]
) -> Iterator[Snapshot]:
    """Yield what the last finished store of a category offers; no other process replaces it.

    A snapshot that is missing, damaged or of another schema offers nothing; a damaged sample is
    computed.

    Args:
        staging_root: as in `write_store`.
        manifest: of the new store.
        sources: what each of its samples' values depend on beside the manifest's inputs and the
            sample's content hash, code included.
    """
    folder = staging_root / FOLDER / f"{manifest.category}-{manifest.kind}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    shared = manifest.sample_fingerprint
    keys = [_sha256(shared, *own) for own in zip(manifest.hashes, sources, strict=True)]
    with folder.with_name(folder.name + ".lock").open("a") as file:
        lock(file, shared=True)  # waits while another process replaces the snapshot
        yield Snapshot(folder, file, manifest, keys)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _share_files(old: Path, new: Path) -> None:
    """Replace the files of a folder that equal another folder's by hard links to those."""
    for file in (path for path in new.rglob("*") if path.is_file()):
        same = old / file.relative_to(new)
        if not same.is_file() or same.samefile(file) or not filecmp.cmp(same, file, shallow=False):
            continue
        link = file.with_name(file.name + ".link")
        try:
            os.link(same, link)
            link.replace(file)
        except OSError:  # another file system, or one without links: two files then
            link.unlink(missing_ok=True)


def _link(source: str, target: str) -> None:
    """A read-only hard link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    Path(target).chmod(0o444)
