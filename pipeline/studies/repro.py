"""Runs `dvc repro` for people: which stages ran, how long they took, and one sentence on a failure.

DVC writes a line for each stage on standard output. Standard error has the stages' progress bars,
log lines and errors, and DVC's own; it is passed on but for what is told in other words.
"""

from __future__ import annotations

import codecs
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..doctor.leftovers import check_rwlock
from ..plumbing.errors import TrainingError
from ..plumbing.processes import die_with_parent
from .runner import environment, sigterm_interrupts

_RUNNING = re.compile(r"Running stage '([^@']+)(?:@(.+))?':")
_UNCHANGED = re.compile(r"Stage '.+' didn't change, skipping")
_RESTORED = re.compile(r"Stage '.+' is cached - skipping run, checking out outputs")
_OF_DVC = re.compile(
    r"> |Updating lock file|Generating lock file|To track the changes|\s+git add |"
    r"To enable auto staging|\s+dvc config |Use `dvc push`|Verifying data sources|"
    r"Data and pipelines are up to date|\s*$"
)
_FIGURES = re.compile(r"\w+: (category .+, )?seconds [\d.e+-]+, memory_mb ")  # a stage's log line
_CLEARED = "in RWLock-file"  # dvc's warning that it cleared up after a killed one
_SUMMED_UP = ("report", "")  # whose table is for who runs DVC alone
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ENDS_S = 10.0  # that dvc has after an interrupt, which it gets too


@dataclass(frozen=True)
class StageRun:
    """A stage that ran; `category` is empty where the stage covers all."""

    stage: str
    category: str
    seconds: float


@dataclass
class Repro:
    """What `dvc repro` did.

    Attributes:
        ran: the stages that ran, in their order.
        restored: stages whose results came from DVC's cache of runs.
        unchanged: stages that were up to date.
        seconds: of all.
    """

    ran: list[StageRun] = field(default_factory=list)
    restored: int = 0
    unchanged: int = 0
    seconds: float = 0.0


def repro(folder: Path, tell: Callable[[str], None]) -> Repro:
    """Run what is out of date in a project.

    Args:
        folder: of dvc.yaml.
        tell: is called with a line when a stage begins, and with each line that a stage prints.

    Raises:
        TrainingError: a stage failed, or DVC itself; one sentence says why.
        ConfigError: a killed dvc left the project so that DVC runs nothing.
    """
    check_rwlock(folder)
    start = time.monotonic()
    with sigterm_interrupts(), _Process(folder) as process:
        watched = _Watched(tell)
        for line in process.output:
            watched.see(line.rstrip("\n"))
        code = process.wait()
        watched.end()
    if code:
        raise TrainingError(_failure(watched, process.errors, code))
    watched.done.seconds = time.monotonic() - start
    return watched.done


class _Watched:
    """Follows the lines of DVC."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.done = Repro()
        self.now: tuple[str, str] | None = None
        self._tell, self._since = tell, 0.0

    def see(self, line: str) -> None:
        if found := _RUNNING.match(line):
            self.end()
            self.now, self._since = (found[1], found[2] or ""), time.monotonic()
            self._tell(" ".join(filter(None, self.now)))
        elif _UNCHANGED.match(line):
            self.end()
            self.done.unchanged += 1
        elif _RESTORED.match(line):
            self.end()
            self.done.restored += 1
        elif not _OF_DVC.match(line) and self.now != _SUMMED_UP:
            self._tell(f"  {line}")

    def end(self) -> None:
        """Note the stage that ran until now."""
        if self.now is not None:
            self.done.ran.append(StageRun(*self.now, time.monotonic() - self._since))
        self.now = None


class _Errors(threading.Thread):
    """Passes standard error on, and keeps the sentences on failures for the end."""

    def __init__(self, source: int) -> None:
        super().__init__(daemon=True)
        self.ours = self.dvcs = ""
        self._source, self._rest = source, ""

    def run(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while chunk := _read(self._source):
            text = self._rest + decoder.decode(chunk)
            *whole, self._rest = re.split(r"(?<=[\n\r])", text)
            for piece in whole:
                self._pass_on(piece)
        self._pass_on(self._rest)

    def _pass_on(self, piece: str) -> None:
        line = _COLOUR.sub("", piece).strip()
        if line.startswith("error: "):
            self.ours = line.removeprefix("error: ")
        elif line.startswith("ERROR: "):
            self.dvcs = line.removeprefix("ERROR: ")
        elif not self._is_told_otherwise(piece, line):
            sys.stderr.write(piece)
            sys.stderr.flush()

    @staticmethod
    def _is_told_otherwise(piece: str, line: str) -> bool:
        empty = piece.endswith("\n") and not line
        return bool(empty or _FIGURES.match(line) or _CLEARED in line)


class _Process:
    """A `dvc repro`; it ends with this process, however that ends."""

    def __init__(self, folder: Path) -> None:
        source, sink = _terminal() if sys.stderr.isatty() else os.pipe()
        self._dvc = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=folder,
            env=environment(1),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent,
        )
        os.close(sink)
        self.errors = _Errors(source)
        self.errors.start()

    @property
    def output(self) -> IO[str]:
        assert self._dvc.stdout is not None
        return self._dvc.stdout

    def wait(self) -> int:
        code = self._dvc.wait()
        self.errors.join(_ENDS_S)
        return code

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._dvc.poll() is None:
            try:
                self._dvc.wait(_ENDS_S if kind is KeyboardInterrupt else 0)
            except subprocess.TimeoutExpired:
                self._dvc.terminate()
                self._dvc.wait()
        self.output.close()


def _terminal() -> tuple[int, int]:
    """A terminal of our own, so that stages draw their progress bars; its width is ours."""
    import fcntl
    import pty
    import termios

    source, sink = pty.openpty()
    options = termios.tcgetattr(sink)
    options[1] &= ~termios.OPOST  # line ends stay as they are written
    termios.tcsetattr(sink, termios.TCSANOW, options)
    size = fcntl.ioctl(sys.stderr.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(sink, termios.TIOCSWINSZ, size)
    return source, sink


def _read(source: int) -> bytes:
    try:
        return os.read(source, 65536)
    except OSError:  # the other end of a terminal was closed
        return b""


def _failure(watched: _Watched, errors: _Errors, code: int) -> str:
    if not watched.done.ran:
        return errors.ours or errors.dvcs or f"dvc ended with exit code {code}"
    last = watched.done.ran[-1]
    where = f"{last.stage} of {last.category}" if last.category else last.stage
    why = errors.ours or errors.dvcs or f"dvc ended with exit code {code}"
    if not errors.ours and re.search(r"exited with (-9|137)\b", why):
        why = (
            "the system ended it, as it does where memory is short: end other programs, or lower "
            "runtime.workers, runtime.memory_gb or features.shard"
        )
    return f"{where} stopped: {why.rstrip('.')}; `mentor3ad train` goes on there"
