"""The claim of a stage on what it writes, without which it publishes nothing.

A stage holds a lock for its whole life. Whatever it makes appears by a rename, and before each
rename `check_claims` asks whether the lock is still its own and whether the process that started it
is still there. So of two processes that run one stage at most one publishes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .errors import BusyError
from .locks import is_file_of, locked

PATIENCE_S = 10.0  # a process that was killed may take a moment to give its memory back

_held: list["_Claim"] = []


@dataclass(frozen=True)
class _Claim:
    what: str
    path: Path
    file: IO[str]
    parent: int

    def check(self) -> None:
        if not is_file_of(self.file, self.path):
            raise BusyError(
                f"{self.what}: its lock {self.path} was removed or taken over meanwhile, so "
                "nothing was published; run it again"
            )
        if os.getppid() != self.parent:
            raise BusyError(
                f"{self.what}: the process that started it (pid {self.parent}) is gone, so nothing "
                "was published; run it again"
            )


@contextmanager
def claimed(path: Path, what: str, patience: float = PATIENCE_S) -> Iterator[None]:
    """Hold the sole right to publish what a piece of work makes.

    Args:
        path: the lock file.
        what: names the work in messages, such as `prepare of bagel`.
        patience: seconds to wait for another process that has the right.

    Raises:
        BusyError: another process has it, and keeps it for longer.
    """

    def refusal(holder: str) -> BusyError:
        return BusyError(
            f"{what} is being run by another process ({holder}): wait for its end, or stop it"
        )

    with locked(path, refusal, patience) as file:
        claim = _Claim(what, path, file, os.getppid())
        _held.append(claim)
        try:
            yield
        finally:
            _held.remove(claim)


def check_claims() -> None:
    """Raise BusyError where this process lost a right to publish that it had."""
    for claim in _held:
        claim.check()
