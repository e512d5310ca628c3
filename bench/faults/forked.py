"""Runs commands in forks of this process, which has the heavy imports behind it.

A stage of a tiny project computes for less time than its imports take. A fork has them at once,
so that ten times as many faults can be tried. Everything else is as in a process of its own: the
command line, the working folder, the death signal, the exit code and the two streams.
"""

import os
import resource
import runpy
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from mentor3ad.plumbing.errors import one_sentence

from .tally import CRASHED, HUNG, REFUSED, TRACEBACK, Verdict

STAGES = (
    *("prepare", "extract", "train_mfm", "train_mgm"),
    *("score", "vote", "evaluate", "rivals", "report"),
)
ROOMS = (  # what commands import only when they run
    *("cli.main", "inspection.run", "inspection.export", "inspection.inspector"),
    *("validation.category", "validation.report", "studies.definition"),
)
LATE = ("torch._inductor", "timm", "matplotlib.backends.backend_agg")  # imported on first use
POLL_S = 0.005


@dataclass(frozen=True)
class Command:
    """A module to run as `python -m MODULE ARGUMENTS`."""

    module: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.module, *self.arguments))


Action = Command | Callable[[], object]


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; minus the signal that ended it.
        text: what it wrote to both streams.
        peak: bytes resident at most, beyond what it began with.
        hung: it was killed since it took too long.
    """

    code: int
    text: str
    seconds: float
    peak: int
    hung: bool

    @property
    def fault(self) -> Verdict | None:
        """What is bad about the end itself, or that it was a refusal; None: it ended well."""
        if self.hung:
            return HUNG
        if "Traceback (most recent call last)" in self.text:
            return TRACEBACK
        if self.code < 0:
            return CRASHED
        return REFUSED if self.code else None

    @property
    def last_line(self) -> str:
        """The last line that is not empty, at most 200 characters."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-1].strip()[:200] if lines else ""


def stage(name: str, category: str) -> Command:
    """The command of a stage of dvc.yaml."""
    return Command(f"stages.{name}", () if name == "report" else ("--category", category))


def preload() -> None:
    """Import what the stages and commands import, so that a fork need not."""
    for name in STAGES:
        import_module(f"stages.{name}")
        del sys.modules[f"stages.{name}"]  # it is run, not imported
    for name in (*(f"mentor3ad.{room}" for room in ROOMS), *LATE):
        import_module(name)


def run(
    command: Action,
    folder: Path,
    limit_s: float = 120.0,
    before: Callable[[], object] = lambda: None,
    memory: int | None = None,
) -> Ended:
    """Run a command in a fork, in a folder, and wait for its end.

    Args:
        command: or a function, whose errors are shown as those of a command.
        before: is called in the fork, before the command.
        memory: bytes of address space that it may take beyond what this process has.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = spawn(command, folder, output.fileno(), before, memory)
        status, usage, hung = _wait(child, start + limit_s)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read().decode(errors="replace")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = max(0, usage.ru_maxrss - own) * 1024
    return Ended(os.waitstatus_to_exitcode(status), text, seconds, peak, hung)


def spawn(
    command: Action,
    folder: Path,
    output: int,
    before: Callable[[], object] = lambda: None,
    memory: int | None = None,
) -> int:
    """Start a command in a fork, in a session of its own; returns its process id."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            _become(command, folder, output, before, memory)
        finally:
            os._exit(70)
    return child


def _become(
    command: Action,
    folder: Path,
    output: int,
    before: Callable[[], object],
    memory: int | None,
) -> NoReturn:
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.chdir(folder)
    if isinstance(command, Command):
        sys.argv = [command.module, *command.arguments]
    if memory is not None:
        limit = _address_space() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    code = 0
    try:
        before()
        if isinstance(command, Command):
            runpy.run_module(command.module, run_name="__main__", alter_sys=True)
        else:
            with one_sentence():
                command()
    except SystemExit as ended:
        code = _exit_code(ended.code)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 255
    print(code, file=sys.stderr)
    return 1


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _wait(child: int, deadline: float) -> tuple[int, resource.struct_rusage, bool]:
    hung = False
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage, hung
        if time.perf_counter() > deadline and not hung:
            hung = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(POLL_S)


def wait(child: int, limit_s: float) -> int:
    """Wait for a process that `spawn` started; returns its exit code, minus the signal."""
    return os.waitstatus_to_exitcode(_wait(child, time.perf_counter() + limit_s)[0])


def environment(extra: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """One thread for each library, whose pools do not survive a fork."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return os.environ | threads | dict(extra)
