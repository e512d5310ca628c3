"""A watched folder as a source of scans, by the rules of `predict --watch`."""

import math
import shutil
import threading
import time
from concurrent.futures import TimeoutError as NotDoneError
from dataclasses import dataclass, field
from pathlib import Path

from ..inspection.station import Arrived, Refused, Station
from ..plumbing.errors import ConfigError
from ..plumbing.logs import LOGGER
from .refusals import QueueFullError, RefusedError, StorageError
from .service import Service
from .worker import Job, NotYetError, error_result, printable

UNSEEN_S = 3.0  # after which a folder that cannot be looked into is a problem
PREFIX = "watch-"


@dataclass
class WatchedFolder:
    """Takes each scan of a folder once, when it is complete; the history is its journal.

    Attributes:
        interval: seconds between looks.
    """

    recipe: str
    folder: Path
    interval: float = 1.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _seen: float = math.inf  # when the folder was last looked into
    _thread: threading.Thread | None = None

    def start(self, service: Service) -> None:
        """Begin to look. Raises ConfigError or UnknownError where there is nothing to look at."""
        service.recipe(self.recipe)
        if not self.folder.is_dir():
            raise ConfigError(f"--watch {self.folder} is no folder: make it, or name another")
        if service.options.history.resolve().is_relative_to(self.folder.resolve()):
            raise ConfigError(f"--history lies in {self.folder}, among the scans: name another")
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._watch, args=[service], daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=self.interval + 5)

    def problem(self) -> str | None:
        if self._thread is not None and not self._thread.is_alive() and not self._stop.is_set():
            return f"{self.folder} is not watched any more: start the service again"
        unseen = time.monotonic() - self._seen
        return f"{self.folder} cannot be seen" if unseen > UNSEEN_S else None

    def _watch(self, service: Service) -> None:
        handled = {name.removeprefix(PREFIX) for name in service.history.ids(PREFIX)}
        model = service.recipe(self.recipe).inspector.model
        station = Station(self.folder, model, handled, self.interval, self._stop)
        while not self._stop.is_set():
            try:
                for arrived in self._look(station):
                    if self._stop.is_set():
                        return
                    self._take(service, station, arrived)
                for refused in station.refusals():
                    self._report(service, station, refused)
            except Exception:  # the next look may go well
                LOGGER.exception("%s could not be looked at", self.folder)
            self._stop.wait(min(self.interval, 1.0) if self._look_failed() else self.interval)

    def _look(self, station: Station) -> list[Arrived]:
        found = station.look()
        self._note()
        return found

    def _note(self) -> None:
        if self.folder.is_dir():
            self._seen = time.monotonic()

    def _look_failed(self) -> bool:
        return time.monotonic() - self._seen > self.interval

    def _take(self, service: Service, station: Station, arrived: Arrived) -> None:
        job = self._job(service, station, arrived)
        while not self._stop.is_set():
            try:
                service.queue_watched(job)
                break
            except QueueFullError:
                self._note()
        while not self._stop.is_set():
            try:
                job.done.result(timeout=0.5)
                return
            except NotDoneError:
                self._note()
            except NotYetError:
                return
            except Exception as error:
                station.handled.discard(arrived.source)  # it comes again
                if not isinstance(error, RefusedError):
                    raise
                LOGGER.warning("%s is tried again: %s", arrived.scan.id, error)
                return

    def _report(self, service: Service, station: Station, refused: Refused) -> None:
        """Put what is no part of any scan into the history, as a scan that cannot be inspected."""
        recipe = service.recipe(self.recipe)
        about = error_result(f"{PREFIX}{refused.source}", refused.id, "watch", recipe)
        result = about.model_copy(update={"error": printable(refused.reason)})
        incoming = service.history.incoming()
        try:
            service.metrics.count(service.history.add(result, refused.source, incoming))
        except StorageError:
            station.handled.discard(refused.source)  # it comes again
            shutil.rmtree(incoming, ignore_errors=True)
            raise

    def _job(self, service: Service, station: Station, arrived: Arrived) -> Job:
        scan = arrived.scan
        return Job(
            id=f"{PREFIX}{arrived.source}",
            name=scan.id,
            source="watch",
            recipe=service.recipe(self.recipe),
            rgb=scan.rgb,
            points=scan.points,
            digest=arrived.source,
            incoming=service.history.incoming(),
            until=math.inf,
            scan=scan,
            accept=lambda failed: station.accept(arrived, failed),
        )


def watched(text: str, interval: float) -> WatchedFolder:
    """What RECIPE=FOLDER names. Raises ConfigError."""
    recipe, equals, folder = text.partition("=")
    if not (recipe and equals and folder):
        raise ConfigError(f"--watch {text}: give RECIPE=FOLDER")
    return WatchedFolder(recipe, Path(folder), interval)
