"""Watches the folder of a station, and takes each scan once, when all its files are there."""

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.scan import ScanFiles
from ..plumbing.logs import LOGGER
from .model import InspectionModel
from .scans import FoundScans, find_scans

PATIENT_LOOKS = 30  # that a scan which may not be whole must rest before it is decided
PATIENCE_S = 30.0  # a scan that waits longer for its partner is mentioned once


@dataclass(frozen=True)
class Arrived:
    """A scan whose files have come to rest."""

    scan: ScanFiles
    source: str  # a hash of the files' names, sizes and times of change
    time: float  # when its last file changed
    state: str  # the source, and what else changes when a file is written to
    reserved: bool  # a file has a length whose bytes nobody has written yet


@dataclass(frozen=True)
class Refused:
    """A file or folder that is no part of any scan, and stays so."""

    id: str  # its path from the station's folder
    reason: str
    source: str  # a hash of the reason, and of what is known of the entry without opening it


@dataclass
class Station:
    """Looks at a folder again and again.

    A scan is taken when all its files are there, none is empty, and none has changed since the
    look before, in size or in either of its times; `accept` tells whether that held while it was
    read. One that cannot be read, or has a hole where a length was reserved, may not be whole yet:
    it is decided once nothing has changed for `PATIENT_LOOKS`. Files that are replaced under the
    same name are another scan.

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
    _seen: dict[str, tuple[str, int]] = field(default_factory=dict)  # state and its looks, by id
    _failed: set[str] = field(default_factory=set)  # states that could not be inspected, once
    _waiting: dict[str, float] = field(default_factory=dict)  # since when a scan has lacked a file
    _warned: set[str] = field(default_factory=set)
    _refused: dict[Refused, int] = field(default_factory=dict)  # looks that found each

    def arrivals(self) -> Iterator[Arrived | Refused]:
        """Yield scans in the order of their last change, until the station is stopped.

        What is refused comes once.
        """
        while not self.stop.is_set():
            found: list[Arrived | Refused] = [*self.look(), *self.refusals()]
            for arrived in found:
                if self.stop.is_set():
                    return
                yield arrived
            self.stop.wait(self.interval)

    def look(self) -> list[Arrived]:
        """The scans that are new and have not changed since the last look."""
        try:
            found = find_scans(self.folder, self.model)
        except Exception as error:  # a folder may come back; whatever it is, the station goes on
            self._warn_once(f"{self.folder} cannot be looked into: {error}")
            return []
        self._mention(found)
        self._refused = self._still_refused(found)
        new = [a for a in map(_arrived, found.scans) if a and a.source not in self.handled]
        self._seen = {a.scan.id: (a.state, self._looks(a)) for a in new}
        resting = [a for a in new if self._seen[a.scan.id][1] >= self._wanted(a)]
        return sorted(resting, key=lambda a: (a.time, a.scan.id))

    def accept(self, arrived: Arrived, failed: bool) -> bool:
        """Whether what was found on a scan that arrived is its result; then the scan is done.

        It is not where a file has changed since, or at a first failure: the scan comes again.

        Args:
            failed: the scan could not be inspected.
        """
        now = _arrived(arrived.scan)
        gone = now is None and not failed  # read whole, and taken away since
        if not gone and (now is None or now.state != arrived.state):
            return False
        if failed and arrived.state not in self._failed:
            self._failed.add(arrived.state)
            return False
        self._failed.discard(arrived.state)
        self.handled.add(arrived.source)
        return True

    def _still_refused(self, found: FoundScans) -> dict[Refused, int]:
        """What is refused at this look and was not reported, with the looks before that did so."""
        refused = [_refused(self.folder, path, why) for path, why in found.refused.items()]
        new = [one for one in refused if one.source not in self.handled]
        return {one: self._refused.get(one, -1) + 1 for one in new}

    def refusals(self) -> list[Refused]:
        """What has been refused for `PATIENT_LOOKS`; it is then handled."""
        due = [one for one, looks in self._refused.items() if looks >= PATIENT_LOOKS]
        self.handled |= {one.source for one in due}
        return due

    def _looks(self, arrived: Arrived) -> int:
        """How many looks before this one found the scan as it is."""
        state, looks = self._seen.get(arrived.scan.id, ("", 0))
        return looks + 1 if state == arrived.state else 0

    def _wanted(self, arrived: Arrived) -> int:
        doubtful = arrived.reserved or arrived.state in self._failed
        return PATIENT_LOOKS if doubtful else 1

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
    """The scan as its files are now; None if a file is still empty, or gone again."""
    own = {role: path for role, path in scan.sidecars.items() if role != "camera"}
    source, state, latest = hashlib.sha256(_bytes(scan.id)), "", 0
    paths = (scan.rgb, scan.points, *(own[role] for role in sorted(own)))
    try:
        for path in paths:
            status = path.stat()
            if stat.S_ISREG(status.st_mode) and not status.st_size:
                return None
            text = f"\n{path.name}\n{status.st_size} {status.st_mtime_ns}"
            source.update(_bytes(text))
            state += f" {status.st_ino} {status.st_ctime_ns}"
            latest = max(latest, status.st_mtime_ns)
        reserved = any(map(_has_hole, paths))
    except OSError:
        return None
    name = source.hexdigest()[:32]
    return Arrived(scan, name, latest / 1e9, name + state, reserved)


def _bytes(text: str) -> bytes:
    """A text in UTF-8; a file's name may hold bytes that are none, and these come back."""
    return text.encode("utf-8", "surrogateescape")


def _refused(folder: Path, path: Path, reason: str) -> Refused:
    name = path.relative_to(folder).as_posix()
    known = f"{name}\n{reason}"
    try:
        status = path.lstat()
        known += f"\n{status.st_ino}"
        if not stat.S_ISDIR(status.st_mode):  # a folder changes with each scan that comes
            known += f" {status.st_size} {status.st_mtime_ns}"
    except OSError:
        pass
    return Refused(name, reason, hashlib.sha256(_bytes(known)).hexdigest()[:32])


def _has_hole(path: Path) -> bool:
    """Whether part of the file's length was reserved and never written, where the system tells."""
    if not hasattr(os, "SEEK_HOLE"):
        return False
    if not path.is_file():  # a FIFO would be waited for; its reader refuses it
        return False
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        return os.lseek(file.fileno(), 0, os.SEEK_HOLE) < length
