"""Trains the categories of a project side by side; `dvc repro` then joins what they made."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..doctor.leftovers import check_rwlock
from ..params.schema import load_params
from .runner import environment, log_file, reason

BEFORE, SIDE_BY_SIDE = "extract", "train_mgm"  # the stages up to which the categories are run


def run_side_by_side(jobs: int, pull: bool) -> int:
    """Run what is out of date of a project, the trainings of so many categories at once.

    Each category is a `dvc repro` of its own in this folder; they share the cores, unless
    OMP_NUM_THREADS or `runtime.threads` says otherwise. What is up to date does not run.

    Args:
        pull: fetch what is missing here from the DVC remote.

    Returns:
        DVC's exit code, or 1 where the training of a category failed; then nothing is joined.

    Raises:
        ConfigError: the params are not valid, or DVC's file of who writes what is damaged.
    """
    categories = load_params().data.categories
    check_rwlock(Path())
    options = ["--pull", "--allow-missing"] if pull else []
    if code := subprocess.run(_repro(*options, BEFORE), env=environment(1)).returncode:
        return code

    def train(category: str) -> bool:
        start = time.monotonic()
        log = log_file(f"train-{category}")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            ended = subprocess.run(
                _repro(*options, f"{SIDE_BY_SIDE}@{category}"),
                env=environment(jobs),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        took = f"{time.monotonic() - start:.0f} s"
        if ended.returncode:
            print(f"train {category}: failed after {took}: {reason(log)} ({log})", file=sys.stderr)
        else:
            print(f"train {category}: done in {took}", flush=True)
        return ended.returncode == 0

    with ThreadPoolExecutor(min(jobs, len(categories))) as pool:
        trained = list(pool.map(train, categories))
    if not all(trained):
        return 1
    return subprocess.run(_repro(*options), env=environment(1)).returncode


def _repro(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *arguments]
