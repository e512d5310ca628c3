"""How the processes that we start come to their end."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .documents import read_json

# Where a dvc notes its process id beside the outs that its stage writes; a stage runs in the
# folder that holds .dvc, which of a temporary experiment is a folder of its own.
DVC_RWLOCK = Path(".dvc/tmp/rwlock")


def die_with_parent() -> None:
    """End this process when its parent is killed: an orphan would write beside the next run.

    Linux alone has such a signal. Elsewhere an orphan goes on until it would publish what it made
    (`claims`).
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def begin_stage() -> None:
    """Tie this process to the dvc that started it, and end it where that dvc is gone already.

    A stage calls this before it imports anything that takes time: the signal of a parent's death
    comes only to who has asked for it, so the parent is looked for after that.

    Raises:
        SystemExit: the dvc is gone.
    """
    die_with_parent()
    if gone := gone_dvc():
        sys.exit(f"error: dvc (pid {gone}) ended before this stage began: nothing was run")


def gone_dvc() -> int | None:
    """Return the process id of the dvc that started this stage, if it does not run any more.

    Whoever took in an orphan has no sign that it did. So we look for dvc by its own note of who
    writes which out. Started by hand, or without such a note, a stage has no dvc to lose.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    writers = _writers(DVC_RWLOCK)
    if not writers or writers & set(ancestors(os.getpid())):
        return None
    # Where parents of parents are unknown, a parent that is neither dvc nor init may be a shell.
    return min(writers) if sys.platform == "linux" or os.getppid() == 1 else None


def ancestors(process: int) -> Iterator[int]:
    """Yield the parent of a process, its parent and so on: all of them on Linux, else ours."""
    if sys.platform != "linux":
        yield os.getppid()
        return
    while process > 1:
        try:
            about = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it ended meanwhile
            return
        process = int(about.rpartition(")")[2].split()[1])
        yield process


def end_with_starter() -> None:
    """End this worker of a process pool when the process that started it ends, however it does.

    A worker waits for work on a pipe that it holds open itself, so it would wait for ever.
    """
    starter = multiprocessing.parent_process()
    if starter is None:
        return

    def watch() -> None:
        starter.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _writers(rwlock: Path) -> set[int]:
    """Return the ids of the processes that dvc's file says write; dvc writes the file in place."""
    for _ in range(5):
        try:
            content = read_json(rwlock)
        except OSError:
            return set()
        except ValueError:
            time.sleep(0.01)
        else:
            return _pids(content)
    return set()


def _pids(content: Any) -> set[int]:
    try:
        return {int(writer["pid"]) for writer in content.get("write", {}).values()}
    except (AttributeError, KeyError, TypeError, ValueError):  # of another version of dvc
        return set()
