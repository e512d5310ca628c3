"""Fetches files from outside, and checks their SHA-256 before anything opens them."""

import errno
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path

from ..plumbing.errors import WeightsError
from ..plumbing.locks import locked
from ..plumbing.progress import byte_bar

TIMEOUT_S = 60
CHUNK = 1 << 20  # bytes
_RANGE_NOT_SATISFIABLE = 416


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raises WeightsError unless the file's sha256 is the expected one."""
    _compare(path, file_sha256(path), expected)


def read_checked(path: Path, expected: str) -> bytes:
    """The bytes of a file, of which the sha256 is the expected one; else raises WeightsError."""
    content = path.read_bytes()
    _compare(path, hashlib.sha256(content).hexdigest(), expected)
    return content


def _compare(path: Path, digest: str, expected: str) -> None:
    if digest != expected:
        raise WeightsError(
            f"{path}: sha256 is {digest}, expected {expected}; the file is damaged or another one: "
            "delete it and get the published file again"
        )


def fetch(url: str, sha256: str, target: Path) -> Path:
    """Download a file from `url` to `target`, if it is not there, and check its hash.

    What has arrived is kept in `target`.part, where an interrupted download goes on. Of two
    processes one downloads and the other waits.

    Raises:
        WeightsError: no network, no disk space, or another file than the expected one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with only_writer(target):
        if not target.exists():
            part = target.with_name(f"{target.name}.part")
            taken_up = part.exists()
            _download(url, part)
            if taken_up and file_sha256(part) != sha256:  # of an older file: once more, from zero
                part.unlink()
                _download(url, part)
            _check_arrived(url, part, sha256)
            part.replace(target)
    check_sha256(target, sha256)
    return target


def only_writer(target: Path) -> AbstractContextManager[object]:
    """Hold the right to write `target`; waits for another process that holds it."""
    return locked(target.with_name(f".{target.name}.lock"))


def _check_arrived(url: str, part: Path, sha256: str) -> None:
    digest = file_sha256(part)
    if digest != sha256:
        size = part.stat().st_size
        part.unlink()
        raise WeightsError(
            f"{url} sent another file ({size} bytes, sha256 {digest}, expected {sha256}), which "
            "was deleted; look for a proxy's login page, or for a newer release"
        )


def _download(url: str, part: Path) -> None:
    """Receive until all has arrived; after a dropped connection go on, as long as bytes come."""
    while True:
        before = _size(part)
        try:
            whole = _receive(url, part)
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            error.close()
            whole, reason = False, f"HTTP {error.code} {error.reason}"
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_space(part, None) from error
            whole, reason = False, str(getattr(error, "reason", error))
        except http.client.HTTPException as error:
            whole, reason = False, f"no valid answer: {error or type(error).__name__}"
        if whole:
            return
        if _size(part) <= before:
            kept = f"; {_size(part)} bytes are kept in {part}" if part.exists() else ""
            raise WeightsError(f"{url} could not be downloaded ({reason}){kept}")


def _receive(url: str, part: Path) -> bool:
    """Append an answer of the server to `part`; returns whether it says that this is all."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and have:
            error.close()
            return True  # nothing is left to send; the hash tells whether it is the right file
        raise
    with response:
        goes_on = response.status == http.client.PARTIAL_CONTENT
        if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise http.client.HTTPException("another range than asked for")
        start = have if goes_on else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        _check_space(part, (total or 0) - start)
        with part.open("ab" if goes_on else "wb") as file, byte_bar(part.stem, total, start) as bar:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    return total is None or _size(part) == total


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_space(part: Path, needed: int) -> None:
    if shutil.disk_usage(part.parent).free < needed:
        raise _no_space(part, needed)


def _no_space(part: Path, needed: int | None) -> WeightsError:
    size = f"{needed / 1e6:.0f} MB more are needed" if needed is not None else "the disk is full"
    return WeightsError(
        f"{part.parent}: no space left ({size}); free some, or set MENTOR3AD_WEIGHTS to another "
        "folder, and run `mentor3ad weights fetch` again"
    )
