"""What a worker is told once, what it says of itself, and how it tells of an error."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from ..plumbing import errors
from ..plumbing.errors import ClusterError, Mentor3ADError
from ..plumbing.system import machine_cause, system_sentence
from .kind import CODE, code_sha256

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Seat:
    """What a worker has for itself.

    Attributes:
        device: cpu, or cuda where it has a GPU of its own, the only one that it sees.
        threads: of the CPU.
    """

    device: str
    threads: int


@dataclass(frozen=True)
class Opened(Generic[Item, Made]):
    """A worker that has loaded what it needs.

    Attributes:
        about: all that its results depend on beside the items, in words, such as the libraries'
            versions. Workers of one run have to agree in it.
        do: makes the result of an item.
    """

    about: Mapping[str, str]
    do: Callable[[Item], Made]


class Work(Protocol[Item, Made]):
    """A description of work that can be sent to another machine.

    It names modules of this package, which the other machine has to have installed; it brings no
    code.
    """

    def begin(self, seat: Seat) -> AbstractContextManager[Opened[Item, Made]]:
        """Load what the work needs, once. Raises what its user should read."""
        ...


@dataclass(frozen=True)
class Unit(Generic[Item]):
    """A part of the work that is done whole or not at all.

    Attributes:
        number: which no other unit has.
        item: what the worker is given; None: nothing is to be done, and nothing is made.
        label: what it is in messages, such as `shard 3 (scans a to b)`.
    """

    number: int
    item: Item | None
    label: str = field(default="", compare=False)


@dataclass(frozen=True)
class Failure:
    """An error on a worker, as text, since its class need not exist elsewhere."""

    kind: str  # an error's name in `plumbing.errors`; empty: a mistake of ours
    text: str  # the sentence for the user, or the traceback of a mistake

    @classmethod
    def of(cls, error: Exception, node: str) -> Failure:
        """Describe an error that was raised on a node."""
        ours = isinstance(error, Mentor3ADError)
        refused = machine_cause(error) if ours else error
        sentence = system_sentence(refused) if refused else None
        if sentence:
            return cls(ClusterError.__name__, f"on the node {node}: {sentence}")
        if ours:
            return cls(type(error).__name__, str(error))
        return cls("", f"on the node {node}:\n{''.join(traceback.format_exception(error))}")

    def error(self) -> Exception:
        """Return the error to raise here."""
        kind = getattr(errors, self.kind, None) if self.kind else None
        if isinstance(kind, type) and issubclass(kind, Mentor3ADError):
            return kind(self.text)
        return RuntimeError(self.text)


@dataclass(frozen=True)
class Hello:
    """The first words of a worker that is ready."""

    node: str
    about: dict[str, str]

    def check_like(self, first: Hello) -> None:
        """Raise ClusterError where this worker's results may differ from the first one's."""
        names = sorted(self.about.keys() | first.about.keys())
        self._check(first, names)

    def check_code(self) -> None:
        """Raise ClusterError where a worker has other code than this process."""
        self._check(Hello("this machine", {CODE: code_sha256()}), [CODE])

    def _check(self, first: Hello, names: list[str]) -> None:
        other = [name for name in names if self.about.get(name) != first.about.get(name)]
        if other:
            own, theirs = self.about.get(other[0]), first.about.get(other[0])
            raise ClusterError(
                f"the node {self.node} computes with another {other[0]} than {first.node} ({own}, "
                f"not {theirs}), so its results may differ: make them alike, or leave it out"
            )


class EngineWorker:
    """One worker, wherever it runs; nothing that it is asked for raises."""

    def __init__(self, work: Work[Any, Any], seat: Seat, node: str = "") -> None:
        self._work, self._seat = work, seat
        self._node = node or platform.node()
        self._opened: Opened[Any, Any] | None = None

    def hello(self) -> Hello | Failure:
        """Load what the work needs."""
        try:
            self._context = self._work.begin(self._seat)  # held, else Python would leave it
            self._opened = self._context.__enter__()
        except Exception as error:
            return Failure.of(error, self._node)
        return Hello(self._node, {CODE: code_sha256(), **self._opened.about})

    def do(self, item: Any) -> Any:
        """Return what the work makes of an item, or a `Failure`."""
        assert self._opened, "a worker is given nothing before its hello"
        try:
            return self._opened.do(item)
        except Exception as error:
            return Failure.of(error, self._node)
