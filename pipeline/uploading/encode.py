"""The files of a store as bytes, made without a disk: what a bucket holds as objects.

They are, byte for byte, the files that `write_store` leaves, whoever makes them and in whatever
order: a worker encodes a shard, and who publishes the store adds the description and the seal.
"""

import hashlib
from collections.abc import Mapping

import zarr
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from ..cache.reader import ATTRIBUTE, SEAL, description
from ..cache.schema import StoreManifest
from ..cache.shards import mark_bytes
from ..publishing.writer import ShardArrays, create_arrays, write_shard
from ..seals.seal import Mark, Seal

ROOT = "zarr.json"  # with it a store is one: it is written last


def encode_shard(manifest: StoreManifest, shard: int, arrays: ShardArrays) -> dict[str, bytes]:
    """The files of one shard, by their paths in the store.

    Args:
        arrays: (samples of the shard, ...) of each array, as `write_store` wants them.

    Raises:
        CacheError: a value is not finite.
    """
    memory = MemoryStore()
    write_shard(create_arrays(memory, manifest), manifest, shard, arrays)
    return _files(memory, [manifest.shard_file(spec, shard) for spec in manifest.arrays])


def encode_alone(manifest: StoreManifest, shard: int, arrays: ShardArrays) -> dict[str, bytes]:
    """`encode_shard` by who knows the samples of this shard alone: its bytes name no place in it.

    Args:
        manifest: of a store of these samples.
        shard: its number in the whole store.
    """
    files = encode_shard(manifest, 0, arrays)
    names = ((manifest.shard_file(s, 0), manifest.shard_file(s, shard)) for s in manifest.arrays)
    return {whole: files[alone] for alone, whole in names}


def encode_description(manifest: StoreManifest) -> dict[str, bytes]:
    """The files of a store that are neither shards nor its seal; `ROOT` is the last of them."""
    memory = MemoryStore()
    group = create_arrays(memory, manifest)
    root, *arrays = description(manifest)
    files = _files(memory, arrays)
    digest = hashlib.sha256(manifest.fingerprint.encode())
    for name in arrays:
        digest.update(files[name])
    group.attrs.update({ATTRIBUTE: manifest.to_json(), SEAL: digest.hexdigest()})
    return files | _files(memory, [root])


def mark_files(manifest: StoreManifest, files: Mapping[str, bytes]) -> dict[str, Mark]:
    """What the seal says of files of `encode_shard`."""
    return {name: mark_bytes(content, manifest.shard) for name, content in files.items()}


def encode_seal(
    manifest: StoreManifest, shards: Mapping[str, Mark], made_from: Mapping[str, str]
) -> Seal:
    """The seal of a store.

    Args:
        shards: the marks of the files of all shards.
        made_from: the digests of the seals of what the store is made from, by their kinds.
    """
    described = {n: Mark.of(content) for n, content in encode_description(manifest).items()}
    return Seal(manifest.kind, manifest.category, dict(made_from), {**shards, **described})


def _files(memory: MemoryStore, names: list[str]) -> dict[str, bytes]:
    prototype = zarr.core.buffer.default_buffer_prototype()
    found = {}
    for name in names:
        content = sync(memory.get(name, prototype))
        assert content is not None, f"{name} was not written"
        found[name] = content.to_bytes()
    return found
