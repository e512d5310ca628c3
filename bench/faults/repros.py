"""Kills at a random moment of dvc, its stages, or both: `repro`, `exp run --temp`, queue, study.

After each kill the same, or at half of the kills of `repro` another edit, is run to its end at
once, while what outlived the kill would still write.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.clone import Project

from .compare import Reference, all_made, names, outs
from .project import Base
from .tally import DIFFERS, LEFTOVER, ORPHAN, SAME, STUCK, Tally, Verdict

EDITS: dict[str, dict[str, Any]] = {  # params to set, by the first stage that they rerun
    "from train_mgm": {"model.mgm.steps": 6},
    "from vote": {"voting.target_fpr": 0.1},
    "from evaluate": {"evaluate.panels": 0},
}
MODES = ("dvc alone", "stage alone", "group")
SOON_S = 0.4  # after a stage's start: before its first statements, or among them
GRACE_S = 1.0  # after which nothing of what was killed may live
STUDY = """# one vote
seeds: [0]
seeded: [model.seed]
set: {evaluate.panels: 0}
tables:
  - title: Votes
    metrics: [i_auroc, p_auroc]
    rows:
      - {name: Paper, set: {voting.rule: paper}}
"""


Trial = Callable[[random.Random], tuple[str, Verdict, str]]


def repros(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Kill dvc so many times."""
    dvc = _Dvc(base)
    all_choices = {
        "repro": dvc.repro,
        "temp": dvc.temporary,
        "study": dvc.study,
        "queue": dvc.queue,
    }
    choices: list[Trial] = [trial for name, trial in all_choices.items() if base.tries(name)]
    choices += [dvc.repro, dvc.repro] if base.tries("repro") else []
    for _ in range(trials):
        row, verdict, text = rng.choice(choices)(rng)
        tally.add(row, verdict, text)
        yield


