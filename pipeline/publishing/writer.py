"""Writes a store: whole shards go into a staging folder, are verified, and move in one rename."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.storage import StoreLike

from ..cache.reader import ATTRIBUTE, SEAL, Store, seal, seal_store, whole
from ..cache.schema import StoreManifest
from ..plumbing import parallel as threads
from ..plumbing.claims import check_claims
from ..plumbing.errors import CacheError
from ..plumbing.locks import locked
from ..seals.seal import SEAL_FILE

STORE, DONE, LOCK = "store", "done", "lock"  # in the folder of an unfinished store

ShardArrays = Mapping[str, np.ndarray]  # name: (samples of the shard, ...)


@dataclass(frozen=True)
class Encoded:
    """A shard as the files of a store, by their paths in it."""

    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Stored:
    """A shard whose files are in the bucket already; `mark` says what they are."""

    mark: Any


Shard = ShardArrays | Encoded | Stored


@dataclass(frozen=True)
class Elsewhere:
    """Shards that are computed by others.

    Attributes:
        shards: from numbers of shards to each one's number and content, in whatever order they
            are ready.
    """

    shards: Callable[[Sequence[int]], Iterator[tuple[int, Shard]]]


def write_store(
    out: Path,
    manifest: StoreManifest,
    compute: Callable[[range], ShardArrays] | Elsewhere,
    staging_root: Path,
    shards: Callable[[Sequence[int]], Iterator[int]] = iter,
    identity: str | None = None,
    finished: Callable[[Path], None] = lambda store: None,
    ahead: int = 0,
    made_from: Mapping[str, str] | None = None,
) -> int:
    """Compute and write every missing shard, verify all, then move the store to `out`.

    A killed run leaves its finished shards in the staging folder; the next one with the same
    identity goes on from there and ends with the same bytes. The folder is locked, so a second
    writer stops with an error.

    Args:
        out: the store, replaced as a whole.
        compute: from positions of samples to the arrays of that shard, or who computes them.
        staging_root: where unfinished stores live, on the file system of `out`.
        shards: iterates over the missing shards, to show progress.
        identity: a hash of all that the bytes depend on; None: the manifest's fingerprint.
        finished: is given the verified store before it moves.
        ahead: shards that are computed, in threads of their own, beside the one that is waited
            for; no more than so many and one are in memory.
        made_from: the digests of the seals of what the store is made from, by their kinds.

    Returns:
        How many shards were computed.

    Raises:
        CacheError: another process writes this store, the disk is full, or what was written does
            not read back.
    """
    identity = identity or manifest.fingerprint
    staging = staging_root / f"{manifest.category}-{manifest.kind}-{identity[:16]}"
    try:
        with locked(staging / LOCK, partial(_written_elsewhere, out)):
            missing = _missing_shards(staging, manifest)
            with computed(compute, manifest, missing, ahead) as made:
                for _ in shards(missing):
                    _write_shard(staging, manifest, *next(made))
            _finish(staging, manifest, made_from or {})
            finished(staging / STORE)
            _move(staging / STORE, out)
            shutil.rmtree(staging)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CacheError(
            f"{staging}: no space left on the disk; free some and run again, the finished shards "
            "are kept"
        ) from error
    return len(missing)


@contextlib.contextmanager
def computed(
    compute: Callable[[range], ShardArrays] | Elsewhere,
    manifest: StoreManifest,
    missing: Sequence[int],
    ahead: int,
) -> Iterator[Iterator[tuple[int, Shard]]]:
    """Yield each shard and its content; once the context is left no other is begun."""
    if isinstance(compute, Elsewhere):
        yield compute.shards(missing)
        return
    samples = [manifest.shard_samples(shard) for shard in missing]
    with contextlib.ExitStack() as stack:
        if ahead:
            pool = stack.enter_context(ThreadPoolExecutor(1 + ahead))
            stack.callback(pool.shutdown, cancel_futures=True)
            arrays = threads.ahead(pool, ahead, compute, samples)
        else:
            arrays = map(compute, samples)
        # Unlike zip, this holds no shard that has been taken.
        yield ((shard, next(arrays)) for shard in missing)


def _written_elsewhere(out: Path, holder: str) -> CacheError:
    return CacheError(
        f"{out} is being written by another process ({holder}); wait for it or stop it"
    )


def _missing_shards(staging: Path, manifest: StoreManifest) -> list[int]:
    """Shards that are not marked as done; makes an empty store if there is none to go on with."""
    store, done = staging / STORE, staging / DONE
    if not (done.is_dir() and store.is_dir()):
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(done, ignore_errors=True)
        create_arrays(store, manifest)
        done.mkdir()
    for torn in (*store.rglob("*.partial"), *store.glob(f".{SEAL_FILE}.*")):
        torn.unlink()
    return [shard for shard in range(manifest.shards) if not _done(staging, manifest, shard)]


def _done(staging: Path, manifest: StoreManifest, shard: int) -> bool:
    files = (staging / STORE / manifest.shard_file(spec, shard) for spec in manifest.arrays)
    return (staging / DONE / str(shard)).exists() and all(whole(file) for file in files)


def create_arrays(store: StoreLike, manifest: StoreManifest) -> zarr.Group:
    """Describe a store's arrays in an empty place of Zarr's; no chunk is written."""
    group = zarr.create_group(store)
    for spec in manifest.arrays:
        group.create_array(
            spec.name,
            shape=(len(manifest.samples), *spec.shape),
            dtype=spec.dtype,
            chunks=(1, *spec.shape),
            shards=(manifest.shard, *spec.shape),
            compressors=_codecs(manifest.codec, np.dtype(spec.dtype).itemsize),
            fill_value=0,
            config={"write_empty_chunks": True},
        )
    return group


def _codecs(codec: str, itemsize: int) -> list[Any]:
    """A compressor and a checksum of its bytes. Gzip is none of them: its header has the time."""
    compressors: dict[str, list[Any]] = {
        "raw": [],
        "zstd": [ZstdCodec(level=1)],
        "blosc": [BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle", typesize=itemsize)],
    }
    return [*compressors[codec], Crc32cCodec()]


def write_shard(
    group: zarr.Group, manifest: StoreManifest, shard: int, arrays: ShardArrays
) -> None:
    """Write one whole shard of each array into a group of `create_arrays`.

    Raises:
        CacheError: a value is not finite; nothing of that array is written.
    """
    samples = manifest.shard_samples(shard)
    for spec in manifest.arrays:
        value = arrays[spec.name]
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise CacheError(f"{spec.name} of {manifest.category} is not finite; nothing is kept")
        if value.shape != (len(samples), *spec.shape) or value.dtype != spec.dtype:
            raise ValueError(f"{spec.name}: got {value.shape} {value.dtype}, expected {spec}")
        array = group[spec.name]
        assert isinstance(array, zarr.Array)
        array.with_config({"write_empty_chunks": True})[samples.start : samples.stop] = value


def _write_shard(staging: Path, manifest: StoreManifest, shard: int, made: Shard) -> None:
    assert not isinstance(made, Stored), "this store is not in a bucket"
    names = [manifest.shard_file(spec, shard) for spec in manifest.arrays]
    files = [staging / STORE / name for name in names]
    for file in files:
        file.unlink(missing_ok=True)  # else Zarr would read a torn file in order to write into it
    if isinstance(made, Encoded):
        for name, file in zip(names, files, strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(made.files[name])
    else:
        write_shard(zarr.open_group(staging / STORE, mode="r+"), manifest, shard, made)
    for file in files:
        _sync(file)
    (staging / DONE / str(shard)).touch()


def _finish(staging: Path, manifest: StoreManifest, made_from: Mapping[str, str]) -> None:
    """Verify every shard, then write manifest and seal: a store that has them is whole."""
    group = zarr.open_group(staging / STORE, mode="r+")
    written = Store(staging / STORE, group, manifest)
    for shard in range(manifest.shards):
        try:
            for spec in manifest.arrays:
                written.verify_shard(spec.name, shard)
        except (CacheError, OSError):  # what cannot be read back is written anew
            (staging / DONE / str(shard)).unlink(missing_ok=True)
            raise
    sealed: dict[str, Any] = {ATTRIBUTE: manifest.to_json()}
    sealed[SEAL] = seal(staging / STORE, manifest)
    group.attrs.update(sealed)
    _sync(staging / STORE / "zarr.json")
    seal_store(staging / STORE, manifest, made_from)


def _move(store: Path, out: Path) -> None:
    check_claims()
    out.parent.mkdir(parents=True, exist_ok=True)
    clear(out)
    try:
        store.rename(out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = out.with_name(out.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(store, part)
        part.rename(out)


def clear(out: Path) -> None:
    """Remove what is at the place of a store: a folder, or a pointer to a bucket."""
    if out.is_dir() and not out.is_symlink():
        shutil.rmtree(out)
    else:
        out.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
