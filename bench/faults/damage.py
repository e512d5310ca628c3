"""Damaged files: of every out and of a bundle, and what reads them next.

A reader must refuse with a sentence, or end with the bytes that it ends with without the damage.
"""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mentor3ad.params.dag import DAG_FILE, load_dag
from testbed.clone import CATEGORY

from . import forked
from .forked import Command, Ended
from .project import MODEL, OTHER, SCANS, Base, remove, state, variant
from .tally import HARMLESS, SILENT, Tally, Verdict

PREDICT = Command("mentor3ad.cli", ("predict", "--category", CATEGORY, SCANS, "--device", "cpu"))
INSPECT = Command("mentor3ad.cli", ("predict", "--bundle", MODEL, SCANS, "--device", "cpu"))
PACK = Command("mentor3ad.cli", ("bundle", "--category", CATEGORY, "--out", "made"))
VERIFY = Command("mentor3ad.cli", ("verify",))
VERIFY_BUNDLE = Command("mentor3ad.cli", ("verify", MODEL))
FINISHED = ("train_mfm", "train_mgm", "vote")  # what the commands read of a project


@dataclass(frozen=True)
class Reader:
    """A command that reads what was damaged.

    Attributes:
        out: what it makes, in the project; None: what it prints is its result.
        checks: its exit code alone says whether all is well.
    """

    name: str
    command: Command
    out: str | None = None
    checks: bool = False


@dataclass(frozen=True)
class Target:
    """A file that can be damaged."""

    path: str  # in the project
    out: str  # the out, or the bundle, that it is part of
    row: str
    readers: tuple[Reader, ...]


@dataclass(frozen=True)
class Damaged:
    """What a file becomes; None: it is deleted."""

    what: str
    content: bytes | None


