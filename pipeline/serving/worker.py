"""The one thread that uses a device: it takes scans from a bounded queue, one after the other."""

import queue
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..dataset.scan import ScanFiles
from ..inspection.found import UNLIKE, Inspection
from ..inspection.regions import regions
from ..inspection.scans import pair_files
from ..plumbing.errors import DataError, UnlikeTrainingError
from ..plumbing.logs import LOGGER
from .answers import FoundRegion, ScanResult
from .history import History
from .kept import keep_files, save_view
from .recipes import Recipe
from .refusals import LateError, QueueFullError, RefusedError, StorageError


class NotYetError(Exception):
    """The files of a watched scan have changed since, so there is no result yet."""


@dataclass(frozen=True, eq=False)
class Job:
    """A scan that waits for the device.

    Attributes:
        digest: of the recipe's name and the scan's content: what the id stands for.
        incoming: its folder in the history.
        until: time (monotonic) after which nobody waits for the result.
        accept: asked before a result is kept, with whether the scan failed.
    """

    id: str
    name: str
    source: str
    recipe: Recipe
    rgb: Path
    points: Path
    digest: str
    incoming: Path
    until: float
    scan: ScanFiles | None = None
    accept: Callable[[bool], bool] = lambda failed: True
    done: "Future[ScanResult]" = field(default_factory=Future)


class Worker:
    """Inspects queued scans, and commits each result before it hands it over."""

    def __init__(self, history: History, size: int) -> None:
        self.history = history
        self.seconds = 0.5  # that a scan takes, smoothed: what Retry-After is made of
        self.busy_since: float | None = None
        self._queue: queue.Queue[Job | None] = queue.Queue(size)
        self._thread = threading.Thread(target=self._work, name="inspection", daemon=True)
        self._ending = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in the queue, and end."""
        self._ending.set()
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def busy_for(self) -> float:
        """Seconds that the scan in hand has taken; 0 where there is none."""
        since = self.busy_since
        return 0.0 if since is None else time.monotonic() - since

    def check_room(self) -> None:
        """Raises QueueFullError where a scan would find no place in the queue."""
        if self._ending.is_set():
            raise QueueFullError("the service is ending: send the scan again", {"Retry-After": "5"})
        if self._queue.full():
            raise self._full()

    def submit(self, job: Job, wait: bool = False) -> None:
        """Queue a scan.

        Raises:
            QueueFullError: the queue is full, and `wait` is off; or the service is ending.
        """
        if self._ending.is_set():
            raise QueueFullError("the service is ending: send the scan again", {"Retry-After": "5"})
        try:
            self._queue.put(job, block=wait, timeout=1.0 if wait else None)
        except queue.Full:
            raise self._full() from None

    def _full(self) -> QueueFullError:
        seconds = max(1, round(self._queue.qsize() * self.seconds))
        return QueueFullError(
            f"{self._queue.qsize()} scans wait already: try again in {seconds} s",
            {"Retry-After": str(seconds)},
        )

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if not job.done.set_running_or_notify_cancel():
                continue
            self.busy_since = time.monotonic()
            try:
                job.done.set_result(self._result(job))
            except (RefusedError, NotYetError) as error:
                job.done.set_exception(error)
            except Exception as error:  # one scan's trouble must not end the worker
                LOGGER.exception("scan %s of recipe %s failed", job.id, job.recipe.name)
                job.done.set_exception(error)
            finally:
                shutil.rmtree(job.incoming, ignore_errors=True)
                self.busy_since = None

    def _result(self, job: Job) -> ScanResult:
        start = time.monotonic()
        if start > job.until:
            raise LateError("the deadline passed before the scan's turn came: send it again")
        found = _inspect(job)
        if not job.accept(isinstance(found, DataError)):
            raise NotYetError
        try:
            keep_files(job.incoming, job.rgb, job.points, job.recipe.inspector.model.camera)
            if isinstance(found, Inspection):
                save_view(job.incoming, found)
        except OSError as error:
            if isinstance(found, Inspection):
                raise StorageError(
                    f"the scan cannot be kept ({error}): free space, and send it again"
                ) from None
        measures = found.measures if isinstance(found, Inspection) else None
        result = self.history.add(_to_result(job, found), job.digest, job.incoming, measures)
        self.seconds += 0.2 * (time.monotonic() - start - self.seconds)
        return result


def _inspect(job: Job) -> Inspection | DataError:
    inspector = job.recipe.inspector
    try:
        return inspector.inspect_scan(job.scan or pair_files(job.rgb, job.points, inspector.model))
    except DataError as error:
        return error


def error_result(scan_id: str, name: str, source: str, recipe: Recipe) -> ScanResult:
    """The result of a scan of which nothing is known yet."""
    return ScanResult(
        seq=0,
        id=scan_id,
        recipe=recipe.name,
        category=recipe.inspector.category,
        bundle=recipe.version,
        name=printable(name),
        source=source,
        time=time.time(),
        status="error",
    )


def printable(text: str) -> str:
    """A text whose bytes that are none, as in a file's name, are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _to_result(job: Job, found: Inspection | DataError) -> ScanResult:
    about = error_result(job.id, job.name, job.source, job.recipe)
    if isinstance(found, UnlikeTrainingError):
        reason = _without_places(str(found), job)
        return about.model_copy(update={"status": UNLIKE, "reason": reason})
    if isinstance(found, DataError):
        return about.model_copy(update={"error": _without_places(str(found), job)})
    decided = {
        "status": found.status,
        "reason": found.unlike,
        "score": found.score,
        "threshold": found.threshold,
        "defective": found.defective if found.unlike is None else None,
        "seconds": round(sum(found.seconds.values()), 4),
        "shares": dict(found.shares),
        "regions": [FoundRegion(**asdict(one)) for one in regions(found)],
    }
    return about.model_copy(update=decided)


def _without_places(text: str, job: Job) -> str:
    """A message without the folder that an upload lies in, which tells the client nothing."""
    return printable(text.replace(f"{job.incoming}/", ""))
