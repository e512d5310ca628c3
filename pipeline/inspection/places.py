"""Where many scans to inspect lie: in a folder, or below an address in a bucket.

Of a bucket the names are listed once. Whoever inspects scans fetches the files that it reads, each
scan's while it is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ..buckets.access import SCHEME
from ..buckets.inventory import Inventory, RawFile
from ..buckets.raw import Fetching, fetching_below, no_fetching
from ..dataset.scan import ScanFiles
from ..plumbing.errors import DataError
from .model import InspectionModel
from .scans import FoundScans, find_scans

AGAIN = "run the prediction again"


@dataclass(frozen=True)
class AtHand:
    """Scans that can be read.

    Attributes:
        fetching: brings the files of one while they are read.
        folder: that they are fetched into; None: they are here.
    """

    scans: Sequence[ScanFiles]
    fetching: Fetching = no_fetching
    folder: Path | None = None


@dataclass(frozen=True)
class Given:
    """Some scans, as whoever inspects them is told of them.

    Attributes:
        scans: with paths that every node has, or below the place in the bucket.
        url: of the place in a bucket; None: they are files.
        files: of these scans in the bucket.
    """

    scans: tuple[ScanFiles, ...]
    url: str | None = None
    files: tuple[RawFile, ...] = ()

    @contextmanager
    def at_hand(self) -> Iterator[AtHand]:
        """Yield the scans as they are read here, where a bucket's are fetched into a folder.

        Fetching raises DataError where an object was replaced since it was listed, and BucketError.
        """
        if self.url is None:
            yield AtHand(self.scans)
            return
        with TemporaryDirectory() as name:
            folder = Path(name)
            fetching = fetching_below(folder, Inventory(self.url, self.files), AGAIN)
            here = [scan.moved(folder.joinpath) for scan in self.scans]
            yield AtHand(here, fetching, folder)

    def sources(self) -> list[str]:
        """Hash the names and sizes of each scan's files, and their times or the server's marks."""
        marks = {Path(file.key): f"{file.size} {file.etag}" for file in self.files}
        return [_sha256(_states(scan, marks)) for scan in self.scans]

    def told(self, text: str | None, at_hand: AtHand) -> str | None:
        """A sentence on a scan, with the place in the bucket for that of a fetched file."""
        if text is None or self.url is None:
            return text
        return text.replace(str(at_hand.folder), self.url)


@dataclass(frozen=True)
class ScansAt:
    """All scans of one place.

    Attributes:
        scans: complete ones, sorted by id; with paths as `Given` has them.
        refused: sentences on what cannot be used, by its name.
        url, files: see `Given`; the files of all scans, by their keys.
    """

    scans: Sequence[ScanFiles]
    refused: dict[str, str]
    url: str | None = None
    files: dict[str, RawFile] = field(default_factory=dict)

    def given(self, part: slice) -> Given:
        """Some of the scans."""
        scans = tuple(self.scans[part])
        keys = (path.as_posix() for scan in scans for path in _paths(scan))
        files = dict.fromkeys(self.files[key] for key in keys if key in self.files)
        return Given(scans, self.url, tuple(files))


def scans_at(place: str, model: InspectionModel) -> ScansAt:
    """List the scans of a folder, or of s3://BUCKET/PREFIX, and below it; see `find_scans`.

    Raises:
        DataError: there is no scan.
        BucketError, ConfigError: see `bucket_at`.
    """
    if not place.startswith(SCHEME):
        folder = Path(place).absolute()
        found = find_scans(folder, model)
        return _any(place, ScansAt(_sorted(found), found.unusable | found.refused_by_id(folder)))
    inventory = Inventory.take(place)
    with TemporaryDirectory() as name:
        folder = Path(name)
        fetching_below(folder, inventory, AGAIN, names=True)
        found = find_scans(folder, model)
        scans = [scan.moved(lambda path: _below(path, folder)) for scan in _sorted(found)]
        refused = found.unusable | found.refused_by_id(folder)
    told = {name: text.replace(str(folder), place) for name, text in refused.items()}
    return _any(place, ScansAt(scans, told, place, {file.key: file for file in inventory.files}))


def _any(place: str, found: ScansAt) -> ScansAt:
    if not found.scans and not found.refused:
        raise DataError(f"{place}: there is no scan to inspect")
    return found


def _sorted(found: FoundScans) -> list[ScanFiles]:
    return sorted(found.scans, key=lambda scan: scan.id)


def _below(path: Path, folder: Path) -> Path:
    """A path from the folder; the bundle's camera lies elsewhere."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _paths(scan: ScanFiles) -> list[Path]:
    return [scan.rgb, scan.points, *scan.sidecars.values()]


def _states(scan: ScanFiles, marks: dict[Path, str]) -> Iterator[str]:
    """Name, size and time of each file of a scan that is there, or the mark that a bucket has."""
    for path in _paths(scan):
        if path in marks:
            yield f"{path.name} {marks[path]}"
        elif path.exists():
            stat = path.stat()
            yield f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def _sha256(texts: Iterator[str]) -> str:
    joined = "\n".join(texts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(joined).hexdigest()[:32]
