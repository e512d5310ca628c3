"""System calls that fail: the n-th open, read, write, fsync, rename or mkdir, for every n.

Counted are the calls on files below the project's folder, by Python and by libraries alike; what
the C library calls within itself (`fopen`) and what is mapped into memory is not reached.
"""

import ctypes
import errno
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from testbed.clone import CATEGORY

from . import forked
from .forked import Command, Ended
from .project import BUNDLE, MODEL, Base, remove, state
from .tally import HALF, HARMLESS, SILENT, STUCK, Tally, Verdict

SOURCE = Path(__file__).with_name("inject.c")
LIBRARY = "MENTOR3AD_FAULTS"  # names the library that this process was started with
KINDS = ("open", "read", "write", "fsync", "rename", "mkdir")
ERRORS = {
    "open": (errno.EACCES, errno.EMFILE, errno.EIO),
    "read": (errno.EIO,),
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO, errno.ENOSPC),
    "rename": (errno.EACCES, errno.EROFS, errno.ENOSPC),
    "mkdir": (errno.ENOSPC, errno.EACCES, errno.EROFS),
}
LASTING = {errno.ENOSPC, errno.EROFS, errno.EMFILE}  # the next call fails as well
SUBJECTS = ("prepare", "extract", "train_mfm", "train_mgm", "score", "vote", "evaluate", "bundle")


@dataclass(frozen=True)
class Subject:
    """A command that makes one thing of a project."""

    name: str
    command: Command
    out: str


def subjects(base: Base) -> list[Subject]:
    """The stages that the campaign covers, and `mentor3ad bundle`."""
    stages = [Subject(s, forked.stage(s, CATEGORY), base.out(s)) for s in SUBJECTS[:-1]]
    found = [*stages, Subject("bundle", BUNDLE, MODEL)]
    return [one for one in found if base.tries(one.name)]


def folder() -> Path | None:
    """The folder of the library that this process was started with; None: with none."""
    return Path(os.environ[LIBRARY]).parent if LIBRARY in os.environ else None


def load_library(folder: Path) -> None:
    """Become the same command with the library loaded, if it is not yet.

    Raises:
        FileNotFoundError: the machine has no C compiler.
    """
    if LIBRARY in os.environ:
        return
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise FileNotFoundError("no C compiler (cc, gcc or clang), which this kind needs")
    library = folder / "inject.so"
    options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    names = {LIBRARY: str(library), "LD_PRELOAD": str(library)}
    os.execve(sys.executable, sys.orig_argv, os.environ | names)


def calls(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Let every call of every subject fail once, or a random choice of `trials` of them."""
    library = ctypes.CDLL(os.environ[LIBRARY])
    library.faults_seen.restype = ctypes.c_long
    points = []
    for subject in subjects(base):
        root = _without_out(base, subject)
        for kind, number in _count(library, subject, root).items():
            points += [(subject, kind, n) for n in range(1, number + 1)]
        reference = state(root / subject.out)
        base.references[subject.name] = reference
    chosen = rng.sample(range(len(points)), min(trials, len(points)))  # in any order
    mended: set[object] = set()  # what faults left, after which a rerun went well
    tally.notes["calls of a run, each of which can fail"] = len(points)
    for index in chosen:
        subject, kind, n = points[index]
        error = rng.choice(ERRORS[kind])
        what = f"{kind} {n} fails with {errno.errorcode[error]}"
        verdict, text = _one(base, library, subject, (kind, n, error), mended)
        tally.add(f"{subject.name}, {kind}", verdict, f"{what}: {text}")
        yield


def _one(
    base: Base,
    library: ctypes.CDLL,
    subject: Subject,
    fault: tuple[str, int, int],
    mended: set[object],
) -> tuple[Verdict, str]:
    root = _without_out(base, subject)
    before, reference = _files(root), base.references[subject.name]
    ended = forked.run(subject.command, root, before=lambda: _arm(library, root, *fault))
    out = root / subject.out
    whole = state(out) == reference if out.exists() else None
    if ended.fault is None:
        return (HARMLESS if whole else SILENT), ended.last_line
    verdict = ended.fault
    if not verdict.bad and whole is False:
        verdict = HALF
    left = subject.name, _left(root, before)
    if not verdict.bad and left[1] and left not in mended:
        remove(out)  # as DVC does before it runs a stage
        again = forked.run(subject.command, root)
        if again.code or state(out) != reference:
            return STUCK, f"{ended.last_line}; then {again.last_line}"
        mended.add(left)
    return verdict, _shown(ended)


def _without_out(base: Base, subject: Subject) -> Path:
    root = base.copy()
    remove(root / subject.out)
    return root


def _count(library: ctypes.CDLL, subject: Subject, root: Path) -> dict[str, int]:
    """How many calls of each kind the subject makes when all goes well."""
    with tempfile.NamedTemporaryFile("r") as file:
        name = file.name

        def before() -> None:
            _arm(library, root, "open", 0, 0)
            leave = os._exit

            def exit_counted(code: int) -> None:
                library.faults_disarm()
                numbers = [library.faults_seen(i) for i in range(len(KINDS))]
                Path(name).write_text(" ".join(map(str, numbers)), encoding="ascii")
                leave(code)

            os._exit = exit_counted  # type: ignore[assignment]

        ended = forked.run(subject.command, root, before=before)
        if ended.code:
            raise RuntimeError(f"{subject.command} fails without a fault:\n{ended.text}")
        numbers = map(int, file.read().split())
        return dict(zip(KINDS, numbers, strict=True))


def _arm(library: ctypes.CDLL, root: Path, kind: str, n: int, error: int) -> None:
    folder = os.fsencode(root.resolve())
    library.faults_arm(folder, KINDS.index(kind), ctypes.c_long(n), error, error in LASTING)


def _files(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file, hidden ones as well."""
    found = [(path, path.lstat()) for path in root.rglob("*")]
    return {str(path): (s.st_size, s.st_mtime_ns) for path, s in found if not path.is_dir()}


def _left(root: Path, before: Mapping[str, tuple[int, int]]) -> frozenset[tuple[str, str]]:
    """What a fault left: the files that are new or changed with their content, and those gone.

    Two faults that left the same need one rerun. A lock's file names the process that held it.
    """
    after = _files(root)
    gone = {(name, "") for name in before.keys() - after.keys()}
    changed = (Path(name) for name, about in after.items() if before.get(name) != about)
    return frozenset(gone | {(str(path), _content(path)) for path in changed})


def _content(path: Path) -> str:
    return "a lock" if path.suffix == ".lock" else hashlib.sha256(path.read_bytes()).hexdigest()


def _shown(ended: Ended) -> str:
    return ended.last_line
