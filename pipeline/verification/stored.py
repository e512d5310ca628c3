"""The stores that lie in a bucket: what there is, whether it is whole, and what may go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ..buckets.access import Bucket, bucket_at
from ..buckets.pointer import Pointer
from ..cache.fetched import Shards
from ..cache.reader import Store
from ..cache.schema import StoreManifest
from ..params.project import Project
from ..plumbing.errors import CacheError, ConfigError, Mentor3ADError
from ..seals.seal import MOST_BYTES, SEAL_FILE, Seal
from ..seals.sealed import Sealed
from ..uploading.encode import ROOT
from ..uploading.place import MARKS, STORE

_KEY = re.compile(r"(?P<place>(?P<kind>\w+)/(?P<category>[^/]+)/[0-9a-f]{64})\.(zarr|marks)/(.+)")

_SHARD = re.compile(r"/c/(\d+)/")


@dataclass(frozen=True)
class StoreInBucket:
    """A store that lies in a bucket, or what a killed run left of one.

    Attributes:
        url: as in `Pointer`.
        kind, category: of what it is.
        size: bytes of all its objects, marks included.
        modified: when the last of them was written, by the server's clock.
        published: whether readers may have it.
    """

    url: str
    kind: str
    category: str
    size: int
    modified: datetime
    published: bool


def stores_in(prefix: str) -> list[StoreInBucket]:
    """The stores below an address, sorted by kind, category and identity.

    Raises:
        BucketError, ConfigError: see `bucket_at`.
    """
    found: dict[str, StoreInBucket] = {}
    for entry in bucket_at(prefix.rstrip("/")).entries():
        if not (match := _KEY.fullmatch(entry.key)):
            continue
        url = f"{prefix.rstrip('/')}/{match['place']}{STORE}"
        new = StoreInBucket(url, match["kind"], match["category"], 0, entry.modified, False)
        one = found.get(url, new)
        found[url] = replace(
            one,
            size=one.size + entry.size,
            modified=max(one.modified, entry.modified),
            published=one.published or (match[4] == "zarr" and match[5] == ROOT),
        )
    return [found[url] for url in sorted(found)]


def pointers_of(project: Project) -> dict[Path, Pointer]:
    """The pointers among the stores of a project's folder. Raises CacheError for a damaged one."""
    files = sorted(path for path in project.features("*").parent.glob("*.zarr") if path.is_file())
    return {path: Pointer.load(path) for path in files}


def unused(
    stores: Iterable[StoreInBucket], kept: Iterable[str], now: datetime, days: int
) -> list[StoreInBucket]:
    """The stores of which nothing was written for so many days, but those at the kept addresses."""
    urls = set(kept)
    age = timedelta(days=days)
    return [one for one in stores if one.url not in urls and now - one.modified >= age]


def delete_store(store: StoreInBucket) -> None:
    """Delete a store with its marks; it is no store from the first moment on."""
    files, marks = bucket_at(store.url), _marks(store.url)
    files.delete([ROOT])
    for place in (files, marks):
        place.delete([entry.key for entry in place.entries()])


def pointer_to(place: str) -> Pointer:
    """A pointer to a store, given by its own path or by the store's address.

    Raises:
        ConfigError: there is neither.
        CacheError: the pointer is damaged.
    """
    if not place.startswith("s3://"):
        if not Path(place).is_file():
            raise ConfigError(
                f"{place} is no pointer to a store: name its file, or s3://...{STORE}"
            )
        return Pointer.load(Path(place))
    url = place.rstrip("/")
    match = _KEY.fullmatch("/".join([*url.rpartition(STORE)[0].split("/")[-3:]]) + f"{STORE}/-")
    bucket = bucket_at(url)
    if not match or (not bucket.has(ROOT) and not bucket.has(SEAL_FILE)):
        raise ConfigError(f"{place} is no store: `mentor3ad store list` shows the addresses")
    identity = match["place"].rpartition("/")[2]
    try:
        content = bucket.read(SEAL_FILE, MOST_BYTES)
        seal = Seal.parse(content)
    except (FileNotFoundError, ValueError):  # which `damage` then says
        return Pointer(url, match["kind"], match["category"], identity, "", 0)
    size = sum(mark.size for mark in seal.files.values()) + len(content)
    return Pointer(url, seal.kind, seal.category, identity, seal.digest, size)


def damage(pointer: Pointer) -> Iterator[tuple[str, str]]:
    """Yield the files of a store that are missing or damaged, each with what is wrong.

    All of it is read, to the last byte.

    Raises:
        BucketError, ConfigError: see `bucket_at`.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"store{STORE}"
        path.write_text(pointer.to_text(), encoding="utf-8")
        try:
            sealed = Sealed.open(path, pointer.kind, pointer.category)
        except CacheError:
            yield SEAL_FILE, "it is missing, damaged, or of another store"
            return
        found = list(_described(sealed))
        yield from found
        if not found:
            yield from _shards(Store.open(path, pointer.kind, pointer.category).manifest, sealed)


def _described(sealed: Sealed) -> Iterator[tuple[str, str]]:
    for name in sorted(name for name in sealed.seal.files if name.endswith(ROOT)):
        try:
            sealed.read(name)
        except CacheError:
            yield name, "it is missing or damaged"


def _shards(manifest: StoreManifest, sealed: Sealed) -> Iterator[tuple[str, str]]:
    shards = Shards(sealed)
    for spec in manifest.arrays:
        for shard, file in enumerate(manifest.shard_files(spec)):
            samples = manifest.shard_samples(shard)
            try:
                shards.read(manifest, spec.name, slice(samples.start, samples.stop))
            except Mentor3ADError:
                raise
            except Exception as error:  # zarr raises a different type for each kind of damage
                yield file, " ".join(str(error).split())


def delete_damaged(pointer: Pointer, files: Iterable[str]) -> None:
    """Delete files of a store and the marks of their shards, and what makes it a store.

    The next run of the stage finds the others by their marks, and makes these again.
    """
    names = list(files)
    shards = {match[1] for name in names if (match := _SHARD.search(name))}
    pointer.bucket.delete([ROOT, *names])
    _marks(pointer.url).delete(sorted(shards))


def _marks(url: str) -> Bucket:
    return bucket_at(url.removesuffix(STORE) + MARKS)
