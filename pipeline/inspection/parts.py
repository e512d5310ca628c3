"""Parquet parts of results in a folder or in a bucket; the one module that imports pyarrow."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, get_type_hints

from ..buckets.access import SCHEME, Bucket, bucket_at
from ..plumbing.documents import dump_json
from ..plumbing.errors import ConfigError
from ..plumbing.files import replaced_whole
from .found import UNLIKE
from .results import Result

SUFFIX = ".parquet"
PREFIX = "part-"


@dataclass(frozen=True)
class Counts:
    """How many scans the parts hold, and what became of them."""

    scans: int
    defective: int
    unlike: int
    errors: int

    @property
    def figures(self) -> dict[str, int]:
        return asdict(self)


class _Place(Protocol):
    """Where files lie, by name."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def replace(self, name: str, content: bytes) -> None: ...

    def delete(self, names: Collection[str]) -> None: ...


class ResultParts:
    """The parts of one out, each with the columns of `Result`."""

    def __init__(self, place: _Place) -> None:
        self._place = place

    def names(self) -> set[str]:
        """The parts that are there, without prefix and suffix."""
        return set(self._ours())

    def write(self, name: str, results: Sequence[Result]) -> None:
        """Write a part, whole or not at all."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [asdict(result) for result in results]
        columns = {f.name: [_cell(row[f.name]) for row in rows] for f in fields(Result)}
        table = pa.table(columns, schema=_schema())
        content = io.BytesIO()
        pq.write_table(table, content, compression="zstd")
        self._place.replace(f"{PREFIX}{name}{SUFFIX}", content.getvalue())

    def keep(self, names: Collection[str]) -> None:
        """Remove every other part."""
        others = [file for name, file in self._ours().items() if name not in names]
        self._place.delete(others)

    def counts(self) -> Counts:
        """Count what all parts hold."""
        import pyarrow.parquet as pq

        scans = defective = unlike = errors = 0
        for file in self._ours().values():
            content = io.BytesIO(self._place.read(file))
            found = pq.read_table(content, columns=["defective", "error", "status"])
            scans += found.num_rows
            defective += sum(map(bool, found["defective"].to_pylist()))
            unlike += found["status"].to_pylist().count(UNLIKE)
            errors += found.num_rows - found["error"].null_count
        return Counts(scans, defective, unlike, errors)

    def _ours(self) -> dict[str, str]:
        return {
            name.removeprefix(PREFIX).removesuffix(SUFFIX): name
            for name in self._place.names()
            if name.startswith(PREFIX) and name.endswith(SUFFIX)
        }


def parts_at(out: str, scans: str) -> ResultParts:
    """The parts in a folder, which is made, or below s3://BUCKET/PREFIX.

    Args:
        scans: their place, a folder or s3://BUCKET/PREFIX.

    Raises:
        ConfigError: pyarrow is not installed, or the parts would lie among the scans.
        BucketError: see `bucket_at`.
    """
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "--parquet needs pyarrow, which is not installed: pip install 'mentor3ad[parquet]'"
        )
    if _lies_in(out, scans):
        raise ConfigError(f"--out {out} lies in {scans}, among the scans; name another")
    if out.startswith(SCHEME):
        return ResultParts(_InBucket(bucket_at(out)))
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return ResultParts(_InFolder(folder))


def _lies_in(out: str, scans: str) -> bool:
    if out.startswith(SCHEME) or scans.startswith(SCHEME):
        return f"{out}/".startswith(f"{scans}/")
    return Path(out).resolve().is_relative_to(Path(scans).resolve())


@dataclass(frozen=True)
class _InFolder:
    folder: Path

    def names(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if path.is_file()]

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def replace(self, name: str, content: bytes) -> None:
        with replaced_whole(self.folder / name) as part:
            part.write_bytes(content)

    def delete(self, names: Collection[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class _InBucket:
    bucket: Bucket

    def names(self) -> list[str]:
        return [entry.key for entry in self.bucket.entries()]

    def read(self, name: str) -> bytes:
        return self.bucket.read(name)

    def replace(self, name: str, content: bytes) -> None:
        self.bucket.replace(name, content)

    def delete(self, names: Collection[str]) -> None:
        self.bucket.delete(names)


def _schema() -> Any:
    import pyarrow as pa

    kinds = {float: pa.float64(), bool: pa.bool_(), int: pa.int64()}
    hints = get_type_hints(Result)
    return pa.schema(
        [(f.name, kinds.get(_plain(hints[f.name]), pa.string())) for f in fields(Result)]
    )


def _plain(hint: Any) -> Any:
    """The type of a field that may be None."""
    types = [one for one in getattr(hint, "__args__", (hint,)) if one is not type(None)]
    return types[0] if len(types) == 1 and isinstance(types[0], type) else str


def _cell(value: Any) -> Any:
    """A value of a column; what is no plain value is written as JSON."""
    plain = value is None or isinstance(value, str | bool | int | float)
    return value if plain else dump_json(value)
