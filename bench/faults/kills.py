"""Kills at a random moment of every stage, of `bundle`, of a station and of `weights fetch`.

After each kill the same is run to its end, and what it made is compared byte by byte with what a
run made that nobody killed. repros.py kills dvc.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from testbed.clone import CATEGORY

from . import forked
from .compare import Reference, made, names
from .fetches import Fetch
from .forked import Command
from .project import MODEL, SCANS, Base, remove
from .tally import DIFFERS, HALF, LEFTOVER, SAME, STUCK, Tally, Verdict

Trial = Callable[[random.Random], tuple[str, Verdict, str]]


def kills(base: Base, tally: Tally, trials: int, rng: random.Random) -> Iterator[None]:
    """Kill so many things, each chosen by chance."""
    base.bundle()
    stages = [_Forked(base, *subject) for subject in _commands(base) if base.tries(subject[0])]
    choices: list[Trial] = [stage.trial for stage in stages]
    choices += [_Watch(base).trial] if base.tries("watch") else []
    choices += [Fetch(base).trial] if base.tries("fetch") else []
    for _ in range(trials):
        row, verdict, text = rng.choice(choices)(rng)
        tally.add(row, verdict, text)
        yield


def _commands(base: Base) -> list[tuple[str, Command, str]]:
    bundle = Command("mentor3ad.cli", ("bundle", "--category", CATEGORY, "--out", MODEL))
    stages = [(name, forked.stage(name, CATEGORY), base.out(name)) for name in forked.STAGES]
    return [*stages, ("bundle", bundle, MODEL)]


class _Forked:
    """A stage or command that runs in a fork and makes one out."""

    def __init__(self, base: Base, name: str, command: Command, out: str) -> None:
        self.base, self.name, self.command, self.out = base, name, command, out
        self.reference: Reference | None = None

    def trial(self, rng: random.Random) -> tuple[str, Verdict, str]:
        expected, row = self._expected(), f"{self.name}, alone"
        root, after = self._copy(), rng.uniform(0, 1.1 * self._expected().seconds)
        _kill_fork(self.command, root, after)
        out, what = root / self.out, f"killed after {after:.3f} s"
        if out.exists() and made(root, self.out) != expected.made and self.name != "report":
            return row, HALF, what
        remove(out)  # as DVC does
        again = forked.run(self.command, root)
        if again.code:
            return row, STUCK, f"{what}: {again.last_line}"
        if made(root, self.out) != expected.made:
            return row, DIFFERS, what
        if extra := names(root) - expected.names:
            return row, LEFTOVER, f"{what}: {min(extra)}"
        return row, SAME, what

    def _expected(self) -> Reference:
        if self.reference is None:
            root = self._copy()
            ended = forked.run(self.command, root)
            if ended.code:
                raise RuntimeError(ended.text)
            self.reference = Reference(made(root, self.out), names(root), ended.seconds)
        return self.reference

    def _copy(self) -> Path:
        root = self.base.copy()
        remove(root / self.out)
        return root


class _Watch:
    """A station that is killed, and started again with the results that it has written."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.lines: dict[str, Any] | None = None
        self.seconds = 0.0

    def trial(self, rng: random.Random) -> tuple[str, Verdict, str]:
        if self.lines is None:
            start = time.perf_counter()
            self.lines = _once(self._until_done(self._folder()))
            self.seconds = time.perf_counter() - start
        root, after = self._folder(), rng.uniform(0, self.seconds)
        _kill_fork(watch_command(), root, after)
        found, what = self._until_done(root), f"killed after {after:.3f} s"
        if found is None or len(found) != len(self.lines):
            return "watch, alone", STUCK, f"{what}: {found}"
        verdict = SAME if _once(found) == self.lines else DIFFERS
        return "watch, alone", verdict, what

    def _folder(self) -> Path:
        root = self.base.folder / "station"
        remove(root)
        shutil.copytree(self.base.root / SCANS, root / "scans")
        shutil.copytree(self.base.root / MODEL, root / MODEL)
        return root

    def _until_done(self, root: Path, limit_s: float = 60.0) -> list[dict[str, Any]] | None:
        """Lines of a station's results once all scans have one; None: they never do."""
        wanted, file = (
            len(list((root / "scans").rglob("rgb/*.png"))),
            root / "out/predictions.jsonl",
        )
        with tempfile.TemporaryFile() as output:
            child = forked.spawn(watch_command(), root, output.fileno())
            deadline = time.perf_counter() + limit_s
            while len(lines(file)) < wanted and time.perf_counter() < deadline:
                time.sleep(0.05)
            os.kill(child, signal.SIGTERM)
            forked.wait(child, 20)
        return lines(file) if len(lines(file)) >= wanted else None


def watch_command() -> Command:
    options = ("--watch", "--interval", "0.05", "--device", "cpu", "--out", "out")
    return Command("mentor3ad.cli", ("predict", "--bundle", MODEL, "scans", *options))


def lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _once(lines: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Score and decision of each scan, by its name."""
    return {line["id"]: (line.get("score"), line.get("defective")) for line in lines or []}


def _kill_fork(command: Command, root: Path, after: float) -> None:
    with tempfile.TemporaryFile() as output:
        child = forked.spawn(command, root, output.fileno())
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        forked.wait(child, 10)
