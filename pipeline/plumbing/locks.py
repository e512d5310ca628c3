"""Locks that processes hold on files, so that two of them never write the same thing.

A lock is advice: only those who ask for it heed it. It ends with the process that holds it. Where
the system has no such locks (`fcntl` is POSIX's), nothing is locked and one warning says so.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

from .logs import LOGGER


class LockedError(Exception):
    """Another process holds the lock."""


def lock(file: IO[str], shared: bool = False, wait: bool = True) -> None:
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
def locked(path: Path, refusal: Callable[[str], Exception] | None = None) -> Iterator[IO[str]]:
    """Hold a lock file alone; it is made where it is missing, and names the process that holds it.

    Args:
        refusal: makes the error to raise, from the name of the process that holds the lock; None:
            wait until it gives the lock up.

    Yields:
        The open file. A child process that inherits its descriptor keeps the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            lock(file, wait=refusal is None)
        except LockedError:
            assert refusal
            file.seek(0)
            raise refusal(file.read().strip() or "unknown") from None
        file.truncate(0)
        file.write(f"pid {os.getpid()}")
        file.flush()
        yield file


@cache
def _warn_once() -> None:
    LOGGER.warning("this system has no file locks: start nothing twice that writes the same files")
