"""Writes one line for each scan, as JSON Lines or CSV, to standard output and a file."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from ..plumbing.cells import safe_cell
from ..plumbing.documents import SMALL, DocumentError, dump_json, parse_json, read_lines
from ..plumbing.errors import ConfigError, DataError, UnlikeTrainingError
from ..plumbing.locks import LockedError, lock
from .found import UNLIKE, Inspection, Status
from .regions import DefectRegion, regions

Format = Literal["jsonl", "csv"]
ResultStatus = Status | Literal["error"]


@dataclass(frozen=True)
class Result:
    """The result of one scan: a score and a decision, or why there are none.

    A scan that is unlike the training has a score where the networks saw it, and never a decision.
    """

    id: str
    score: float | None = None
    threshold: float | None = None
    defective: bool | None = None
    seconds: float | None = None
    error: str | None = None
    source: str | None = None  # at a station: a hash of the files' names, sizes and times
    status: ResultStatus = "error"
    reason: str | None = None  # why it is unlike the training
    time: str | None = None  # of the decision, UTC
    bundle: str | None = None  # version of the bundle
    shares: Mapping[str, float] | None = None  # of the score maps in the score
    regions: Sequence[DefectRegion] | None = None  # above the threshold, of a defective part

    @classmethod
    def of(
        cls,
        name: str,
        found: Inspection | DataError,
        source: str | None = None,
        bundle: str | None = None,
    ) -> "Result":
        about = cls(name, source=source, time=_now(), bundle=bundle)
        if isinstance(found, UnlikeTrainingError):
            return replace(about, status=UNLIKE, reason=str(found))
        if isinstance(found, DataError):
            return replace(about, error=str(found))
        decided = found.unlike is None
        return replace(
            about,
            score=found.score,
            threshold=found.threshold,
            defective=found.defective if decided else None,
            seconds=round(sum(found.seconds.values()), 4),
            status=found.status,
            reason=found.unlike,
            shares={name: round(share, 4) for name, share in found.shares.items()} or None,
            regions=regions(found) if decided and found.defective else None,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


COLUMNS = [field.name for field in fields(Result)]


def line(result: Result, form: Format) -> str:
    """A result's line. Numbers are written in full: reading them gives the same bits."""
    values = {name: _text(value) for name, value in asdict(result).items()}
    if form == "csv":
        return _csv_line([_cell(value) for value in values.values()])
    return dump_json({name: value for name, value in values.items() if value is not None}) + "\n"


def _text(value: Any) -> Any:
    """A value whose text is Unicode: bytes of a file's name that are none become escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def header(form: Format) -> str:
    """The line above all others; there is none in JSON Lines."""
    return _csv_line(COLUMNS) if form == "csv" else ""


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list, tuple)):
        value = dump_json(value)
    return "" if value is None else safe_cell(value)


def _csv_line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


@contextmanager
def results_file(path: Path, form: Format, keep: bool) -> Iterator[tuple[IO[str], set[str]]]:
    """Yield the file to append lines to, and the sources of the lines that are in it.

    Args:
        keep: go on with the file that is there, without a last line that was cut off; else the
            file is begun anew.

    Raises:
        ConfigError: another process writes to it, it is no regular file, or it is kept and is
            damaged or of the other format.
    """
    if path.exists() and not path.is_file():  # a FIFO would be waited for
        raise ConfigError(f"{path} is no regular file; move it away, or name another --out")
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file's name may hold bytes that are no text in UTF-8: they are written as escapes.
    with path.open("a+", encoding="utf-8", newline="", errors="backslashreplace") as file:
        try:
            lock(file, wait=False)
        except LockedError:
            raise ConfigError(
                f"{path} is being written by another process; name another --out"
            ) from None
        whole, sources = _kept(path, form) if keep else (0, set())
        file.truncate(whole)
        if not whole:
            file.write(header(form))
            file.flush()
        yield file, sources


def _kept(path: Path, form: Format) -> tuple[int, set[str]]:
    """Bytes of a journal without a last line that was cut off, and the sources that it names."""
    length, sources = 0, set[str]()

    def texts() -> Iterator[str]:
        nonlocal length
        for record in _records(path, form):
            length += len(record)
            yield record.decode("utf-8", "backslashreplace")

    try:
        for row in map(parse_json, texts()) if form == "jsonl" else csv.DictReader(texts()):
            source = row.get("source")
            if form == "csv" and (source is None or set(row) != set(COLUMNS)):
                raise ValueError("its columns are not those of this release")
            if source and isinstance(source, str):
                sources.add(source)
    except (ValueError, AttributeError, csv.Error) as error:
        raise ConfigError(
            f"{path} is not a journal of ours ({error}); move it away, or name another --out"
        ) from None
    return length, sources


def _records(path: Path, form: Format) -> Iterator[bytes]:
    """The whole records of a journal; one of CSV goes on over line ends within quotes."""
    record = b""
    for text in read_lines(path):
        record += text
        if len(record) > SMALL:
            raise DocumentError(f"has a record of over {SMALL} bytes")
        if text.endswith(b"\n") and (form == "jsonl" or record.count(b'"') % 2 == 0):
            yield record
            record = b""
