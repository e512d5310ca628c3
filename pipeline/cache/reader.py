"""Reads a store, if it is whole, undamaged and of the right kind; it is never written to."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from ..plumbing.errors import CacheError, Mentor3ADError
from ..seals.seal import NOT_THERE, Mark, Seal, mark_file, remedy, write_seal
from ..seals.sealed import Sealed
from .fetched import Shards
from .schema import SCHEMA_VERSION, StoreManifest
from .shards import mark_shard

ATTRIBUTE = "mentor3ad"
SEAL = "sha256"  # of the manifest and of the description of every array


class Store:
    """A verified store, opened read-only.

    Attributes:
        sealed: what its files must be; None while it is written.
    """

    def __init__(
        self,
        path: Path,
        group: zarr.Group,
        manifest: StoreManifest,
        sealed: Sealed | None = None,
        bucket: Shards | None = None,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.sealed = sealed
        self._bucket = bucket  # where its shards are, unless below path
        self._arrays: dict[str, Any] = {s.name: group[s.name] for s in manifest.arrays}
        self._checked: dict[str, tuple[int, ...]] = {}  # shards, and which file each was then

    @classmethod
    def open(cls, path: Path, kind: str, category: str) -> "Store":
        """Open a store that must hold `kind` of `category`, with a seal.

        Args:
            path: its folder, or a pointer to one in a bucket.

        Raises:
            BucketError: the bucket cannot be reached, or refuses.
            CacheError: missing, incomplete, of another kind, category or schema version; the
                message says which. Damage inside a shard, and a shard of another store, is found
                when it is read.
            OSError: the system does not let us read it, which says nothing about the store.
        """
        bucket = Shards(Sealed.open(path, kind, category)) if path.is_file() else None
        manifest, group = _manifest(path, bucket)
        for what, found, expected in (
            ("kind", manifest.kind, kind),
            ("category", manifest.category, category),
        ):
            if found != expected:
                raise CacheError(
                    f"{path}: this store's {what} is {found}, expected {expected}; it was put "
                    f"under another's name: {remedy(path)}"
                )
        if bucket:  # whose shards are looked for when they are read
            return cls(path, group, manifest, bucket.sealed, bucket)
        sealed = Sealed.open(path, kind, category)
        store = cls(path, group, manifest, sealed)
        store._check_files()
        for name in description(manifest):
            sealed.read(name)
        return store

    @property
    def seal(self) -> Seal:
        """Of a finished store."""
        assert self.sealed
        return self.sealed.seal

    def read(self, name: str, sample: int) -> np.ndarray:
        """Read one sample of an array."""
        return self._read(name, slice(sample, sample + 1))[0]

    def read_samples(self, name: str, samples: np.ndarray | list[int] | None = None) -> np.ndarray:
        """Read samples at once, as (n, ...): those at the given positions, or all."""
        if samples is None:
            return self._read(name, slice(None))
        return np.stack([self.read(name, int(sample)) for sample in samples])

    def verify_shard(self, name: str, shard: int) -> None:
        samples = self.manifest.shard_samples(shard)
        self._read(name, slice(samples.start, samples.stop))

    def _read(self, name: str, selection: slice) -> np.ndarray:
        if self.sealed and not self._bucket:
            self._check_shards(name, selection)
        try:
            if self._bucket:
                return self._bucket.read(self.manifest, name, selection)
            return np.asarray(self._arrays[name][selection])
        except Exception as error:  # zarr raises a different type for each kind of damage
            if _is_the_machines(error):
                raise
            shards = self._damaged(name, selection)
            raise CacheError(
                f"{self.path}: {shards} is damaged ({_line(error)}); {remedy(self.path)}"
            ) from error

    def _damaged(self, name: str, selection: slice) -> str:
        files = self._shards(name, selection)
        return files[0] if len(files) == 1 else f"one of {files[0]} to {files[-1]}"

    def _shards(self, name: str, selection: slice) -> list[str]:
        """The files that hold a selection of samples."""
        spec = next(s for s in self.manifest.arrays if s.name == name)
        start, stop, _ = selection.indices(len(self.manifest.samples))
        shards = range(start // self.manifest.shard, (stop - 1) // self.manifest.shard + 1)
        return [self.manifest.shard_file(spec, shard) for shard in shards]

    def _check_shards(self, name: str, selection: slice) -> None:
        """Refuse shards that are not the sealed ones; each is read once, unless it is replaced."""
        assert self.sealed
        for file in self._shards(name, selection):
            try:
                which = _which(self.path / file)
                if self._checked.get(file) == which:
                    continue
                fits = mark_shard(self.path / file, self.manifest.shard) == self.sealed.mark(file)
            except (*NOT_THERE, ValueError) as error:
                raise self._refused(file, _line(error)) from None
            if not fits:
                raise self._refused(file, "it is of another store, or of another time")
            self._checked[file] = which

    def _refused(self, file: str, reason: str) -> CacheError:
        return CacheError(f"{self.path}: {file} is damaged ({reason}); {remedy(self.path)}")

    def _check_files(self) -> None:
        for spec in self.manifest.arrays:
            for file in self.manifest.shard_files(spec):
                path = self.path / file
                if not whole(path):
                    raise CacheError(f"{self.path}: {file} is missing; {remedy(self.path)}")
                if self.sealed and path.stat().st_size != self.sealed.mark(file).size:
                    raise self._refused(file, "it has another size")


def whole(shard: Path) -> bool:
    """Whether a shard's file holds anything; Zarr would read a missing or empty one as zeros."""
    return shard.is_file() and shard.stat().st_size > 0


