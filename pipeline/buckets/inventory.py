"""The inventory of raw scans in a bucket: every file with its size and the server's mark of it.

It stands for them in the DAG: DVC hashes this one file, and lists no keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..plumbing.documents import DocumentError, dump_json, open_regular, parse_json
from ..plumbing.errors import DataError
from .access import Entry, bucket_at

INVENTORY_FILE = "inventory.jsonl"  # in the place of a category's folder
VERSION = 1
_LONGEST = 1 << 14  # bytes of a line: a key has 1,024 at most


@dataclass(frozen=True)
class RawFile:
    """One file in a bucket.

    Attributes:
        key: POSIX path in the category's folder.
        size: bytes.
        etag: as in `Entry`.
    """

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Inventory:
    """The files of a category in a bucket, sorted by key; `url` is the address of its folder."""

    url: str
    files: tuple[RawFile, ...]

    @classmethod
    def take(cls, url: str) -> Inventory:
        """List a folder in a bucket; hidden files are left out.

        Raises:
            DataError: there is no file, or one whose key is no path or a folder's too.
            BucketError, ConfigError: see `bucket_at`.
        """
        found = sorted(_files(url, bucket_at(url).entries()), key=lambda file: file.key)
        if not found:
            raise DataError(f"{url} holds no files: mend the address")
        folders = {str(parent) for file in found for parent in PurePosixPath(file.key).parents}
        if both := next((file.key for file in found if file.key in folders), None):
            raise DataError(f"{url} holds {both!r} as a file and as a folder: rename one of them")
        return cls(url, tuple(found))

    def to_text(self) -> str:
        """The content of its file; equal inventories have equal text."""
        lines = "".join(f"{dump_json([f.key, f.size, f.etag])}\n" for f in self.files)
        digest = hashlib.sha256(lines.encode()).hexdigest()
        head = {"inventory": VERSION, "url": self.url, "files": len(self.files), "sha256": digest}
        return f"{dump_json(head)}\n{lines}"

    @classmethod
    def load(cls, path: Path) -> Inventory:
        """Raises DataError where the file is damaged; OSError."""
        digest, files = hashlib.sha256(), []
        try:
            with open_regular(path) as file:
                head: Any = parse_json(file.readline(_LONGEST).decode())
                if head["inventory"] != VERSION:
                    raise DocumentError("is of another release")
                while line := file.readline(_LONGEST):
                    digest.update(line)
                    files.append(RawFile(*parse_json(line.decode())))
            if (len(files), digest.hexdigest()) != (head["files"], head["sha256"]):
                raise DocumentError("is not as it was written")
            return cls(head["url"], tuple(files))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is damaged ({error}): delete it and run `dvc repro` to make it again"
            ) from None


def _files(url: str, entries: Iterator[Entry]) -> Iterator[RawFile]:
    for entry in entries:
        parts = PurePosixPath(entry.key).parts
        if entry.size == 0 or any(part.startswith(".") and part != ".." for part in parts):
            continue  # a console's sign for a folder; what every layout ignores
        if "\\" in entry.key or ".." in parts or not entry.key.isprintable():
            raise DataError(f"{url} holds {entry.key!r}, which is no path of a scan: rename it")
        yield RawFile(entry.key, entry.size, entry.etag)
