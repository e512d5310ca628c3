"""Runs `mentor3ad predict`: takes scans, writes lines and pictures, returns an exit code."""

import errno
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import IO

from ..dataset.scan import ScanFiles
from ..plumbing.errors import ConfigError, DataError, NoDecisionError
from ..plumbing.logs import log_event
from ..plumbing.output import replace_unprintable
from .found import UNLIKE, Inspection
from .inspector import Inspector
from .pictures import PictureKind, save_pictures
from .results import Format, Result, header, line, results_file
from .scans import find_scans, pair_files, split_pair
from .station import Refused, Station

# A picture whose name is too long, or the name of a folder of pictures, is the scan's own fault.
_NAME_AT_FAULT = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


class ExitCode(IntEnum):
    """The exit codes of `mentor3ad predict`; 1 is any error, and 2 a wrong command line."""

    GOOD = 0  # every scan was inspected and is good
    DEFECTIVE = 3  # at least one is defective
    NOT_INSPECTED = 4  # none is known to be defective, but one could not be inspected
    UNLIKE_TRAINING = 6  # none is known to be defective, but one is unlike those of the training
    NO_DECISION = 5  # of one the model made a number that is not finite: trust no result of it


@dataclass(frozen=True)
class Output:
    """Where results go.

    Attributes:
        folder: where predictions.jsonl or .csv and pictures go; None: standard output alone.
        form: form of the lines.
        kinds: kinds of pictures.
    """

    folder: Path | None
    form: Format
    kinds: Collection[PictureKind]

    @property
    def file(self) -> Path | None:
        return None if self.folder is None else self.folder / f"predictions.{self.form}"


class _Writer:
    """Writes each scan's line and pictures, and counts."""

    def __init__(self, output: Output, files: Sequence[IO[str]], bundle: str | None) -> None:
        self.output, self.files, self.bundle = output, files, bundle
        self.scans = self.defective = self.unlike = self.errors = self.undecided = 0

    def write(self, name: str, found: Inspection | DataError, source: str | None = None) -> None:
        """Write the pictures, then the line, which says that all of its scan is there."""
        if isinstance(found, Inspection) and self.output.folder is not None:
            try:
                save_pictures(self.output.folder, name, found, self.output.kinds)
            except OSError as error:
                if error.errno not in _NAME_AT_FAULT:
                    raise
                found = DataError(
                    f"{name}: its pictures cannot be written ({error.strerror}): "
                    "give the scan a shorter name, and one that no folder has"
                )
        result = Result.of(name, found, source, self.bundle)
        self.scans += 1
        self.defective += bool(result.defective)
        self.unlike += result.status == UNLIKE
        self.errors += result.error is not None
        self.undecided += isinstance(found, NoDecisionError)
        for file in self.files:
            file.write(line(result, self.output.form))
            file.flush()

    @property
    def counts(self) -> dict[str, int]:
        return {
            "scans": self.scans,
            "defective": self.defective,
            "unlike": self.unlike,
            "errors": self.errors,
        }

    @property
    def code(self) -> ExitCode:
        if self.undecided:
            return ExitCode.NO_DECISION
        if self.defective:
            return ExitCode.DEFECTIVE
        if self.unlike:
            return ExitCode.UNLIKE_TRAINING
        return ExitCode.NOT_INSPECTED if self.errors else ExitCode.GOOD


@contextmanager
def _writing(
    output: Output, bundle: str | None, keep: bool = False
) -> Iterator[tuple[_Writer, set[str]]]:
    """Yield a writer, and the sources that its file already has."""
    with ExitStack() as stack:
        replace_unprintable()
        files, sources = [sys.stdout], set[str]()
        if output.file is not None:
            file, sources = stack.enter_context(results_file(output.file, output.form, keep))
            files.append(file)
        sys.stdout.write(header(output.form))
        yield _Writer(output, files, bundle), sources


def predict_scans(
    inspector: Inspector, scans: Sequence[str], output: Output, batch: int | None = None
) -> ExitCode:
    """Inspect scans by their names, IMAGE,GEOMETRY, and all scans of folders.

    Args:
        batch: see `Inspector.inspect_batch`.

    Raises:
        DataError: there is no scan, or two have one id.
        ConfigError: the results would land among the scans, or the device's memory is too small.
    """
    wanted, unusable = _named(inspector, scans, output)
    start = time.perf_counter()
    with _writing(output, inspector.model.version) as (writer, _):
        for name, reason in unusable.items():
            writer.write(name, DataError(reason))
        results = inspector.inspect_batch(wanted, batch=batch)
        for scan, found in zip(wanted, results, strict=True):
            writer.write(scan.id, found)
    seconds = round(time.perf_counter() - start, 3)
    log_event("predict", {"category": inspector.category, **writer.counts, "seconds": seconds})
    return writer.code


def watch(inspector: Inspector, folder: Path, output: Output, interval: float) -> None:
    """Inspect what arrives in a folder, until SIGINT or SIGTERM.

    Args:
        interval: seconds between looks into the folder.

    Raises:
        ConfigError: the results would land among the scans, or another watch writes them.
    """
    _check_apart(folder, output)
    with (
        _stopped_by_signals() as stop,
        _writing(output, inspector.model.version, keep=True) as (writer, handled),
    ):
        station = Station(folder, inspector.model, handled, interval, stop)
        warm_up = round(inspector.warm_up(), 3)
        about = {"category": inspector.category, "folder": str(folder)}
        log_event("watch", {**about, "known": len(handled), "warm_up_seconds": warm_up})
        for arrived in station.arrivals():
            if isinstance(arrived, Refused):
                writer.write(arrived.id, DataError(arrived.reason), arrived.source)
                continue
            found: Inspection | DataError
            try:
                found = inspector.inspect_scan(arrived.scan)
            except DataError as error:
                found = error
            if station.accept(arrived, failed=isinstance(found, DataError)):
                writer.write(arrived.scan.id, found, arrived.source)
        log_event("watch_end", {**about, **writer.counts})


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    signals = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _named(
    inspector: Inspector, names: Sequence[str], output: Output
) -> tuple[list[ScanFiles], dict[str, str]]:
    scans: dict[str, ScanFiles] = {}
    unusable: dict[str, str] = {}
    for name in names:
        if Path(name).is_dir():
            _check_apart(Path(name), output)
            found = find_scans(Path(name), inspector.model)
            new, bad = found.scans, found.unusable | found.refused_by_id(Path(name))
        else:
            new, bad = [_pair(name, inspector)], {}
        if twice := (scans.keys() | unusable.keys()) & ({s.id for s in new} | bad.keys()):
            raise DataError(
                f"two scans are called {min(twice)}: name the folder that holds them both, or "
                "inspect them one after the other"
            )
        scans |= {scan.id: scan for scan in new}
        unusable |= bad
    if not scans and not unusable:
        raise DataError(f"{', '.join(names)}: there is no scan to inspect")
    return list(scans.values()), unusable


def _pair(name: str, inspector: Inspector) -> ScanFiles:
    return pair_files(*split_pair(name), inspector.model)


def _check_apart(folder: Path, output: Output) -> None:
    """Refuse to write pictures where they would be taken for scans."""
    if output.folder is None:
        return
    if output.folder.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"--out {output.folder} lies in {folder}, among the scans; name another")
