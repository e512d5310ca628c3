"""Runs what a study lacks: a `dvc exp run --temp` for each experiment, several side by side."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..doctor.leftovers import check_rwlock
from ..plumbing.errors import ConfigError
from ..plumbing.locks import locked
from .plan import Planned
from .show import FOLDER

LOGS = FOLDER / "logs"
LOCK = Path(".dvc/tmp/study.lock")


@dataclass(frozen=True)
class Outcome:
    """How an experiment ended."""

    name: str
    seconds: float
    error: str  # empty if it has finished


def run_experiments(
    work: list[list[Planned]], jobs: int, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run lists of experiments: `jobs` lists side by side, and each list in its order.

    A failed experiment stops none of the others. An interrupt ends those under way; what they
    have finished is in DVC's run-cache, and the next run goes on from there.

    Args:
        tell: is called with each outcome as it comes, by one thread at a time.

    Returns:
        The outcomes of those that failed.

    Raises:
        ConfigError: another study runs in this folder, or a killed dvc left it so that DVC runs
            nothing.
    """
    check_rwlock(Path())
    with locked(LOCK, _another_study) as lock:
        runner = _Runner(lock.fileno(), tell, environment(jobs))
        with sigterm_interrupts(), ThreadPoolExecutor(jobs) as pool:
            try:
                list(pool.map(runner.run_chain, work))
            except BaseException:
                runner.stop()
                raise
    return runner.failed


class _Runner:
    """Starts experiments and ends those that are under way."""

    def __init__(
        self, lock: int, tell: Callable[[Outcome], None], variables: Mapping[str, str]
    ) -> None:
        self.failed: list[Outcome] = []
        self._lock, self._tell, self._environment = lock, tell, variables
        self._telling, self._starting = threading.Lock(), threading.Lock()
        self._stopped = False
        self._processes: set[subprocess.Popen[bytes]] = set()

    def run_chain(self, chain: list[Planned]) -> None:
        for planned in chain:
            if self._stopped:
                return
            outcome = self._run(planned)
            with self._telling:
                if outcome.error:
                    self.failed.append(outcome)
                if not self._stopped:
                    self._tell(outcome)

    def stop(self) -> None:
        """End the experiments under way; the stages end with dvc (stages/runner.py)."""
        with self._starting:
            self._stopped = True
            for process in self._processes:
                process.terminate()

    def _run(self, planned: Planned) -> Outcome:
        start, log = time.monotonic(), log_file(planned.name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            code = self._wait(command(planned), output.fileno())
        error = "" if code == 0 else f"{reason(log)} (all of its output: {log})"
        return Outcome(planned.name, time.monotonic() - start, error)

    def _wait(self, arguments: list[str], output: int) -> int:
        process = self._start(arguments, output)
        if process is None:
            return 1
        code = process.wait()
        with self._starting:
            self._processes.discard(process)
        return code

    def _start(self, arguments: list[str], output: int) -> subprocess.Popen[bytes] | None:
        """Start a process; None once stopped, since `stop` would not see a later one."""
        with self._starting:
            if self._stopped:
                return None
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                pass_fds=[self._lock],  # so that dvc holds it on if we are killed
            )
            self._processes.add(process)
            return process


def command(planned: Planned) -> list[str]:
    """The command that runs an experiment in a folder of its own; it waits for DVC's lock."""
    settings = [part for setting in planned.settings for part in ("--set-param", setting)]
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]
    return [*dvc, "exp", "run", "--temp", "--name", planned.name, *settings]


def log_file(name: str) -> Path:
    """The file that an experiment's output goes to."""
    return LOGS / f"{name}.log"


def reason(log: Path) -> str:
    """Why an experiment failed: the sentence of ours if there is one, else its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith("error: ")]
    return (ours or lines or ["no output"])[-1].removeprefix("error: ")


def environment(jobs: int) -> dict[str, str]:
    """Our environment with this Python first in PATH, where the stages' commands look for it.

    Experiments beside each other share the cores, unless the user said how many threads (which
    changes no result).
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    shared = {} if jobs == 1 else {"OMP_NUM_THREADS": threads}
    return {**shared, **os.environ, "PATH": path}


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Have SIGTERM end us as Ctrl-C does, so that what is under way ends too.

    Outside the main thread, where Python sets no handler, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _another_study(holder: str) -> ConfigError:
    return ConfigError(
        f"another study ({holder}) runs in this folder, or an experiment that it left running; "
        "wait for its end"
    )
