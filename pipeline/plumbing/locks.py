"""Locks that processes hold on files, so that two of them never write the same thing.

A lock is advice: only those who ask for it heed it. It ends with the process that holds it. Where
the system has no such locks (`fcntl` is POSIX's), nothing is locked and one warning says so.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from .logs import LOGGER


class LockedError(Exception):
    """Another process holds the lock."""


def lock(file: IO[str] | int, shared: bool = False, wait: bool = True) -> None:
    """Lock an open file until it is closed; a lock that is held already becomes of this kind.

    Args:
        shared: several processes may hold the lock at once, but none beside one that holds it
            alone.
        wait: until the others give it up.

    Raises:
        LockedError: others hold it, and `wait` is off.
    """
    try:
        import fcntl
    except ImportError:
        _warn_once()
        return
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LockedError from None


@contextmanager
def locked(
    path: Path, refusal: Callable[[str], Exception] | None = None, patience: float = 0
) -> Iterator[IO[str]]:
    """Hold a lock file alone; it is made where it is missing, and names the process that holds it.

    Args:
        refusal: makes the error to raise, from the name of the process that holds the lock; None:
            wait until it gives the lock up.
        patience: seconds to wait before the refusal; the log says for whom.

    Yields:
        The open file. A child process that inherits its descriptor keeps the lock.
    """
    until = time.monotonic() + patience
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            try:
                lock(file, wait=refusal is None)
            except LockedError:
                assert refusal
                _wait_or_refuse(file, path, refusal, until)
                continue
            if not is_file_of(file, path):  # who held it removed it: it locks nothing
                continue
            file.truncate(0)
            file.write(f"pid {os.getpid()}")
            file.flush()
            yield file
            return


def is_file_of(file: IO[str], path: Path) -> bool:
    """Tell whether an open file is the one that stands at a path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Tell whether another process holds a lock file, which stays as it is."""
    try:
        with path.open("r") as file:
            lock(file, shared=True, wait=False)
    except FileNotFoundError:
        return False
    except LockedError:
        return True
    return False


def holder(path: Path) -> str:
    """Return who a lock file says holds it, such as `pid 12`."""
    return path.read_text(encoding="utf-8", errors="replace").strip() or "unknown"


def _wait_or_refuse(
    file: IO[str], path: Path, refusal: Callable[[str], Exception], until: float
) -> None:
    left = until - time.monotonic()
    file.seek(0)
    who = file.read().strip() or "unknown"
    if left <= 0:
        raise refusal(who) from None
    _tell_of_waiting(path, who)
    time.sleep(min(left, 0.05))


@cache
def _tell_of_waiting(path: Path, who: str) -> None:
    LOGGER.info(f"waiting for {who}, which holds {path}")


@cache
def _warn_once() -> None:
    LOGGER.warning("this system has no file locks: start nothing twice that writes the same files")
