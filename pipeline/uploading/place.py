"""One store in a bucket: its files, the marks of its finished shards, and what makes it a store.

Below PREFIX/KIND/CATEGORY lie IDENTITY.zarr, with the files that a local store has, and
IDENTITY.marks, with one object a finished shard. Nothing that another run wrote is replaced by
other bytes: objects are created, and who finds one compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..buckets.access import Bucket, bucket_at
from ..buckets.pointer import Pointer
from ..cache.schema import StoreManifest
from ..plumbing.documents import SMALL, dump_json, parse_json
from ..plumbing.errors import CacheError
from ..plumbing.logs import LOGGER
from ..publishing.writer import ShardArrays
from ..seals.seal import MOST_BYTES, SEAL_FILE, Mark, Seal
from .encode import ROOT, encode_description, encode_seal, encode_shard, mark_files

STORE, MARKS = ".zarr", ".marks"
_REQUESTS = 16  # side by side

Shas = Mapping[str, str]  # SHA-256 of each file of a shard


@dataclass(frozen=True)
class ShardMark:
    """What a finished shard's objects are: their marks in the seal, and hashes of their bytes."""

    files: Mapping[str, Mark]
    sha256: Shas

    @classmethod
    def of(cls, manifest: StoreManifest, files: Mapping[str, bytes]) -> ShardMark:
        """The mark of what `encode_shard` made."""
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        return cls(mark_files(manifest, files), hashes)

    def to_bytes(self) -> bytes:
        files = {
            name: {"size": mark.size, "sha256": self.sha256[name], "digest": mark.digest}
            for name, mark in sorted(self.files.items())
        }
        return dump_json({"version": 1, "files": files}, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> ShardMark | None:
        """None where these are not the bytes of a mark."""
        try:
            files: Any = parse_json(content.decode())["files"]
            marks = {name: Mark(one["size"], one["digest"]) for name, one in files.items()}
            mark = cls(marks, {name: one["sha256"] for name, one in files.items()})
            return mark if mark.to_bytes() == content else None
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class StorePlace:
    """Where one store is, or is to be.

    Attributes:
        url: s3://BUCKET/PREFIX/KIND/CATEGORY/IDENTITY, without an ending.
        manifest: the store's.
        identity: a hash of all that its bytes depend on, its seal's included.
        made_from: the digests of the seals of what it is made from, by their kinds.
    """

    url: str
    manifest: StoreManifest
    identity: str
    made_from: Mapping[str, str]

    @classmethod
    def of(
        cls, prefix: str, manifest: StoreManifest, identity: str, made_from: Mapping[str, str]
    ) -> StorePlace:
        """The place of a store below `runtime.store`.

        Args:
            identity: a hash of all that the shards' bytes depend on, as in `write_store`.
        """
        text = dump_json([identity, dict(made_from)], sort_keys=True)
        identity = hashlib.sha256(text.encode()).hexdigest()
        url = f"{prefix.rstrip('/')}/{manifest.kind}/{manifest.category}/{identity}"
        return cls(url, manifest, identity, made_from)

    @property
    def store(self) -> Bucket:
        """The folder of the store's files."""
        return bucket_at(self.url + STORE)

    @property
    def marks(self) -> Bucket:
        """The folder of the marks."""
        return bucket_at(self.url + MARKS)

    def pointer(self) -> Pointer | None:
        """A pointer to the store, which costs two small requests; None where it is not there.

        Raises:
            CacheError: its seal is missing or damaged.
        """
        if not self.store.has(ROOT):
            return None
        try:
            seal = Seal.parse(self.store.read(SEAL_FILE, MOST_BYTES))
        except (FileNotFoundError, ValueError) as error:
            url = self.url + STORE
            raise CacheError(
                f"{url}/{SEAL_FILE} is missing or damaged ({error}): run `mentor3ad store verify "
                f"{url} --delete`, then the stage again"
            ) from None
        return self._pointer(seal)

    def finished(self) -> dict[int, ShardMark]:
        """The marks of the shards whose objects are all there, with the sizes that were written."""
        sizes = {one.key: one.size for one in self.store.entries()}
        shards = [int(name) for one in self.marks.entries() if (name := one.key).isdecimal()]
        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = dict(zip(shards, pool.map(self._mark, shards), strict=True))
        return {
            shard: mark
            for shard, mark in found.items()
            if mark
            and shard < self.manifest.shards
            and mark.files.keys() == set(self._files(shard))
            and all(sizes.get(name) == file.size for name, file in mark.files.items())
        }

    def put_shard(self, shard: int, arrays: ShardArrays) -> ShardMark:
        """Encode a shard, write its objects, and then its mark; any process may.

        Raises:
            CacheError: a value is not finite; or another run computed other bytes.
            BucketError: the bucket cannot be reached, or refuses.
        """
        return self.put_files(shard, encode_shard(self.manifest, shard, arrays))

    def put_files(self, shard: int, files: Mapping[str, bytes]) -> ShardMark:
        """Write the objects of an encoded shard, and then its mark; raises as `put_shard`."""
        mark = ShardMark.of(self.manifest, files)
        with ThreadPoolExecutor(len(files)) as pool:
            fits = list(pool.map(lambda name: self._create(name, files[name]), files))
        others = [name for name, same in zip(files, fits, strict=True) if not same]
        if others and self._mark(shard) != mark:
            raise self._differs(others[0])
        for name in others:  # the mark says that these bytes are right, and those there damaged
            self.store.replace(name, files[name])
        self.marks.replace(str(shard), mark.to_bytes())
        return mark

    def publish(self, marks: Mapping[int, ShardMark]) -> Pointer:
        """Describe and seal a store whose shards are all there; of several runs, one does.

        Raises:
            CacheError: an object is missing, or another run published other bytes.
            BucketError: the bucket cannot be reached, or refuses.
        """
        files = {name: one for mark in marks.values() for name, one in mark.files.items()}
        wanted = {name for shard in range(self.manifest.shards) for name in self._files(shard)}
        sizes = {one.key: one.size for one in self.store.entries()}
        for name in sorted(wanted):
            if name not in files or sizes.get(name) != files[name].size:
                raise CacheError(
                    f"{self.url}{STORE}/{name} is missing or has another size; run it again, the "
                    "other shards are kept"
                )
        seal = encode_seal(self.manifest, files, self.made_from)
        described = encode_description(self.manifest)
        root = described.pop(ROOT)
        for name, content in {**described, SEAL_FILE: seal.to_bytes()}.items():
            if not self._create(name, content):
                raise self._differs(name)
        if not self.store.create(ROOT, root):
            if not self._holds(ROOT, root):
                raise self._differs(ROOT)
            url = self.url + STORE
            LOGGER.warning(f"{url}: another run published this store first, with the same bytes")
        return self._pointer(seal)

    def _pointer(self, seal: Seal) -> Pointer:
        size = sum(mark.size for mark in seal.files.values()) + len(seal.to_bytes())
        url, of = self.url + STORE, self.manifest
        return Pointer(url, of.kind, of.category, self.identity, seal.digest, size)

    def _create(self, name: str, content: bytes) -> bool:
        """Create an object; whether it now has the content, ours or another run's."""
        return self.store.create(name, content) or self._holds(name, content)

    def _holds(self, name: str, content: bytes) -> bool:
        try:
            return self.store.read(name, len(content)) == content
        except ValueError:
            return False

    def _mark(self, shard: int) -> ShardMark | None:
        try:
            return ShardMark.parse(self.marks.read(str(shard), SMALL))
        except (FileNotFoundError, ValueError):
            return None

    def _files(self, shard: int) -> list[str]:
        return [self.manifest.shard_files(spec)[shard] for spec in self.manifest.arrays]

    def _differs(self, name: str) -> CacheError:
        url = self.url + STORE
        return CacheError(
            f"{url}/{name} holds other bytes than were computed here: another machine rounds "
            f"differently, or it is damaged; run `mentor3ad store verify {url} --delete` and the "
            "stage again, or name another runtime.store"
        )
