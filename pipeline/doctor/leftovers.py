"""What processes that were killed have left in a project."""

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..plumbing.documents import read_json
from ..plumbing.errors import ConfigError
from ..plumbing.files import leftovers, remove_leftovers
from ..plumbing.locks import LockedError, locked
from ..plumbing.processes import DVC_RWLOCK
from ..publishing.writer import DONE, LOCK, STORE
from .ailment import Ailment
from .running import is_running, running_dvc

STAGING = Path(".staging")
EXPERIMENTS = Path(".dvc/tmp/exps/standalone")  # folders of `dvc exp run --temp`
GIT_LOCK = Path(".git/index.lock")
OLD_S = 7 * 24 * 3600.0
STILL_S = 600.0  # git holds its lock for seconds


def find_leftovers(root: Path) -> Iterator[Ailment]:
    """Yield what was left in a project."""
    yield from find_rwlock(root)
    yield from _unfinished_stores(root)
    yield from _partial_outs(root)
    yield from _experiments(root)
    yield from _git_lock(root)


def check_rwlock(root: Path) -> None:
    """Raise ConfigError where DVC could start no stage in a project, and would not say why."""
    for ailment in find_rwlock(root):
        raise ConfigError(f"{ailment.what}, or run `mentor3ad doctor --fix`")


def find_rwlock(root: Path) -> Iterator[Ailment]:
    """Yield what is wrong with DVC's file of who reads and writes what.

    DVC writes it in place, so a kill may leave it empty. It removes who does not run any more by
    itself; a process that has the id of one that was killed stays in it.
    """
    path = root / DVC_RWLOCK
    if not path.is_file():
        return
    mend = None if running_dvc(root) else partial(path.unlink, missing_ok=True)
    remedy = f"remove it (`rm {path}`) while no dvc runs here"
    try:
        others = {pid for pid in _noted(read_json(path)) if _is_other(pid)}
    except OSError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        yield Ailment(
            f"{path} is empty or damaged by a dvc that was killed, so no stage starts: {remedy}",
            mend,
        )
        return
    for pid in sorted(others):
        yield Ailment(
            f"{path} names process {pid}, which is no dvc any more, so its stage does not start: "
            f"{remedy}",
            mend,
        )


def _noted(content: Any) -> set[int]:
    writers = [writer["pid"] for writer in content.get("write", {}).values()]
    readers = [reader["pid"] for each in content.get("read", {}).values() for reader in each]
    return {int(pid) for pid in (*writers, *readers)}


def _is_other(pid: int) -> bool:
    return is_running(pid) and not is_running(pid, "dvc")


def _unfinished_stores(root: Path) -> Iterator[Ailment]:
    for folder in sorted((root / STAGING).glob("*")):
        if not ((folder / STORE).is_dir() or (folder / DONE).is_dir()):
            continue
        days = _untouched_s(folder) / 86400
        if days * 86400 < OLD_S:
            continue
        yield Ailment(
            f"{folder} is an unfinished store of {_megabytes(folder)} MB, untouched for {days:.0f} "
            "days: remove it, or run `dvc repro`, which goes on with it if it still fits",
            partial(_remove_staging, folder),
        )


def _remove_staging(folder: Path) -> None:
    try:
        with locked(folder / LOCK, LockedError):
            shutil.rmtree(folder)
    except LockedError:
        return  # a stage has just taken it up


def _partial_outs(root: Path) -> Iterator[Ailment]:
    for parent in (*sorted((root / "data").glob("*/")), root / "reports"):
        for folder in leftovers(parent):
            yield Ailment(
                f"{folder} is what a killed stage had not finished: remove it",
                partial(remove_leftovers, folder.parent, folder.name),
            )


def _experiments(root: Path) -> Iterator[Ailment]:
    if running_dvc(root):
        return
    for folder in sorted((root / EXPERIMENTS).glob("*/")):
        yield Ailment(
            f"{folder} is the folder of an experiment that was killed, {_megabytes(folder)} MB: "
            "remove it",
            partial(shutil.rmtree, folder, ignore_errors=True),
        )


def _git_lock(root: Path) -> Iterator[Ailment]:
    path = root / GIT_LOCK
    if path.exists() and time.time() - path.lstat().st_mtime > STILL_S:
        yield Ailment(
            f"{path} was left by a git that was killed, so no commit can be made: remove it "
            f"(`rm {path}`) if no git runs here"
        )


def _untouched_s(folder: Path) -> float:
    """Return the seconds since anything in a folder was changed."""
    times = [path.lstat().st_mtime for path in (folder, *folder.rglob("*")) if path.exists()]
    return time.time() - max(times, default=0.0)


def _megabytes(folder: Path) -> int:
    return round(sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6)
