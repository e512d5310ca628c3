"""Compares the outs of two finished projects, file by file, to the byte.

    python -m bench.outs ONE OTHER

prints each file that only one of them has and each that differs; of a JSON file, by which keys. It
ends with exit code 1 where anything differs, so that "the same results" is a command.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mentor3ad.params.dag import DAG_FILE, load_dag


def out_folders(project: Path) -> list[str]:
    """The first two folders of every out under data/ that dvc.yaml names, such as data/votes."""
    stages = load_dag(project / DAG_FILE).values()
    names = [Path(out) for stage in stages for out in stage.outs]
    return sorted({"/".join(name.parts[:2]) for name in names if name.parts[0] == "data"})


def files(project: Path, folder: str) -> dict[str, Path]:
    """Every file below a folder by its path in the project; none where the folder is missing."""
    found = (path for path in (project / folder).rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix(): path for path in found}


def differences(one: Path, other: Path) -> Iterator[str]:
    """A line for each file of the outs that is not the same in both projects."""
    for folder in sorted({*out_folders(one), *out_folders(other)}):
        ours, theirs = files(one, folder), files(other, folder)
        for name in sorted(ours.keys() ^ theirs.keys()):
            yield f"{name}: only in {one if name in ours else other}"
        for name in sorted(ours.keys() & theirs.keys()):
            if _sha256(ours[name]) != _sha256(theirs[name]):
                yield f"{name}: {_what_differs(ours[name], theirs[name])}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _what_differs(one: Path, other: Path) -> str:
    if one.suffix != ".json":
        return "the bytes differ"
    pairs = _pairs(json.loads(one.read_text()), json.loads(other.read_text()), "")
    keys = sorted(set(pairs))
    return ", ".join(keys) or "the same values in other words"


def _pairs(one: Any, other: Any, place: str) -> Iterator[str]:
    """The keys, without positions in lists, at which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            inner = f"{place}.{key}" if place else str(key)
            yield from _pairs(one.get(key), other.get(key), inner)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for a, b in zip(one, other, strict=True):
            yield from _pairs(a, b, place)
    elif one != other:
        yield place


def main(one: Path, other: Path) -> int:
    folders = out_folders(one)
    count = sum(len(files(one, folder)) for folder in folders)
    found = list(differences(one, other))
    for line in found:
        print(line)
    print(f"{count} files in {', '.join(folders)}; {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
