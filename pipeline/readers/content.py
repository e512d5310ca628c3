"""One hash for all that a scan's content depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..dataset.scan import ScanFiles
from ..plumbing.documents import open_regular
from ..plumbing.errors import DataError


def content_sha256(scan: ScanFiles) -> str:
    """Return the SHA-256 over those of the bytes of image, geometry, mask and sidecars.

    Names and places of the files do not count; a cloud that is its own image counts once.

    Raises:
        DataError: a file cannot be read.
    """
    total = hashlib.sha256()
    for path in dict.fromkeys((scan.rgb, scan.points, scan.mask)):
        if path is not None:
            total.update(file_digest(path))
    for role in sorted(scan.sidecars):
        total.update(hashlib.sha256(role.encode()).digest())
        total.update(file_digest(scan.sidecars[role]))
    return total.hexdigest()


@contextmanager
def unchanged(scan: ScanFiles) -> Iterator[None]:
    """Have a block read a scan and hash it, and be sure that both saw the same bytes.

    Raises:
        DataError: a file was written or replaced meanwhile, or is not there.
    """
    before = [_which(path) for path in scan_paths(scan)]
    yield
    for path, which in zip(scan_paths(scan), before, strict=True):
        if _which(path) != which:
            raise DataError(f"{path} changed while it was read: run again once nothing writes it.")


def scan_paths(scan: ScanFiles) -> list[Path]:
    """The files of a scan: image, geometry, mask and sidecars."""
    paths = (scan.rgb, scan.points, scan.mask, *scan.sidecars.values())
    return [path for path in paths if path is not None]


def _which(path: Path) -> tuple[int, ...]:
    """Tells a file from one that takes its place, and from itself once it is written to."""
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}): restore it.") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_digest(path: Path) -> bytes:
    """Return the SHA-256 of a file's bytes; DataError where it cannot be read."""
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}): restore it.") from error