def seal_store(store: Path, manifest: StoreManifest, made_from: Mapping[str, str]) -> None:
    """Seal a store whose chunks have just been verified; of shards, `mark_shard` is taken."""
    described = {store / name for name in description(manifest)}

    def mark(path: Path) -> Mark:
        return mark_file(path) if path in described else mark_shard(path, manifest.shard)

    write_seal(store, manifest.kind, manifest.category, made_from, mark)


def description(manifest: StoreManifest) -> list[str]:
    """The files of a store that are no shards."""
    return ["zarr.json", *(f"{spec.name}/zarr.json" for spec in manifest.arrays)]


def _which(path: Path) -> tuple[int, ...]:
    """Tells a file from one that takes its place."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def seal(store: Path, manifest: StoreManifest) -> str:
    """The checksum of the manifest and of what describes the arrays; chunks have their own."""
    digest = hashlib.sha256(manifest.fingerprint.encode())
    for spec in manifest.arrays:
        digest.update((store / spec.name / "zarr.json").read_bytes())
    return digest.hexdigest()


def _manifest(path: Path, bucket: Shards | None) -> tuple[StoreManifest, zarr.Group]:
    if not path.exists():
        raise CacheError(f"{path} does not exist; `dvc repro` makes it")
    try:
        group = bucket.group if bucket else zarr.open_group(path, mode="r")
        content = group.attrs[ATTRIBUTE]
        assert isinstance(content, dict)
        version = content["version"]
    except Exception as error:
        if _is_the_machines(error):
            raise
        raise CacheError(
            f"{path} is incomplete or no store of ours (no manifest found); {remedy(path)}"
        ) from error
    if version != SCHEMA_VERSION:
        raise CacheError(
            f"{path}: schema version {version}, this release reads {SCHEMA_VERSION}; {remedy(path)}"
        )
    try:
        manifest = StoreManifest.from_json(content)
        if not bucket and group.attrs[SEAL] != seal(path, manifest):
            raise ValueError("not the one that was written")
    except (KeyError, TypeError, ValueError, *NOT_THERE) as error:
        raise CacheError(f"{path}: its manifest is damaged ({error}); {remedy(path)}") from error
    return manifest, group


def _is_the_machines(error: Exception) -> bool:
    """Whether the store may be whole: no memory, too many open files, no permission, a bad disk.

    An error of ours says itself what it means.
    """
    if isinstance(error, Mentor3ADError):
        return True
    return isinstance(error, MemoryError | OSError) and not isinstance(error, NOT_THERE)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
