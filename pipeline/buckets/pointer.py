"""A pointer: the small file that stands where a store would be, and says where in a bucket it is.

It is the out that DVC hashes and keeps. It holds no clock and no host, so that the same store in
the same place has the same pointer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..plumbing.documents import SMALL, dump_json, parse_json, read_bytes
from ..plumbing.errors import CacheError
from .access import URL, Bucket, bucket_at

VERSION = 1
STAGES: Mapping[str, str] = {"features": "extract"}  # which makes a store of a kind


@dataclass(frozen=True)
class Pointer:
    """Where a store is.

    Attributes:
        url: of the folder of its files: s3://BUCKET/PREFIX/KIND/CATEGORY/IDENTITY.zarr.
        kind, category: of what it is.
        identity: a hash of all that its bytes depend on.
        digest: SHA-256 of its seal, which lists all its other files: it stands for all bytes.
        size: bytes of all its files.
    """

    url: str
    kind: str
    category: str
    identity: str
    digest: str
    size: int

    @property
    def bucket(self) -> Bucket:
        """Raises ConfigError; see `bucket_at`."""
        return bucket_at(self.url)

    def to_text(self) -> str:
        """The content of its file; equal pointers have equal text."""
        return dump_json({"pointer": VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Pointer:
        """Raises CacheError where the file is damaged or none of ours."""
        try:
            text = read_bytes(path, SMALL).decode()
            found: Any = parse_json(text)
            if found.pop("pointer") != VERSION:
                raise ValueError("it is of another release")
            pointer = cls(**found)
            if not pointer._is_sane() or pointer.to_text() != text:
                raise ValueError("it is not as it was written")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CacheError(
                f"{path} is no folder of a store, and no pointer to one in a bucket "
                f"({' '.join(str(error).split())}); delete {path} and run `dvc repro` to make it "
                "again"
            ) from None
        return pointer

    def _is_sane(self) -> bool:
        """Whether it leads to a place of ours, where `store verify --delete` may delete."""
        place = f"/{self.kind}/{self.category}/{self.identity}.zarr"
        known = re.fullmatch(r"[0-9a-f]{64}", self.identity) and "/" not in self.category
        return bool(known and URL.fullmatch(self.url) and self.url.endswith(place))

    def read_seal(self, name: str, limit: int) -> bytes:
        """The bytes of the seal, which are those that the pointer stands for.

        Raises:
            FileNotFoundError, BucketError: see `Bucket.read`.
            ValueError: it is the seal of another store.
        """
        content = self.bucket.read(name, limit)
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise ValueError("it is of another store than the pointer was written for")
        return content

    @property
    def again(self) -> str:
        """The command that makes the store again."""
        stage = STAGES.get(self.kind, self.kind)
        return f"`dvc repro --force --single-item {stage}@{self.category}`"


def read_file(out: Path, name: str, limit: int) -> bytes:
    """The bytes of a file of an out: a folder, or a pointer to one in a bucket.

    Raises:
        OSError: as reading a file does; FileNotFoundError where there is no such file.
        ValueError: it has more bytes than `limit`.
        CacheError, BucketError: the pointer is damaged; the bucket cannot be reached, or refuses.
    """
    if not out.is_file():
        return read_bytes(out / name, limit)
    return Pointer.load(out).bucket.read(name, limit)


def gone(path: Path) -> CacheError:
    """The error of a pointer whose store the bucket does not have."""
    pointer = Pointer.load(path)
    return CacheError(
        f"{path} points to {pointer.url}, which is gone from the bucket; {pointer.again} makes it "
        "again"
    )


def mend(path: Path) -> str:
    """The end of a sentence about a store in a bucket that cannot be used."""
    return (
        f"run `mentor3ad store verify {path} --delete`, which deletes what is damaged, and then "
        f"{Pointer.load(path).again}, which makes that again"
    )
