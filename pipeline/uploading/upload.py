"""Writes a store into a bucket, as `write_store` writes one onto a disk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..cache.schema import StoreManifest
from ..plumbing.claims import check_claims
from ..plumbing.files import write_whole
from ..publishing.writer import (
    Elsewhere,
    Encoded,
    Shard,
    ShardArrays,
    Stored,
    clear,
    computed,
    write_store,
)
from .place import ShardMark, StorePlace


def put_store(
    bucket: str | None,
    out: Path,
    manifest: StoreManifest,
    compute: Callable[[range], ShardArrays] | Elsewhere,
    staging_root: Path,
    shards: Callable[[Sequence[int]], Iterator[int]],
    identity: str,
    finished: Callable[[Path], None],
    ahead: int = 0,
    made_from: Mapping[str, str] | None = None,
) -> int:
    """`upload_store` below an address, or `write_store` where there is none."""
    if bucket is None:
        return write_store(
            *(out, manifest, compute, staging_root, shards, identity, finished, ahead, made_from)
        )
    return upload_store(
        *(bucket, out, manifest, compute, shards, identity, finished, ahead, made_from)
    )


def upload_store(
    prefix: str,
    out: Path,
    manifest: StoreManifest,
    compute: Callable[[range], ShardArrays] | Elsewhere,
    shards: Callable[[Sequence[int]], Iterator[int]] = iter,
    identity: str | None = None,
    finished: Callable[[Path], None] = lambda store: None,
    ahead: int = 0,
    made_from: Mapping[str, str] | None = None,
) -> int:
    """Compute and write every shard that the bucket lacks, publish the store, point to it.

    A store that is in the bucket already is pointed to, and nothing is computed. A killed run
    leaves its finished shards and their marks; the next one, on whatever machine, goes on from
    there and ends with the same bytes.

    Args:
        prefix: the address that stores lie below, `runtime.store`.
        out: the pointer, replaced as a whole.
        finished: is given the pointer.
        compute, shards, identity, ahead, made_from: as in `write_store`.

    Returns:
        How many shards were computed.

    Raises:
        CacheError, BucketError, ConfigError: see `StorePlace` and `bucket_at`.
    """
    identity = identity or manifest.fingerprint
    place = StorePlace.of(prefix, manifest, identity, made_from or {})
    pointer, missing = place.pointer(), []
    if pointer is None:
        marks = place.finished()
        missing = [shard for shard in range(manifest.shards) if shard not in marks]
        with computed(compute, manifest, missing, ahead) as made:
            for _ in shards(missing):
                shard, content = next(made)
                marks[shard] = _put(place, shard, content)
        pointer = place.publish(marks)
    check_claims()
    if out.is_dir():
        clear(out)
    write_whole(out, pointer.to_text())
    finished(out)
    return len(missing)


def _put(place: StorePlace, shard: int, content: Shard) -> ShardMark:
    if isinstance(content, Stored):
        mark: ShardMark = content.mark
        return mark
    if isinstance(content, Encoded):
        return place.put_files(shard, content.files)
    return place.put_shard(shard, content)