class _Dvc:
    """dvc and what it starts, killed in three ways."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.references: dict[str, Reference] = {}

    def repro(self, rng: random.Random) -> tuple[str, Verdict, str]:
        """`dvc repro` of one edit is killed; then the same edit, or another, runs to its end."""
        first = rng.choice(list(EDITS))
        second = first if rng.random() < 0.5 else rng.choice(list(EDITS))
        wanted, mode = self._expected(second), rng.choice(MODES)
        project = self._copy(EDITS[first])
        seconds = self._expected(first).seconds
        killed = _kill_dvc(project, ["dvc", "repro"], mode, rng, seconds)
        shutil.copyfile(self.base.root / "params.yaml", project.root / "params.yaml")
        project.params(**_dotted(EDITS[second]))  # without the first edit
        again = _start(project, ["dvc", "repro"])
        outlived = killed.alive_after(GRACE_S)
        text = again.communicate()[0]
        row, what = f"dvc repro, {mode}", f"{first}, then {second}, {killed.what}"
        if outlived:
            return row, ORPHAN, f"{what}: {outlived}"
        if again.returncode:
            return row, STUCK, f"{what}: {text.strip().splitlines()[-1][:200]}"
        if differing := _differing(all_made(project.root), wanted.made):
            return row, DIFFERS, f"{what}: {differing}"
        extra = names(project.root) - wanted.names if first == second else frozenset[str]()
        return row, (LEFTOVER if extra else SAME), f"{what}: {min(extra, default='')}"

    def temporary(self, rng: random.Random) -> tuple[str, Verdict, str]:
        """`dvc exp run --temp` is killed and run again; the workspace stays what it is."""
        edit, mode = rng.choice(list(EDITS)), rng.choice(MODES)
        wanted = self._expected(edit)
        project = self._copy({})
        before = all_made(project.root)
        values = [f"-S{key}={value}" for key, value in EDITS[edit].items()]
        command = ["dvc", "exp", "run", "--temp", *values]
        killed = _kill_dvc(project, command, mode, rng, wanted.seconds)
        again = _start(project, command)
        outlived = killed.alive_after(GRACE_S)
        text = again.communicate()[0]
        row, what = f"dvc exp run --temp, {mode}", f"{edit}, {killed.what}"
        if outlived:
            return row, ORPHAN, f"{what}: {outlived}"
        if again.returncode:
            return row, STUCK, f"{what}: {text.strip().splitlines()[-1][:200]}"
        same = all_made(project.root) == before and _outs_of_experiment(project) == wanted.made.get(
            "dvc.lock"
        )
        return row, (SAME if same else DIFFERS), what

    def queue(self, rng: random.Random) -> tuple[str, Verdict, str]:
        """`dvc queue start` is killed with all that it started, or its stage is; then the same
        experiment is run by hand."""
        edit, mode = rng.choice(list(EDITS)), rng.choice(("all of it", "stage alone"))
        wanted, project = self._expected(edit), self._copy({})
        before, root = all_made(project.root), project.root
        values = [f"-S{key}={value}" for key, value in EDITS[edit].items()]
        project.run("dvc", "exp", "run", "--queue", *values)
        project.run("dvc", "queue", "start")
        after = rng.uniform(0, wanted.seconds)
        time.sleep(after)
        own = processes_in(root)
        _kill_all([pid for pid in own if mode == "all of it" or "stages." in _command_line(pid)])
        time.sleep(GRACE_S)
        deadline = time.monotonic() + 300
        while mode == "stage alone" and processes_in(root) and time.monotonic() < deadline:
            time.sleep(0.2)  # the worker ends when its queue is empty
        row, what = f"dvc queue start, {mode}", f"{edit}, killed after {after:.3f} s"
        if outlived := processes_in(root):
            text = "; ".join(f"{pid} {_command_line(pid)}" for pid in outlived)
            _kill_all(outlived)
            return row, ORPHAN, f"{what}: {text[:300]}"
        again = _start(project, ["dvc", "exp", "run", "--temp", *values])
        text = again.communicate()[0]
        if again.returncode:
            return row, STUCK, f"{what}: {text.strip().splitlines()[-1][:200]}"
        same = all_made(root) == before
        same = same and _outs_of_experiment(project) == wanted.made.get("dvc.lock")
        return row, (SAME if same else DIFFERS), what

    def study(self, rng: random.Random) -> tuple[str, Verdict, str]:
        """A study of one experiment is killed and run again; its table stays the same."""
        if "study" not in self.references:
            project, start = self._study_project(), time.perf_counter()
            project.run(*STUDY_RUN)
            seconds = time.perf_counter() - start
            self.references["study"] = Reference(_table(project), frozenset(), seconds)
        wanted, mode = self.references["study"], rng.choice(("command alone", "group"))
        project = self._study_project()
        killed = _kill_dvc(project, list(STUDY_RUN), mode, rng, wanted.seconds)
        if mode == "command alone":  # its dvc goes on to the experiment's end, and holds the lock
            killed.wait()
        again = _start(project, list(STUDY_RUN))
        outlived = killed.alive_after(GRACE_S)
        text, row = again.communicate()[0], f"study, {mode}"
        if outlived:
            return row, ORPHAN, f"{killed.what}: {outlived}"
        if again.returncode:
            return row, STUCK, f"{killed.what}: {text.strip().splitlines()[-1][:200]}"
        return row, (SAME if _table(project) == wanted.made else DIFFERS), killed.what

    def _study_project(self) -> Project:
        project = self._copy({})
        (project.root / "studies/votes.yaml").write_text(STUDY, encoding="utf-8")
        project.commit()
        return project

    def _expected(self, edit: str) -> Reference:
        if edit not in self.references:
            project, start = self._copy(EDITS[edit]), time.perf_counter()
            project.dvc("repro")
            seconds, root = time.perf_counter() - start, project.root
            self.references[edit] = Reference(all_made(root), names(root), seconds)
        return self.references[edit]

    def _copy(self, values: dict[str, Any]) -> Project:
        root = self.base.copy("repro", whole=True)
        project = Project(root, self.base.project.environment)
        if values:
            project.params(**_dotted(values))
        return project


STUDY_RUN = ("python", "-m", "mentor3ad.cli", "study", "run", "votes")


@dataclass(frozen=True)
class Killed:
    """What was killed, and the session that its processes are of."""

    what: str
    session: int

    def wait(self, limit_s: float = 300.0) -> None:
        """Wait until no process of the session is left."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and any(
            _session(pid) == self.session for pid in _processes()
        ):
            time.sleep(0.1)

    def alive_after(self, seconds: float) -> str:
        """A process of the session that lives so long after; empty where there is none."""
        time.sleep(seconds)
        alive = [pid for pid in _processes() if _session(pid) == self.session]
        named = [f"{pid} {_command_line(pid)}" for pid in alive]
        _kill_all(alive)
        return "; ".join(named)[:300]


