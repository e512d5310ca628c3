"""The rules of dispatch, on workers that do as a test says."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mentor3ad.engine.dispatch import Dispatcher, Done, Event, Lost, Said
from mentor3ad.engine.kind import CODE, code_sha256
from mentor3ad.engine.work import Failure, Hello, Unit
from mentor3ad.plumbing.errors import ClusterError, DataError, WeightsError

LIKE = {CODE: code_sha256(), "torch": "2.9"}


class Scripted:
    """A crew whose workers are all ready at once and square what they have, oldest first."""

    def __init__(self, hello: Callable[[int], Hello | Failure] = lambda i: Hello(f"n{i}", LIKE)):
        self.hello = hello
        self.hired = 0
        self.given = list[tuple[int, int]]()
        self.most = 0  # units that one worker had at once
        self.has: dict[int, deque[Unit[Any]]] = {}
        self.first = deque[Event]()  # what happens before anything else
        self.instead: Callable[[int, Unit[Any]], Event | None] = lambda worker, unit: None

    def hire(self) -> None:
        self.first.append(Said(self.hired, self.hello(self.hired)))
        self.hired += 1

    def give(self, worker: int, unit: Unit[Any]) -> None:
        assert worker in self.has, "given a unit before its hello"
        self.given.append((worker, unit.number))
        self.has[worker].append(unit)
        self.most = max(self.most, len(self.has[worker]))

    def wait(self) -> Event:
        if self.first:
            event = self.first.popleft()
            if isinstance(event, Said):
                self.has[event.worker] = deque()
            return event
        worker = max(self.has, key=lambda w: len(self.has[w]))
        unit = self.has[worker].popleft()
        event = self.instead(worker, unit) or Done(worker, unit.number, unit.item**2)
        if isinstance(event, Lost):
            del self.has[worker]
        return event


def squares(crew: Scripted, workers: int, count: int) -> dict[int, int]:
    found = list(Dispatcher[int](crew, workers).results(numbers(count)))
    assert len(found) == len(dict(found)), "a unit came twice"
    return dict(found)


def numbers(count: int) -> Iterator[Unit[int]]:
    return (Unit(i, i, f"shard {i} (scans {i}a to {i}z)") for i in range(count))


def test_every_unit_once_and_two_in_flight() -> None:
    crew = Scripted()
    assert squares(crew, 3, 20) == {i: i * i for i in range(20)}
    assert (crew.hired, crew.most) == (3, 2)


def test_the_units_of_a_lost_worker_go_to_others() -> None:
    crew = Scripted()
    lost = iter([1, 5, 6])
    next_lost = [next(lost)]

    def instead(worker: int, unit: Unit[Any]) -> Event | None:
        if unit.number != next_lost[0]:
            return None
        next_lost[0] = next(lost, -1)
        return Lost(worker, "its node is gone")

    crew.instead = instead
    assert squares(crew, 2, 12) == {i: i * i for i in range(12)}
    assert crew.hired == 2 + 3


def test_units_are_taken_no_further_than_there_is_room() -> None:
    taken = list[int]()

    def counted() -> Iterator[Unit[int]]:
        for unit in numbers(50):
            taken.append(unit.number)
            yield unit

    results = Dispatcher[int](Scripted(), 2).results(counted())
    for done in range(1, 6):
        next(results)
        assert len(taken) <= done + 4


def test_a_unit_of_which_nothing_is_to_be_made_costs_no_worker() -> None:
    crew = Scripted()
    units = [Unit(0, 3), Unit(1, None), Unit(2, None), Unit(3, 2), Unit(4, None)]
    found = dict(Dispatcher[int](crew, 1).results(units))
    assert found == {0: 9, 1: None, 2: None, 3: 4, 4: None}
    assert [number for _, number in crew.given] == [0, 3]


def test_three_workers_lost_on_one_unit_end_the_run_and_name_its_scans() -> None:
    crew = Scripted()
    crew.instead = lambda worker, unit: Lost(worker, "killed") if unit.number == 4 else None
    with pytest.raises(ClusterError, match=r"3 workers .* shard 4 \(scans 4a to 4z\).*: killed"):
        squares(crew, 2, 10)
    assert crew.hired == 2 + 2


def test_a_unit_that_only_waited_on_lost_workers_is_not_blamed() -> None:
    """With every worker lost on its first unit but the last, the second in line is innocent."""
    crew = Scripted()
    dead = set[int]()

    def instead(worker: int, unit: Unit[Any]) -> Event | None:
        if len(dead) == 2 or worker in dead:
            return None
        dead.add(worker)
        return Lost(worker, "killed")

    crew.instead = instead
    assert squares(crew, 1, 3) == {0: 0, 1: 1, 2: 4}


def test_workers_that_never_get_ready_end_the_run() -> None:
    crew = Scripted()
    dispatcher = Dispatcher[int](crew, 1)
    crew.first.clear()
    crew.hire = lambda: crew.first.append(Lost(9, "out of memory"))  # type: ignore[method-assign]
    crew.hire()
    with pytest.raises(ClusterError, match=r"10 workers were lost before they were ready.*memory"):
        dispatcher.first()


def test_a_data_error_ends_the_run_with_its_own_sentence() -> None:
    crew = Scripted()
    failure = Failure.of(DataError("scan 3 has no points: scan it again"), "n0")
    crew.instead = lambda worker, unit: (
        Done(worker, unit.number, failure) if unit.number == 3 else None
    )
    with pytest.raises(DataError, match=r"^scan 3 has no points: scan it again$"):
        squares(crew, 2, 10)


def test_a_worker_that_cannot_begin_ends_the_run_with_its_sentence() -> None:
    crew = Scripted(lambda i: Failure.of(WeightsError("no weights: give a path"), "n0"))
    with pytest.raises(WeightsError, match=r"^no weights: give a path$"):
        squares(crew, 2, 10)
    assert crew.hired == 2


def test_a_worker_of_another_kind_is_refused_by_its_node() -> None:
    crew = Scripted(lambda i: Hello(f"n{i}", LIKE | {"torch": "2.9" if i == 0 else "2.7"}))
    with pytest.raises(ClusterError, match=r"node n1 .* another torch than n0 \(2.7, not 2.9\)"):
        squares(crew, 2, 10)


def test_a_worker_of_another_release_is_refused_by_its_node() -> None:
    crew = Scripted(lambda i: Hello(f"n{i}", LIKE | {CODE: "f00"}))
    with pytest.raises(ClusterError, match=r"node n0 .* another code of mentor3ad than this mach"):
        squares(crew, 1, 1)


def test_what_a_machine_refuses_names_the_node() -> None:
    error = Failure.of(OSError(28, "No space left on device", "/tmp/x"), "gpu-3").error()
    assert isinstance(error, ClusterError)
    assert "gpu-3" in str(error)
    assert "no space is left on the disk" in str(error)


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    try:
        raise KeyError("rgb")
    except KeyError as mistake:
        error = Failure.of(mistake, "gpu-3").error()
    assert isinstance(error, RuntimeError)
    assert "test_dispatch.py" in str(error)
