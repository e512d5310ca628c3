"""A crew of one worker in this process."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from mentor3ad.engine.dispatch import Dispatcher, Done, Event, Said
from mentor3ad.engine.work import EngineWorker, Seat, Unit


class InProcess:
    """Does the unit that came last first."""

    def __init__(self, work: Any) -> None:
        self.worker = EngineWorker(work, Seat("cpu", 1), "here")
        self.units = deque[Unit[Any]]()
        self.said = False

    def hire(self) -> None:
        pass

    def give(self, worker: int, unit: Unit[Any]) -> None:
        self.units.append(unit)

    def wait(self) -> Event:
        if not self.said:
            self.said = True
            return Said(0, self.worker.hello())
        unit = self.units.pop()
        return Done(0, unit.number, self.worker.do(unit.item))


def hiring_here() -> Callable[..., AbstractContextManager[Dispatcher[Any]]]:
    """What stands for `hired`."""

    @contextmanager
    def hired(work: Any, runtime: Any, gpu: bool) -> Iterator[Dispatcher[Any]]:
        yield Dispatcher(InProcess(work), 1)

    return hired
