"""The rules by which units are given to workers that may be lost at any moment.

- A worker gets nothing before its hello, since one that never comes up would keep what it was
  given. It then has two units: while it does one, the next is on its way.
- The units of a lost worker go to others, and another worker is hired.
- What a worker says of itself has to equal what the first one said.
- An error that a worker tells of ends the run with its own sentence. A unit on which three workers
  were lost ends it too, and names its scans; so do workers that are lost again and again before
  they are ready.

Nothing here knows what a worker is: a `Crew` does (docs/cluster.md).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from ..plumbing.errors import ClusterError
from ..plumbing.logs import LOGGER
from .work import Failure, Hello, Item, Unit

IN_FLIGHT = 2  # units that a worker has
MOST_LOSSES = 3  # workers on one unit
MOST_STILLBORN = 10  # workers in succession that are lost before their hello


@dataclass(frozen=True)
class Said:
    """A worker is ready, or failed to be."""

    worker: int
    hello: Hello | Failure


@dataclass(frozen=True)
class Done:
    """A worker made the result of a unit, or failed to."""

    worker: int
    unit: int
    made: Any


@dataclass(frozen=True)
class Lost:
    """A worker is gone, and with it what it had."""

    worker: int
    reason: str


Event = Said | Done | Lost


class Crew(Protocol):
    """Workers, by number."""

    def hire(self) -> None:
        """Ask for one more worker, which says hello when it is ready."""
        ...

    def give(self, worker: int, unit: Unit[Any]) -> None:
        """Have a worker do a unit after those that it has."""
        ...

    def wait(self) -> Event:
        """Wait until something happens. Raises ClusterError where nothing can happen any more."""
        ...


class Dispatcher(Generic[Item]):
    """Gives units to the workers of a crew.

    Args:
        workers: how many to keep.
        at_once: units that a worker does side by side.
    """

    def __init__(self, crew: Crew, workers: int, at_once: int = 1) -> None:
        self._crew, self._at_once = crew, at_once
        self._ready: dict[int, list[Unit[Item]]] = {}  # what each worker has
        self._back = deque[Unit[Item]]()  # of lost workers
        self._losses = Counter[int]()  # by unit
        self._stillborn = 0
        self._first: Hello | None = None
        for _ in range(workers):
            crew.hire()

    def first(self) -> Hello:
        """Wait for the first worker and return what it says of itself.

        Raises:
            ClusterError: see the module.
            Mentor3ADError: the worker could not load what it needs.
        """
        while self._first is None:
            self._take(self._crew.wait())
        return self._first

    def all_ready(self, workers: int) -> None:
        """Wait until so many workers have said hello; raises as `first`."""
        while len(self._ready) < workers:
            self._take(self._crew.wait())

    def results(self, units: Iterable[Unit[Item]]) -> Iterator[tuple[int, Any]]:
        """Yield each unit's number and result, once, in the order in which they are done.

        The units are taken when workers have room for them, so they may be made as they are asked
        for.

        Raises:
            Mentor3ADError: see `first`; an item is at fault.
        """
        self.first()
        coming = iter(units)
        while True:
            yield from self._give(coming)
            if not self._back and not any(self._ready.values()):
                return
            done = self._take(self._crew.wait())
            if done:
                yield from self._give(coming)  # before the result is used, which takes time
                yield done.unit, done.made

    def _give(self, coming: Iterator[Unit[Item]]) -> Iterator[tuple[int, Any]]:
        """Fill the workers evenly; yield the units of which nothing is to be made."""
        for room in range(IN_FLIGHT * self._at_once):
            for worker, has in list(self._ready.items()):
                if len(has) > room:
                    continue
                unit = self._back.popleft() if self._back else next(coming, None)
                while unit and unit.item is None:
                    yield unit.number, None
                    unit = next(coming, None)
                if unit is None:
                    return
                has.append(unit)
                self._crew.give(worker, unit)

    def _take(self, event: Event) -> Done | None:
        if isinstance(event, Said):
            self._welcome(event)
        elif isinstance(event, Lost):
            self._replace(event)
        else:
            if isinstance(event.made, Failure):
                raise event.made.error()
            has = self._ready[event.worker]
            has[:] = [unit for unit in has if unit.number != event.unit]
            return event
        return None

    def _welcome(self, said: Said) -> None:
        if isinstance(said.hello, Failure):
            raise said.hello.error()
        said.hello.check_code()
        self._first = self._first or said.hello
        said.hello.check_like(self._first)
        self._ready[said.worker] = []
        self._stillborn = 0

    def _replace(self, lost: Lost) -> None:
        had = self._ready.pop(lost.worker, None)
        if had is None:
            self._stillborn += 1
            if self._stillborn == MOST_STILLBORN:
                raise ClusterError(
                    f"{MOST_STILLBORN} workers were lost before they were ready, the last one so: "
                    f"{lost.reason}; look for memory or disk that does not suffice on the nodes"
                )
        for unit in (had or [])[: self._at_once]:  # the others had not begun
            self._losses[unit.number] += 1
            if self._losses[unit.number] == MOST_LOSSES:
                raise ClusterError(
                    f"{MOST_LOSSES} workers were lost while at work on "
                    f"{unit.label or f'unit {unit.number}'}, the last one so: {lost.reason}; look "
                    "at these scans, or give the workers more memory"
                )
        LOGGER.warning(
            f"a worker was lost ({lost.reason}); {len(had or [])} shards go to others, and another "
            "worker is asked for"
        )
        self._back.extendleft(reversed(had or []))
        self._crew.hire()
