"""Writes one line for each scan, as JSON Lines or CSV, to standard output and a file."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, Literal

from ..plumbing.cells import safe_cell
from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError, DataError
from ..plumbing.locks import LockedError, lock
from .inspector import Inspection

Format = Literal["jsonl", "csv"]


@dataclass(frozen=True)
class Result:
    """The result of one scan: a score and a decision, or why there are none."""

    id: str
    score: float | None = None
    threshold: float | None = None
    defective: bool | None = None
    seconds: float | None = None
    error: str | None = None
    source: str | None = None  # at a station: a hash of the files' names, sizes and times

    @classmethod
    def of(cls, name: str, found: Inspection | DataError, source: str | None = None) -> "Result":
        if isinstance(found, DataError):
            return cls(name, error=str(found), source=source)
        seconds = round(sum(found.seconds.values()), 4)
        return cls(name, found.score, found.threshold, found.defective, seconds, source=source)


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
        ConfigError: another process writes to it, or it is kept and of the other format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file's name may hold bytes that are no text in UTF-8: they are written as escapes.
    with path.open("a+", encoding="utf-8", newline="", errors="backslashreplace") as file:
        try:
            lock(file, wait=False)
        except LockedError:
            raise ConfigError(
                f"{path} is being written by another process; name another --out"
            ) from None
        file.seek(0)
        text = file.read() if keep else ""
        whole = text[: text.rfind("\n") + 1]
        if whole.encode() != text.encode() or not keep:
            file.truncate(len(whole.encode()))
        sources = _sources(path, whole, form)
        if not whole:
            file.write(header(form))
            file.flush()
        yield file, sources


def _sources(path: Path, text: str, form: Format) -> set[str]:
    try:
        if form == "jsonl":
            rows: list[dict[str, Any]] = [json.loads(row) for row in text.splitlines()]
        else:
            rows = list(csv.DictReader(io.StringIO(text)))
        return {row["source"] for row in rows if row.get("source")}
    except (ValueError, AttributeError, csv.Error) as error:
        raise ConfigError(
            f"{path} is not a journal of ours ({error}); move it away, or name another --out"
        ) from None
