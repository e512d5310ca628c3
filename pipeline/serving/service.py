"""The service behind HTTP, watched folders and the line: recipes, queue, history, housekeeping."""

import hashlib
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from ..drift.reference import Reference
from ..plumbing.errors import ConfigError
from ..plumbing.locks import locked
from ..plumbing.logs import LOGGER
from ..readers.content import file_digest
from .answers import ScanResult
from .drift import DriftWatch
from .history import History
from .metrics import ServiceMetrics
from .options import ServiceOptions
from .recipes import Recipe, Recipes
from .refusals import ConflictError, RefusedError, StorageError, UnknownError
from .worker import Job, Worker

LOOK_S = 0.3  # between looks at the bundles
PRUNE_S = 60.0


class Attached(Protocol):
    """Something that runs beside the service: a source of scans or a way out to the line."""

    def start(self, service: "Service") -> None: ...

    def stop(self) -> None: ...

    def problem(self) -> str | None:
        """Why scans may be missed; None where all is well."""


class Service:
    """Takes scans from anywhere, and gives each a result that is in the history.

    Raises:
        ConfigError: the options are unsafe, or another service uses the history.
    """

    def __init__(
        self, places: Sequence[Path], options: ServiceOptions, attached: Sequence[Attached] = ()
    ) -> None:
        options.check()
        self.options, self.attached = options, attached
        self._started: list[Attached] = []
        self._stack = ExitStack()
        self._stack.enter_context(locked(options.history / "lock", _in_use(options.history)))
        self.history = History(options.history)
        self.recipes = Recipes(places, options.device)
        self._noted = set[str]()  # versions of bundles whose reference the history has
        self._note_references()
        self.drift = DriftWatch(self.history)
        self.worker = Worker(self.history, options.queue)
        self.metrics = ServiceMetrics(lambda: self.worker.waiting, lambda: float(self.alive()))
        self.stopping = threading.Event()
        self._hand: dict[str, Job] = {}  # scans that are not decided yet, by id
        self._lock = threading.Lock()
        self._housekeeping = threading.Thread(target=self._keep_house, daemon=True)

    def start(self) -> None:
        self.worker.start()
        self._housekeeping.start()
        for one in self.attached:
            self._started.append(one)
            one.start(self)

    def stop(self) -> None:
        """Finish what is in hand, then end; what comes meanwhile is refused."""
        self.stopping.set()
        self.worker.stop()
        if self._started:
            with ThreadPoolExecutor(len(self._started)) as pool:  # one that hangs holds up no other
                list(pool.map(lambda one: one.stop(), self._started))
        self._started.clear()
        if self._housekeeping.is_alive():
            self._housekeeping.join()
        self.history.close()
        self._stack.close()

    def problems(self) -> list[str]:
        """Why scans may be missed; empty where all is well."""
        found = [problem for one in self.attached if (problem := one.problem())]
        if self.stopping.is_set():
            found.append("the service is ending")
        elif not self.worker.is_alive:
            found.append("the worker has ended: start the service again")
        elif self.worker.busy_for() > max(5.0, self.options.deadline_s):
            found.append(f"a scan has taken {self.worker.busy_for():.0f} s")
        return found

    def alive(self) -> bool:
        """What the line's heartbeat says."""
        return not self.problems()

    def recipe(self, name: str) -> Recipe:
        """Raises UnknownError where there is no such recipe."""
        if (recipe := self.recipes.get(name)) is None:
            known = ", ".join(one.name for one in self.recipes.all())
            raise UnknownError(f"there is no recipe {name!r}; the recipes are {known}")
        return recipe

    def submit(
        self,
        recipe: str,
        rgb: Path,
        points: Path,
        source: str,
        scan_id: str | None = None,
        incoming: Path | None = None,
        name: str | None = None,
    ) -> "Future[ScanResult]":
        """Queue a scan; one whose id is known is answered from the history, or with its first.

        Args:
            scan_id: the client's; None: a new one.
            incoming: the folder of the history that an upload lies in; it is the service's now.

        Returns:
            The result, which is in the history once it is there. Its exceptions: `LateError`,
            `StorageError`, or whatever went wrong.

        Raises:
            UnknownError, QueueFullError, ConflictError, StorageError: the scan is not taken.
            DataError: a file cannot be read.
        """
        known = self.recipe(recipe)
        try:
            place = incoming or self.history.incoming()
        except StorageError:
            self.metrics.refusals.labels("507").inc()
            raise
        try:
            digest = _digest(recipe, rgb, points)
            until = time.monotonic() + self.options.deadline_s
            shown = name or rgb.stem
            identity = scan_id or uuid.uuid4().hex
            about = (identity, shown, source, known, rgb, points, digest, place, until)
            return self._take(Job(*about))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    def _take(self, job: Job) -> "Future[ScanResult]":
        with self._lock:
            if (first := self._hand.get(job.id)) is not None:
                _check_same(job, first.digest)
                shutil.rmtree(job.incoming, ignore_errors=True)
                return first.done
            if (row := self.history.by_id(job.id)) is not None:
                _check_same(job, row.digest)
                shutil.rmtree(job.incoming, ignore_errors=True)
                job.done.set_result(row.result)
                return job.done
            self.worker.submit(job)
            self._hand[job.id] = job
        job.done.add_done_callback(lambda done: self._end(job, done))
        return job.done

    def queue_watched(self, job: Job) -> None:
        """Queue a scan of a watched folder, and wait up to a second for a place.

        Raises:
            QueueFullError: there was none.
        """
        self.worker.submit(job, wait=True)
        job.done.add_done_callback(lambda done: self._end(job, done))

    def _end(self, job: Job, done: "Future[ScanResult]") -> None:
        with self._lock:
            self._hand.pop(job.id, None)
        error = done.exception()
        if error is None:
            self.metrics.count(done.result())
        elif isinstance(error, RefusedError):
            self.metrics.refusals.labels(str(error.status)).inc()

    def _note_references(self) -> None:
        """Keep what good scans showed to each loaded model beside the results that it makes."""
        for recipe in self.recipes.all():
            if recipe.version not in self._noted:
                model = recipe.inspector.model
                reference = Reference.of(model.voting, model.likeness)
                self.history.set_reference(recipe.version, reference)
                self._noted.add(recipe.version)

    def _keep_house(self) -> None:
        pruned = 0.0
        while not self.stopping.wait(LOOK_S):
            try:
                self.recipes.refresh()
                self._note_references()
                self.drift.follow()
                if time.monotonic() - pruned > PRUNE_S:
                    self.history.prune(self.options.keep_days, self.options.keep_gb)
                    pruned = time.monotonic()
            except Exception:  # it is tried again
                LOGGER.exception("housekeeping failed")


def _check_same(job: Job, digest: str) -> None:
    if job.digest != digest:
        raise ConflictError(f"the id {job.id} is that of another scan: choose another")


def _digest(recipe: str, rgb: Path, points: Path) -> str:
    total = hashlib.sha256(recipe.encode())
    for path in (rgb, points):
        total.update(file_digest(path))
    return total.hexdigest()


def _in_use(folder: Path) -> Callable[[str], Exception]:
    def refuse(holder: str) -> Exception:
        return ConfigError(f"{folder} is the history of a running service ({holder}): name another")

    return refuse
