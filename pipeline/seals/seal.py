"""The seal of an out: its files with their sizes and digests, and the seals of what made it.

A seal is a file of the out itself, so that DVC keeps, links and restores both together. It holds no
clock, host or path. Its own digest stands for all bytes of the out, and for what made them: an out
that names the digest of another one was made from exactly those bytes (docs/decisions/0018).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..buckets.pointer import Pointer, gone, mend
from ..plumbing.documents import dump_json, parse_json, read_bytes
from ..plumbing.errors import CacheError
from ..plumbing.files import replaced_whole

SEAL_FILE = "seal.json"
VERSION = 1
MOST_BYTES = 1 << 26  # of a seal: 300,000 files
_DIGEST = re.compile(r"(sha256|chunks):[0-9a-f]{64}")


@dataclass(frozen=True)
class Mark:
    """What a file must be.

    Attributes:
        size: bytes.
        digest: `sha256:` and the hash of its bytes; or `chunks:` and a hash that stands for them,
            see `mentor3ad.cache.shards`.
    """

    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes | memoryview) -> Mark:
        """The mark of a file with this content."""
        return cls(len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")


# Errors that say something about the out; any other says something about the system.
NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)

MarkFile = Callable[[Path], Mark]


@dataclass(frozen=True)
class Seal:
    """What an out is.

    Attributes:
        kind: which of a category's outs, such as `scores`.
        category: empty where an out is of all of them.
        made_from: the digest of the seal of each out that it was made from, by its kind, or by its
            kind and category.
        files: by their POSIX path in the out; of an out within it that has a seal, the seal alone.
    """

    kind: str
    category: str
    made_from: Mapping[str, str]
    files: Mapping[str, Mark]

    @property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the seal's bytes."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The content of its file; equal seals have equal bytes."""
        content: dict[str, Any] = {
            "version": VERSION,
            "kind": self.kind,
            "category": self.category,
            "made_from": dict(sorted(self.made_from.items())),
            "files": {
                n: {"size": m.size, "digest": m.digest} for n, m in sorted(self.files.items())
            },
        }
        return dump_json(content | {"sha256": _sha256(content)}, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> Seal:
        """Raises ValueError, of a few words, where these are not the bytes of a seal."""
        try:
            found = parse_json(content.decode())
            if found["version"] != VERSION:
                raise ValueError(f"it has version {found['version']!r}, not {VERSION}")
            files = {n: Mark(m["size"], m["digest"]) for n, m in found["files"].items()}
            seal = cls(found["kind"], found["category"], found["made_from"], files)
            whole = seal.to_bytes() == content
        except (KeyError, TypeError, AttributeError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError(type(error).__name__) from None
        if not whole or not all(_is_inside(name) for name in files):
            raise ValueError("it is not as it was written")
        return seal


def write_seal(
    folder: Path,
    kind: str,
    category: str,
    made_from: Mapping[str, str],
    mark: MarkFile | None = None,
    files: Iterable[Path] | None = None,
) -> Seal:
    """Seal a finished out: hash its files, and write the seal beside them.

    Args:
        mark: makes the mark of a file; None: of its bytes.
        files: of the out; None: all in the folder.

    Returns:
        What was written.
    """
    mark, files = mark or mark_file, out_files(folder) if files is None else files
    marks = {path.relative_to(folder).as_posix(): mark(path) for path in files}
    seal = Seal(kind, category, made_from, marks)
    with replaced_whole(folder / SEAL_FILE, follow=False) as part:
        part.write_bytes(seal.to_bytes())
    return seal


def read_seal(folder: Path) -> Seal:
    """The seal of an out, which may be a pointer to a store in a bucket.

    Raises:
        CacheError: the out is missing, has none, or the seal is damaged.
        BucketError: the bucket cannot be reached, or refuses.
        OSError: the system does not let us read it.
    """
    path = folder / SEAL_FILE
    pointer = Pointer.load(folder) if folder.is_file() else None
    if not folder.exists():
        raise CacheError(f"{folder} does not exist; `dvc repro` makes it")
    try:
        if pointer:
            content = pointer.read_seal(SEAL_FILE, MOST_BYTES)
        else:
            content = read_bytes(path, MOST_BYTES)
    except FileNotFoundError:
        if pointer:
            raise gone(folder) from None
        raise CacheError(
            f"{folder} has no {SEAL_FILE}, so it is incomplete or of an older release; "
            f"{remedy(folder)}"
        ) from None
    except (*NOT_THERE, ValueError) as error:
        raise CacheError(f"{path} cannot be read ({error}); {remedy(folder)}") from None
    try:
        return Seal.parse(content)
    except ValueError as error:
        raise CacheError(f"{path} is damaged ({error}); {remedy(folder)}") from None


def out_files(folder: Path) -> list[Path]:
    """The files that the seal of an out lists, sorted: of a sealed out within it, the seal."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            sealed = path / SEAL_FILE
            found += [sealed] if sealed.is_file() else out_files(path)
        elif path.name != SEAL_FILE:
            found.append(path)
    return found


def mark_file(path: Path) -> Mark:
    """The mark of a file's bytes, which need not fit in memory."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Mark(file.tell(), f"sha256:{digest}")


def remedy(path: Path) -> str:
    """The end of a sentence about an out that cannot be used."""
    if path.is_file() and path.suffix == ".zarr":
        return mend(path)
    return f"delete {path} and run `dvc repro` to make it again"


def _sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(dump_json(content, sort_keys=True).encode()).hexdigest()


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts
