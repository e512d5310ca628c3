"""The history of a service: one row a result in SQLite, and a folder of files beside each.

    history.sqlite   the rows, in WAL mode; a row is committed before its result is answered. Beside
                     them what good scans showed to each bundle, and the alarms of drift
    scans/PLACE/     files of one scan: its own, and what its pictures are drawn from
    incoming/        scans in hand; emptied when the service starts

The folder of a scan is complete before its row is written, so a row never lacks its files. A folder
without a row is of a service that was killed between the two, and goes at the next start.
"""

import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..drift.reference import Reference
from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError
from .answers import DriftEvent, Mark, ScanResult, ShiftCounts
from .kept import size_of
from .options import GIGABYTE
from .refusals import StorageError

SCHEMA = 2  # 1: without measures, models and drift
DATABASE = "history.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS results (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    recipe TEXT NOT NULL,
    time REAL NOT NULL,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    place TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    mark TEXT,
    measures TEXT
);
CREATE INDEX IF NOT EXISTS by_time ON results (time);
CREATE TABLE IF NOT EXISTS channels (name TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS models (version TEXT PRIMARY KEY, reference TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS drift (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
"""
_OWN = {"seq", "mark", "maps"}  # keys of a result that its body does not hold
_DAY = 86_400.0
_MEASURES: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])


@dataclass(frozen=True)
class HistoryRow:
    """A result, and what the client does not see of it."""

    result: ScanResult
    digest: str  # of the recipe's name and the scan's content
    place: str  # name of the folder beside
    measures: Mapping[str, float]  # of likeness, by name; empty where the model knows none


class History:
    """The results of a service, for all its threads.

    Raises:
        ConfigError: the database is damaged or of a newer release, or cannot be made.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        """Open the history of a folder.

        Args:
            read_only: beside a service that runs; else what a killed one has left is removed.
        """
        self.folder, self._lock = folder, threading.Lock()
        try:
            for name in () if read_only else ("scans", "incoming"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                folder / DATABASE, check_same_thread=False, isolation_level=None, timeout=30
            )
            self._set_up(read_only)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"{folder} cannot hold a history ({error}): name another --history, or move "
                f"{DATABASE} away"
            ) from None
        self._latest = self._one("SELECT max(seq) FROM results") or 0
        self.latest_event = 0 if self._is_old else self._one("SELECT max(seq) FROM drift") or 0
        if not read_only:
            self._sweep()

    def _set_up(self, read_only: bool) -> None:
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA:
            raise ConfigError(
                f"{self.folder} was written by a newer release (schema {found}): update mentor3ad"
            )
        self._is_old = found < SCHEMA  # until its tables are made: without measures
        if read_only:
            self._database.execute("PRAGMA query_only=ON")
            return
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_TABLES)
        columns = [row[1] for row in self._database.execute("PRAGMA table_info(results)")]
        if "measures" not in columns:
            self._database.execute("ALTER TABLE results ADD COLUMN measures TEXT")
        self._is_old = False
        self._database.execute(f"PRAGMA user_version={SCHEMA}")

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @property
    def latest(self) -> int:
        """The number of the last result, 0 where there is none."""
        return self._latest

    # Scans in hand

    def incoming(self) -> Path:
        """A new folder for the files of a scan in hand. Raises StorageError on a full disk."""
        path = self.folder / "incoming" / uuid.uuid4().hex
        with _storing():
            path.mkdir()
        return path

    def add(
        self,
        result: ScanResult,
        digest: str,
        incoming: Path,
        measures: Mapping[str, float] | None = None,
    ) -> ScanResult:
        """Commit a result; its folder goes beside it. Returns it with its number.

        Args:
            measures: of the scan's likeness, by name.

        Raises:
            StorageError: it could not be written; then neither row nor folder is there.
        """
        home = self.folder / "scans" / incoming.name
        body = result.model_dump_json(exclude=_OWN)
        with _storing():
            size = size_of(incoming) + len(body)
            shown = dump_json(dict(measures)) if measures else None
            incoming.rename(home)
            values = (result.id, digest, result.recipe, result.time, result.status, body)
            try:
                with self._lock:
                    added = self._database.execute(
                        "INSERT INTO results (id, digest, recipe, time, status, body, place, bytes,"
                        " measures) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (*values, home.name, size, shown),
                    )
            except sqlite3.Error:
                shutil.rmtree(home, ignore_errors=True)
                raise
        number = added.lastrowid
        assert number is not None
        self._latest = max(self._latest, number)
        return _with_row(result, number, None)

    # Reading

    def by_id(self, name: str) -> HistoryRow | None:
        return self._row("id = ?", name)

    def by_number(self, seq: int) -> HistoryRow | None:
        return self._row("seq = ?", seq)

    def home(self, row: HistoryRow) -> Path:
        """The folder of a scan's files."""
        return self.folder / "scans" / row.place

    def after(self, seq: int, limit: int = 100) -> list[ScanResult]:
        """The results that follow a number, oldest first."""
        return [row.result for row in self.rows_after(seq, limit)]

    def rows_after(self, seq: int, limit: int = 100) -> list[HistoryRow]:
        """The rows of `after`."""
        return self._rows("seq > ? ORDER BY seq LIMIT ?", seq, limit)

    def before(
        self, seq: int | None, limit: int, recipe: str | None = None, status: str | None = None
    ) -> list[ScanResult]:
        """The results below a number, newest first; `status` may also be a mark or `unmarked`."""
        wanted, values = ["seq < ?"], [seq or 2**62]
        named: list[str | int] = list(values)
        if recipe is not None:
            wanted.append("recipe = ?")
            named.append(recipe)
        if status == "unmarked":
            wanted.append("mark IS NULL")
        elif status is not None:
            wanted.append("mark = ?" if status in ("ok", "ng") else "status = ?")
            named.append(status)
        where = " AND ".join(wanted)
        rows = self._rows(f"{where} ORDER BY seq DESC LIMIT ?", *named, limit)
        return [row.result for row in rows]

    def marked(self) -> Iterator[HistoryRow]:
        yield from self._rows("mark IS NOT NULL ORDER BY seq")

    def ids(self, prefix: str) -> list[str]:
        """The ids that begin so."""
        length = len(prefix)
        found = self._all("SELECT id FROM results WHERE substr(id, 1, ?) = ?", length, prefix)
        return [name for (name,) in found]

    def counts(self, since: float) -> ShiftCounts:
        """How many results there are since a time, in seconds since 1970."""
        counts = ShiftCounts(since=since)
        for column in ("status", "mark"):
            found = self._all(
                f"SELECT {column}, count(*) FROM results WHERE time >= ? GROUP BY {column}", since
            )
            counts = counts.model_copy(update={name.split()[0]: n for name, n in found if name})
        return counts

    # Marks, channels

    def mark(self, seq: int, mark: Mark | None) -> bool:
        """Keep a reviewer's word; whether there is such a result."""
        with _storing(), self._lock:
            done = self._database.execute("UPDATE results SET mark = ? WHERE seq = ?", (mark, seq))
        return done.rowcount == 1

    def delivered(self, channel: str, first: int | None = None) -> int:
        """The number up to which a channel has delivered; a new channel begins at the last one.

        Args:
            first: what else a new channel begins at.
        """
        begin = self._latest if first is None else first
        with _storing(), self._lock:
            self._database.execute("INSERT OR IGNORE INTO channels VALUES (?, ?)", (channel, begin))
        return int(self._one("SELECT seq FROM channels WHERE name = ?", channel) or 0)

    def set_delivered(self, channel: str, seq: int) -> None:
        with _storing(), self._lock:
            self._database.execute("UPDATE channels SET seq = ? WHERE name = ?", (seq, channel))

    # Drift

    def set_reference(self, version: str, reference: Reference) -> None:
        """Keep what good scans showed to a version of a bundle."""
        with _storing(), self._lock:
            self._database.execute(
                "INSERT OR REPLACE INTO models VALUES (?, ?)", (version, reference.dump())
            )

    def reference(self, version: str) -> Reference | None:
        """What good scans showed to a version of a bundle; None: it is not known."""
        if self._is_old:
            return None
        found = self._all("SELECT reference FROM models WHERE version = ?", version)
        return Reference.parse(found[0][0]) if found else None

    def add_event(self, event: DriftEvent) -> DriftEvent:
        """Keep an alarm, or the end of one; returns it with its number."""
        with _storing(), self._lock:
            body = event.model_dump_json(exclude={"seq"})
            added = self._database.execute("INSERT INTO drift (body) VALUES (?)", (body,))
        number = added.lastrowid
        assert number is not None
        self.latest_event = number
        return event.model_copy(update={"seq": number})

    def events_after(self, seq: int, limit: int = 1000) -> list[DriftEvent]:
        """The alarms, and their ends, that follow a number, oldest first."""
        if self._is_old:
            return []
        found = self._all(
            "SELECT seq, body FROM drift WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit
        )
        return [DriftEvent.model_validate_json(f'{{"seq":{n},{body[1:]}') for n, body in found]

    # Pruning

    def prune(self, days: float, gigabytes: float) -> int:
        """Remove what is older, then the oldest until the rest is small enough; marked ones last.

        Returns:
            How many results went.
        """
        old = self._all("SELECT seq, place FROM results WHERE time < ?", time.time() - days * _DAY)
        self._remove(old)
        total = self._one("SELECT sum(bytes) FROM results") or 0
        beyond = []
        order = "SELECT seq, place, bytes FROM results ORDER BY mark IS NOT NULL, seq"
        for seq, place, size in self._all(order) if total > gigabytes * GIGABYTE else ():
            if total <= gigabytes * GIGABYTE:
                break
            beyond.append((seq, place))
            total -= size
        self._remove(beyond)
        return len(old) + len(beyond)

    def _remove(self, gone: list[tuple[int, str]]) -> None:
        """Remove the rows first: a folder that stays is swept at the next start."""
        with self._lock:
            self._database.executemany("DELETE FROM results WHERE seq = ?", [(s,) for s, _ in gone])
        for _, place in gone:
            shutil.rmtree(self.folder / "scans" / place, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the folders of scans that have no row."""
        known = {place for (place,) in self._all("SELECT place FROM results")}
        kept = self.folder / "scans"
        strays = [path for path in kept.iterdir() if path.name not in known]
        for path in [*strays, *(self.folder / "incoming").iterdir()]:
            shutil.rmtree(path, ignore_errors=True)

    # SQL

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _one(self, query: str, *values: object) -> int | None:
        value: int | None = self._all(query, *values)[0][0]
        return value

    def _rows(self, where: str, *values: object) -> list[HistoryRow]:
        measures = "NULL" if self._is_old else "measures"
        found = self._all(
            f"SELECT seq, mark, body, digest, place, {measures} FROM results WHERE {where}", *values
        )
        return [
            HistoryRow(_with_row(_result(body), seq, mark), digest, place, _measures(shown))
            for seq, mark, body, digest, place, shown in found
        ]

    def _row(self, where: str, *values: object) -> HistoryRow | None:
        rows = self._rows(where, *values)
        return rows[0] if rows else None


def _result(body: str) -> ScanResult:
    return ScanResult.model_validate_json(f'{{"seq":0,{body[1:]}')


def _measures(shown: str | None) -> dict[str, float]:
    return _MEASURES.validate_json(shown) if shown else {}


def _with_row(result: ScanResult, seq: int, mark: Mark | None) -> ScanResult:
    maps = {}
    if result.score is not None:
        names = {"image": "image.png", "heatmap": "heatmap.png", "map": "map.tiff"}
        maps = {kind: f"/scans/{seq}/{name}" for kind, name in names.items()}
    return result.model_copy(update={"seq": seq, "mark": mark, "maps": maps})


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"the history cannot be written ({error}): free space, and send the scan again"
        ) from None
