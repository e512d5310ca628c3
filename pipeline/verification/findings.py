"""What is wrong with something that was checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..plumbing.errors import BucketError, Mentor3ADError
from ..plumbing.system import system_sentence
from ..plumbing.words import counted
from ..seals.seal import NOT_THERE

State = Literal["damaged", "foreign", "out of date", "missing", "unreadable"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    state: State
    what: str

    def __str__(self) -> str:
        return f"{self.state}: {self.what}"


@dataclass
class Report:
    """What was checked: how many outs with how many files, and what was found."""

    outs: int = 0
    files: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, state: State, what: object) -> None:
        self.findings.append(Finding(state, str(what)))

    @contextmanager
    def noting(self, state: State, where: Path) -> Iterator[None]:
        """Note an error of what the block checks, instead of raising it.

        What the machine does not let us read may be whole: it is unreadable, whatever the state.
        """
        try:
            yield
        except BucketError as error:
            self.add("unreadable", error)
        except Mentor3ADError as error:
            self.add(state, error)
        except NOT_THERE as error:
            self.add(state, f"{where} cannot be read ({error.strerror or error})")
        except OSError as error:
            self.add("unreadable", f"{where} cannot be checked: {system_sentence(error)}")

    def __str__(self) -> str:
        wrong = len(self.findings)
        counts = f"{counted(self.outs, 'out')} with {counted(self.files, 'file')} checked"
        whole = f"{counts}, {wrong} wrong" if wrong else f"{counts}, all whole"
        return "\n".join([*map(str, self.findings), whole])
