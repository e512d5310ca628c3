"""Watches the folder of a station, and takes each scan once, when all its files are there."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.scan import ScanFiles
from ..plumbing.errors import DataError
from ..plumbing.logs import LOGGER
from .model import InspectionModel
from .scans import FoundScans, find_scans

PATIENCE_S = 30.0  # a scan that waits longer for its partner is mentioned once


@dataclass(frozen=True)
class Arrived:
    """A scan whose files have come to rest."""

    scan: ScanFiles
    source: str  # a hash of the files' names, sizes and times of change
    time: float  # when its last file changed


@dataclass
class Station:
    """Looks at a folder again and again.

    A scan is taken when all its files are there, none is empty, and none has changed since the
    look before. Files that are replaced under the same name are another scan.

    Attributes:
        folder: where the files arrive; folders in it are looked into as well.
        handled: sources of scans that are done, to which new ones are added.
        interval: seconds between looks.
        stop: is set to end the station; the scan in hand is finished.
        warn: is called with a sentence about each thing that cannot be inspected.
    """

    folder: Path
    model: InspectionModel
    handled: set[str]
    interval: float
    stop: threading.Event
    warn: Callable[[str], None] = LOGGER.warning
    _seen: dict[str, str] = field(default_factory=dict)  # source by id, at the last look
    _waiting: dict[str, float] = field(default_factory=dict)  # since when a scan has lacked a file
    _warned: set[str] = field(default_factory=set)

    def arrivals(self) -> Iterator[Arrived]:
        """Yield scans in the order of their last change, until the station is stopped."""
        while not self.stop.is_set():
            for arrived in self.look():
                if self.stop.is_set():
                    return
                self.handled.add(arrived.source)
                yield arrived
            self.stop.wait(self.interval)

    def look(self) -> list[Arrived]:
        """The scans that are new and have not changed since the last look."""
        try:
            found = find_scans(self.folder, self.model)
        except (DataError, OSError) as error:  # a folder may come back, a link be removed
            self._warn_once(str(error))
            return []
        self._mention(found)
        new = [a for a in map(_arrived, found.scans) if a and a.source not in self.handled]
        resting = [a for a in new if self._seen.get(a.scan.id) == a.source]
        self._seen = {a.scan.id: a.source for a in new}
        return sorted(resting, key=lambda a: (a.time, a.scan.id))

    def _mention(self, found: FoundScans) -> None:
        now = time.monotonic()
        since = {name: self._waiting.get(name, now) for name in found.unusable}
        self._waiting = since
        for name, reason in found.unusable.items():
            if now - since[name] >= PATIENCE_S:
                self._warn_once(f"{name} waits: {reason}")

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self.warn(text)


def _arrived(scan: ScanFiles) -> Arrived | None:
    """The arrived scan; None if a file is still empty or is gone again."""
    own = {role: path for role, path in scan.sidecars.items() if role != "camera"}
    digest, latest = hashlib.sha256(scan.id.encode()), 0
    for path in (scan.rgb, scan.points, *(own[role] for role in sorted(own))):
        try:
            state = path.stat()
        except OSError:
            return None
        if not state.st_size:
            return None
        digest.update(f"\n{path.name}\n{state.st_size} {state.st_mtime_ns}".encode())
        latest = max(latest, state.st_mtime_ns)
    return Arrived(scan, digest.hexdigest()[:32], latest / 1e9)