def _kill_dvc(
    project: Project, command: list[str], mode: str, rng: random.Random, seconds: float
) -> Killed:
    """Start a command in a session of its own and kill it, or its stage, at a random moment."""
    process = _start(project, command)
    if rng.random() < 0.5:
        _, after = _stage_of(process, rng.uniform(0, 0.8 * seconds)), rng.uniform(0, SOON_S)
        when = f"{after:.3f} s after a stage's start"
    else:
        after = rng.uniform(0, seconds)
        when = f"after {after:.3f} s"
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        if mode == "group":
            os.killpg(process.pid, signal.SIGKILL)
        elif mode == "stage alone":
            os.kill(_stage_of(process, 0) or process.pid, signal.SIGKILL)
            time.sleep(0.1)
        else:
            process.kill()
    if mode == "stage alone":
        process.communicate()  # dvc tells of the stage that failed, and ends
    session = process.pid
    process.kill()
    process.wait()
    return Killed(f"{mode}, {when}", session)


def _stage_of(process: "subprocess.Popen[str]", not_before: float) -> int | None:
    """The process of a stage that begins after so many seconds; None: dvc has ended before."""
    time.sleep(not_before)
    known = set(_stages_of(process.pid)) if not_before else set()
    while process.poll() is None:
        if new := [pid for pid in _stages_of(process.pid) if pid not in known]:
            return new[0]
        if not not_before:
            return None
        time.sleep(0.005)
    return None


def _stages_of(session: int) -> list[int]:
    found = [pid for pid in _processes() if _session(pid) == session]
    return [pid for pid in found if "stages." in _command_line(pid)]


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208


def processes_in(root: Path) -> list[int]:
    """The processes that work in a folder, or below it."""
    found = []
    for pid in _processes():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink().is_relative_to(root):
                found.append(pid)
    return found


def _kill_all(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _session(pid: int) -> int:
    """The session of a process that is no zombie; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[3])


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _start(project: Project, command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _outs_of_experiment(project: Project) -> str:
    """What dvc.lock of the one experiment says; empty where there is not exactly one result."""
    refs = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    results = [ref for ref in refs if ref.count("/") == 4 and "exec" not in ref]
    locks = {outs(project.run("git", "show", f"{ref}:dvc.lock").stdout) for ref in results}
    return locks.pop() if len(locks) == 1 else ""


def _table(project: Project) -> dict[str, str]:
    project.run("python", "-m", "mentor3ad.cli", "study", "show", "votes")
    return {"votes.csv": (project.root / "reports/studies/votes.csv").read_text(encoding="utf-8")}


def _differing(one: dict[str, str], other: dict[str, str]) -> str:
    names = sorted(n for n in one.keys() | other.keys() if one.get(n) != other.get(n))
    return ", ".join(names[:4])


def _dotted(values: dict[str, Any]) -> dict[str, Any]:
    return {key.replace(".", "__"): value for key, value in values.items()}
