"""Reads a store, if it is whole, undamaged and of the right kind; it is never written to."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from ..plumbing.errors import CacheError
from .schema import SCHEMA_VERSION, StoreManifest

ATTRIBUTE = "mentor3ad"
SEAL = "sha256"  # of the manifest and of the description of every array


class Store:
    """A verified store, opened read-only."""

    def __init__(self, path: Path, group: zarr.Group, manifest: StoreManifest) -> None:
        self.path = path
        self.manifest = manifest
        self._arrays: dict[str, Any] = {s.name: group[s.name] for s in manifest.arrays}

    @classmethod
    def open(cls, path: Path, kind: str, category: str) -> "Store":
        """Open a store that must hold `kind` of `category`.

        Raises:
            CacheError: missing, incomplete, of another kind, category or schema version; the
                message says which. Damage inside a shard is found when it is read.
        """
        manifest, group = _manifest(path)
        for what, found, expected in (
            ("kind", manifest.kind, kind),
            ("category", manifest.category, category),
        ):
            if found != expected:
                raise CacheError(
                    f"{path}: this store's {what} is {found}, expected {expected}; it was put "
                    f"under another's name: {_remedy(path)}"
                )
        store = cls(path, group, manifest)
        store._check_files()
        return store

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
        try:
            return np.asarray(self._arrays[name][selection])
        except Exception as error:  # zarr raises a different type for each kind of damage
            shards = self._damaged(name, selection)
            raise CacheError(
                f"{self.path}: {shards} is damaged ({_line(error)}); {_remedy(self.path)}"
            ) from error

    def _damaged(self, name: str, selection: slice) -> str:
        spec = next(s for s in self.manifest.arrays if s.name == name)
        files = self.manifest.shard_files(spec)
        start, stop, _ = selection.indices(len(self.manifest.samples))
        first, last = start // self.manifest.shard, (stop - 1) // self.manifest.shard
        return files[first] if first == last else f"one of {files[first]} to {files[last]}"

    def _check_files(self) -> None:
        for spec in self.manifest.arrays:
            for file in self.manifest.shard_files(spec):
                if not whole(self.path / file):
                    raise CacheError(f"{self.path}: {file} is missing; {_remedy(self.path)}")


def whole(shard: Path) -> bool:
    """Whether a shard's file holds anything; Zarr would read a missing or empty one as zeros."""
    return shard.is_file() and shard.stat().st_size > 0


def seal(store: Path, manifest: StoreManifest) -> str:
    """The checksum of the manifest and of what describes the arrays; chunks have their own."""
    digest = hashlib.sha256(manifest.fingerprint.encode())
    for spec in manifest.arrays:
        digest.update((store / spec.name / "zarr.json").read_bytes())
    return digest.hexdigest()


def _manifest(path: Path) -> tuple[StoreManifest, zarr.Group]:
    if not path.is_dir():
        raise CacheError(f"{path} does not exist; `dvc repro` makes it")
    try:
        group = zarr.open_group(path, mode="r")
        content = group.attrs[ATTRIBUTE]
        assert isinstance(content, dict)
        version = content["version"]
    except Exception as error:
        raise CacheError(
            f"{path} is incomplete or no store of ours (no manifest found); {_remedy(path)}"
        ) from error
    if version != SCHEMA_VERSION:
        raise CacheError(
            f"{path}: schema version {version}, this release reads {SCHEMA_VERSION}; "
            f"{_remedy(path)}"
        )
    try:
        manifest = StoreManifest.from_json(content)
        if group.attrs[SEAL] != seal(path, manifest):
            raise ValueError("not the one that was written")
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise CacheError(f"{path}: its manifest is damaged ({error}); {_remedy(path)}") from error
    return manifest, group


def _remedy(path: Path) -> str:
    return f"delete {path} and run `dvc repro` to make it again"


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