def damage(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Damage so many files, each chosen by chance, and let one of its readers read it."""
    sources = _prepare(base)
    root = base.copy()
    targets = [one for one in _targets(base, root) if base.tries(one.row)]
    references = {r.name: _result(root, r, forked.run(r.command, root)) for r in _all(targets)}
    for number in range(trials):
        if number % 100 == 0:
            root = base.copy()
        target = rng.choice(targets)
        reader = rng.choice(target.readers)
        hurt = rng.choice(KINDS)(rng, target, root, sources)
        if hurt is None or hurt.content == (root / target.path).read_bytes():
            continue
        verdict, line = _one(base, root, target, reader, hurt, references[reader.name])
        row = f"{target.row}, by verify" if reader.checks else target.row
        tally.add(row, verdict, f"{hurt.what} {target.path}, read by {reader.name}: {line}")
        if verdict is HARMLESS:
            tally.notes[f"{_pattern(target.path)} by {reader.name}"] += 1
        yield


def _one(
    base: Base, root: Path, target: Target, reader: Reader, hurt: Damaged, reference: object
) -> tuple[Verdict, str]:
    path = root / target.path
    if hurt.content is None:
        path.unlink()
    else:
        path.write_bytes(hurt.content)
    if reader.out is not None and not reader.out.startswith("reports"):
        remove(root / reader.out)
    ended = forked.run(reader.command, root)
    verdict = ended.fault
    if reader.checks and ended.code == 0:
        verdict = SILENT
    elif verdict is None or (reader.name.startswith("predict") and ended.code in (3, 4, 5)):
        same = _result(root, reader, ended) == reference
        verdict = ended.fault if _bad(ended) else HARMLESS if same else SILENT
        if ended.code in (4, 5):
            verdict = ended.fault
    assert verdict is not None
    _restore(base, root, target.path)
    _restore(base, root, reader.out)
    remove(root / ".staging")
    return verdict, ended.last_line


def _bad(ended: Ended) -> bool:
    return ended.fault is not None and ended.fault.bad


def _restore(base: Base, root: Path, name: str | None) -> None:
    if name is None:
        return
    remove(root / name)
    source = base.root / name
    if source.is_dir():
        shutil.copytree(source, root / name)
    elif source.is_file():
        shutil.copyfile(source, root / name)


def _result(root: Path, reader: Reader, ended: Ended) -> object:
    """What a reader made, to be compared: files, or the lines of its results."""
    if reader.out is not None:
        found = state(root / reader.out) if (root / reader.out).exists() else {}
        return {name: sha for name, sha in found.items() if name != "index.html"}
    lines = (json.loads(line) for line in ended.text.splitlines() if line.startswith("{"))
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def _prepare(base: Base) -> dict[str, Path]:
    """A bundle in the base; the same outs of another category, and of older params."""
    base.bundle()
    older = {"features.seed": 1, "model.seed": 1, "data.crop": "part", "evaluate.panels": 2}
    return {
        "other": variant(base, "other", OTHER),
        "older": variant(base, "older", CATEGORY, **older),
    }


def _targets(base: Base, root: Path) -> Iterator[Target]:
    dag = load_dag(root / DAG_FILE)
    verify = (Reader("verify", VERIFY, checks=True),) if _has_verify(root) else ()
    for stage in forked.STAGES[:-1]:
        out = base.out(stage)
        readers = [
            Reader(name, forked.stage(name, CATEGORY), base.out(name))
            for name in forked.STAGES
            if any(
                out.startswith(dep.replace("${item.category}", CATEGORY)) for dep in dag[name].deps
            )
        ]
        if stage in FINISHED:
            readers += [Reader("predict", PREDICT), Reader("bundle", PACK, "made")]
        for path in _files(root / out):
            name = path.relative_to(root).as_posix()
            yield Target(name, out, stage, (*readers, *verify))
    verify = (Reader("verify bundle", VERIFY_BUNDLE, checks=True),) if verify else ()
    for path in _files(root / MODEL):
        name = path.relative_to(root).as_posix()
        yield Target(name, MODEL, "bundle", (Reader("predict bundle", INSPECT), *verify))


def _has_verify(root: Path) -> bool:
    return forked.run(Command("mentor3ad.cli", ("verify", "--help")), root).code == 0


def _all(targets: list[Target]) -> list[Reader]:
    return list({reader.name: reader for target in targets for reader in target.readers}.values())


def _files(out: Path) -> list[Path]:
    return [out] if out.is_file() else sorted(path for path in out.rglob("*") if path.is_file())


def _flip(rng: random.Random, target: Target, root: Path, _: dict[str, Path]) -> Damaged | None:
    content = bytearray((root / target.path).read_bytes())
    if not content:
        return None
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    return Damaged(f"flip bit {bit} of", bytes(content))


def _truncate(rng: random.Random, target: Target, root: Path, _: dict[str, Path]) -> Damaged | None:
    content = (root / target.path).read_bytes()
    if not content:
        return None
    length = rng.choice((0, rng.randrange(len(content)), len(content) - 1))
    return Damaged(f"truncate to {length} bytes", content[:length])


def _delete(rng: random.Random, target: Target, root: Path, _: dict[str, Path]) -> Damaged | None:
    return Damaged("delete", None)


def _swap(rng: random.Random, target: Target, root: Path, _: dict[str, Path]) -> Damaged | None:
    path = root / target.path
    others = [p for p in _files(root / target.out) if p != path]
    alike = [p for p in others if p.suffix == path.suffix] or others
    if not alike:
        return None
    other = rng.choice(alike)
    return Damaged(f"put {other.relative_to(root)} in the place of", other.read_bytes())


def _other(
    rng: random.Random, target: Target, root: Path, sources: dict[str, Path]
) -> Damaged | None:
    return _from(sources["other"], target.path.replace(CATEGORY, OTHER), "another category's")


def _older(
    rng: random.Random, target: Target, root: Path, sources: dict[str, Path]
) -> Damaged | None:
    return _from(sources["older"], target.path, "an older")


def _from(source: Path, name: str, what: str) -> Damaged | None:
    path = source / name
    return Damaged(what, path.read_bytes()) if path.is_file() else None


KINDS: tuple[Callable[..., Damaged | None], ...] = (
    *(_flip, _flip, _truncate, _delete, _swap, _other, _older),
)


def _pattern(name: str) -> str:
    """A file's path with its numbers taken out, so that shards and maps are one line."""
    return "/".join("*" if part.split(".")[0].isdigit() else part for part in name.split("/"))
