"""Workers that are actors of a Ray cluster; the one module that imports Ray (extra `cluster`).

Ray restarts nothing by itself here: what it restarts may wait for ever for a place on a node that
is gone, and the units that it was given with it.
"""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray import exceptions

from ..params.schema import Runtime
from ..plumbing.errors import ClusterError
from ..plumbing.logs import LOGGER
from .dispatch import Dispatcher, Done, Event, Lost, Said
from .work import EngineWorker, Failure, Seat, Unit, Work

HERE = "local"  # Ray's name for a cluster that it starts on this machine for this process alone
PATIENCE_S = 900.0  # without any worker: a cluster that grows by itself takes minutes
TOLD_AFTER_S = 30.0
KNOCK_S = 10.0


class _Actor(EngineWorker):
    """A worker in a process of the cluster."""

    def __init__(self, work: Work[Any, Any], seat: Seat) -> None:
        super().__init__(work, seat, f"{platform.node()} ({ray.util.get_node_ip_address()})")


@dataclass(frozen=True)
class Shape:
    """How many workers a run has, and what each of them needs."""

    workers: int
    seat: Seat

    @classmethod
    def of(cls, runtime: Runtime, resources: dict[str, float], gpu: bool) -> Shape:
        """Choose one worker a GPU where there are any and the work gains by them, else one a core.

        Args:
            resources: what the cluster has now, as Ray counts it.
            gpu: whether the work runs on a GPU where there is one.
        """
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        asked = runtime.device.startswith("cuda") or (runtime.device == "auto" and gpus > 0)
        if gpu and asked:
            seat = Seat("cuda", runtime.threads or max(1, cores // max(1, gpus)))
            return cls(runtime.cluster_workers or max(1, gpus), seat)
        seat = Seat("cpu", runtime.threads or 1)
        return cls(runtime.cluster_workers or max(1, cores // seat.threads), seat)

    @property
    def at_once(self) -> int:
        """Units that a worker does side by side: on a GPU one is read while it computes another."""
        return 2 if self.seat.device == "cuda" else 1


class RayCrew:
    """Workers on the cluster that this process is connected to; see `dispatch.Crew`."""

    def __init__(self, work: Work[Any, Any], shape: Shape) -> None:
        self._work, self._shape = work, shape
        options: dict[str, Any] = {
            "num_cpus": shape.seat.threads,
            "num_gpus": int(shape.seat.device == "cuda"),
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": shape.at_once,
        }
        actor: Any = ray.remote(_Actor)
        self._hire = actor.options(**options).remote
        self._actors: dict[int, Any] = {}
        self._hellos: dict[Any, int] = {}  # worker by what is waited for
        self._units: dict[Any, tuple[int, int]] = {}  # worker and unit
        self._hired = 0

    def hire(self) -> None:
        actor: Any = self._hire(self._work, self._shape.seat)
        self._actors[self._hired] = actor
        self._hellos[actor.hello.remote()] = self._hired
        self._hired += 1

    def give(self, worker: int, unit: Unit[Any]) -> None:
        self._units[self._actors[worker].do.remote(unit.item)] = worker, unit.number

    def wait(self) -> Event:
        reference = self._next()
        worker = self._hellos[reference] if reference in self._hellos else self._units[reference][0]
        try:
            made = ray.get(reference)
        except exceptions.RayTaskError as error:
            # What the worker could not even read: our modules are not there, or others.
            made = Failure("", str(error))
        except exceptions.RayError as error:
            return self._gone(worker, error)
        if reference in self._hellos:
            return Said(self._hellos.pop(reference), made)
        worker, unit = self._units.pop(reference)
        return Done(worker, unit, made)

    def dismiss(self) -> None:
        """End all workers, also those that are still coming up."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()

    def _next(self) -> Any:
        """Wait for the first answer of any worker."""
        since = time.monotonic()
        alone = len(self._hellos) == len(self._actors)  # nobody is ready
        told = False
        while True:
            waiting = [*self._units, *self._hellos]
            ready, _ = ray.wait(waiting, num_returns=1, timeout=TOLD_AFTER_S)
            if ready:
                return ready[0]
            if not alone:
                continue
            waited, needs = time.monotonic() - since, self._needs()
            if waited > PATIENCE_S:
                raise ClusterError(
                    f"no worker was ready after {waited:.0f} s; each needs {needs}: does the "
                    "cluster have it free (`ray status`)?"
                )
            if not told:
                LOGGER.info(f"waiting for a worker, each of which needs {needs}")
                told = True

    def _needs(self) -> str:
        seat = self._shape.seat
        cores = f"{seat.threads} CPU{'s' if seat.threads > 1 else ''}"
        return f"{cores} and a GPU" if seat.device == "cuda" else cores

    def _gone(self, worker: int, error: exceptions.RayError) -> Lost | Said:
        """Forget a worker that is lost. One that could not be made fails the same way again."""
        actor = self._actors.pop(worker)
        ray.kill(actor)  # where only its result is lost
        self._hellos = {r: w for r, w in self._hellos.items() if w != worker}
        self._units = {r: (w, u) for r, (w, u) in self._units.items() if w != worker}
        if isinstance(error, exceptions.RayActorError) and error.actor_init_failed:
            return Said(worker, Failure(ClusterError.__name__, _cannot_begin(error)))
        return Lost(worker, _reason(error))


@contextmanager
def ray_dispatcher(work: Work[Any, Any], runtime: Runtime, gpu: bool) -> Iterator[Dispatcher[Any]]:
    """Connect to the cluster of `runtime.address` and yield a dispatcher to workers there.

    Raises:
        ClusterError: there is no cluster at the address, or it cannot be used.
    """
    with connected(runtime.address):
        shape = Shape.of(runtime, ray.cluster_resources(), gpu)
        crew = RayCrew(work, shape)
        try:
            yield Dispatcher(crew, shape.workers, shape.at_once)
        finally:
            crew.dismiss()


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a Ray cluster; null starts one on this machine, which ends with the context.

    Raises:
        ClusterError: see `ray_dispatcher`.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each run
    own: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        if address and ":" in address:
            _knock(address)
        ray.init(
            address=address or HERE,
            namespace="mentor3ad",
            log_to_driver=False,
            configure_logging=False,
            **own,
        )
    except (OSError, RuntimeError, ValueError, exceptions.RayError) as error:
        raise ClusterError(
            f"runtime.address = {address!r}: no Ray cluster can be used there "
            f"({_line(str(error))}); start one (`ray start --head`), or correct the address"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nothing listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()


def _cannot_begin(error: exceptions.RayActorError) -> str:
    return (
        f"a worker cannot begin ({_last_line(str(error))}): install this release of mentor3ad and "
        "of its libraries on every node"
    )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {_line(str(error))}"


def _line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]


def _last_line(text: str) -> str:
    """The error itself, of a traceback."""
    return (text.strip().splitlines() or [""])[-1]
