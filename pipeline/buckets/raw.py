"""Raw scans in a bucket: their names as empty files, and the bytes of those that are being read."""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Condition

from ..plumbing.errors import BusyError, DataError
from ..plumbing.locks import locked
from .access import bucket_at
from .inventory import INVENTORY_FILE, Inventory, RawFile

ROOM = 1 << 28  # bytes that lie here beside the files being read: sidecars are read again and again

Fetching = Callable[[Iterable[Path]], AbstractContextManager[None]]


def no_fetching(paths: Iterable[Path]) -> AbstractContextManager[None]:
    """A `Fetching` of files that are here anyway."""
    return nullcontext()


@dataclass(frozen=True)
class RawScans:
    """Where the raw scans of a category are.

    Attributes:
        root: folder of the categories.
        fetching: has a block read files below it, which are here meanwhile.
    """

    root: Path
    fetching: Fetching = no_fetching


@contextmanager
def raw_scans(
    root: Path, category: str, scratch: Path | None = None, names: bool = False
) -> Iterator[RawScans]:
    """Yield where the raw scans of a category are, for as long as they are needed.

    Those of an inventory are in a bucket. Then a folder of `scratch` has the files that are being
    read; it is gone afterwards.

    Args:
        root: `data.root`.
        scratch: None: a temporary folder.
        names: have an empty file in the place of each other one, as listing scans needs it.

    Raises:
        DataError: the inventory is damaged.
        BusyError: another process uses the folder.
    """
    path = root / category / INVENTORY_FILE
    if not path.is_file():
        yield RawScans(root)
        return
    if scratch is None:
        with TemporaryDirectory() as own, raw_scans(root, category, Path(own), names) as found:
            yield found
        return
    inventory, folder = Inventory.load(path), scratch / "raw" / category
    with locked(folder / "lock", lambda holder: BusyError(f"{folder} is in use by {holder}")):
        place = folder / "scans"
        shutil.rmtree(place, ignore_errors=True)  # of a run that was killed
        try:
            again = f"run `dvc repro --force --single-item inventory@{category}`, then `dvc repro`"
            yield RawScans(place, fetching_below(place / category, inventory, again, names))
        finally:
            shutil.rmtree(place, ignore_errors=True)


def fetching_below(folder: Path, inventory: Inventory, again: str, names: bool = False) -> Fetching:
    """Make the folders of an inventory's files, and return what brings those that are read there.

    Args:
        again: what to do where a file is not the one of the inventory any more.
        names: see `raw_scans`.
    """
    return _Fetched(folder, inventory, again, names).fetching


class _Fetched:
    """Files of a bucket, of which those in use and some more are here."""

    def __init__(self, folder: Path, inventory: Inventory, again: str, names: bool) -> None:
        self._bucket, self._again = bucket_at(inventory.url), again
        self._files = {folder / file.key: file for file in inventory.files}
        self._users: dict[Path, int] = {}
        self._here: OrderedDict[Path, int] = OrderedDict()  # bytes of each, the oldest first
        self._coming: set[Path] = set()
        self._changed = Condition()
        for parent in {path.parent for path in self._files}:
            parent.mkdir(parents=True, exist_ok=True)
        for path in self._files if names else ():
            path.touch()

    @contextmanager
    def fetching(self, paths: Iterable[Path]) -> Iterator[None]:
        """Raises DataError where a file is not the one of the inventory any more; BucketError."""
        wanted = [path for path in dict.fromkeys(paths) if path in self._files]
        with self._changed:
            for path in wanted:
                self._users[path] = self._users.get(path, 0) + 1
        try:
            for path in wanted:
                self._bring(path)
            yield
        finally:
            with self._changed:
                for path in wanted:
                    self._users[path] -= 1
                self._drop()

    def _bring(self, path: Path) -> None:
        with self._changed:
            while path in self._coming:
                self._changed.wait()
            if path in self._here:
                self._here.move_to_end(path)
                return
            self._coming.add(path)
        file = self._files[path]
        try:
            self._download(file, path)
            with self._changed:
                self._here[path] = file.size
        finally:
            with self._changed:
                self._coming.discard(path)
                self._changed.notify_all()

    def _drop(self) -> None:
        """Empty the files that nobody reads, the oldest first, until the others fit."""
        idle = [path for path in self._here if not self._users.get(path)]
        over = sum(self._here[path] for path in idle) - ROOM
        for path in idle:
            if over <= 0:
                return
            over -= self._here.pop(path)
            path.write_bytes(b"")

    def _download(self, file: RawFile, target: Path) -> None:
        part = target.with_name(f".{target.name}.part")
        try:
            self._bucket.download(file.key, part, file.etag or None)
            if part.stat().st_size != file.size:
                raise ValueError(f"it has {part.stat().st_size} bytes, not {file.size}")
        except (FileNotFoundError, ValueError) as error:
            part.unlink(missing_ok=True)
            raise DataError(
                f"{self._bucket.url}/{file.key} is not what the inventory lists ({error}): "
                f"{self._again}"
            ) from None
        part.replace(target)
