"""A killed extraction, resumed in another folder: no orphan, no half store, the same bytes."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.clone import ALL_STAGES, CATEGORY, RESULTS, Project, clone, digest, stages_run
from tests.processes import is_alive

pytestmark = pytest.mark.e2e


def _wait(condition: Any, seconds: float, process: subprocess.Popen[Any] | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        assert process is None or process.poll() is None, "dvc ended before it was killed"
        time.sleep(0.01)


@dataclass(frozen=True)
class Killed:
    project: Project
    stage: int  # process id of the extraction that was under way
    shard_time: int  # when the first shard was written, before the kill
    left: list[str]  # what dvc left of the out


@pytest.fixture(scope="module")
def killed(source: Path) -> Iterator[Killed]:
    """dvc is SIGKILLed, not its stage, while a later shard is being computed."""
    project = clone(source, "killed")
    (project.root / ".dvc/config.local").write_text("[cache]\n    type = hardlink\n")
    staging = project.root / ".staging"
    with subprocess.Popen(
        ["dvc", "repro", "extract"],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _wait(lambda: list(staging.glob("*/done/0")), 120, process)
        folder = next(staging.glob("*/done")).parent
        stage = int((folder / "lock").read_text().removeprefix("pid "))
        shard_time = (folder / "store/rgb/c/0/0/0/0").stat().st_mtime_ns
        time.sleep(random.Random(0).uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
    left = [path.name for path in project.data("features").glob("*") if path.suffix == ".zarr"]
    yield Killed(project, stage, shard_time, left)
    if is_alive(stage):
        os.kill(stage, signal.SIGKILL)


@pytest.fixture(scope="module")
def resumed(killed: Killed) -> Project:
    with contextlib.suppress(AssertionError):
        _wait(lambda: not is_alive(killed.stage), 10)
    output = killed.project.dvc("repro")
    assert stages_run(output) == ALL_STAGES - {"generate", "prepare"}, output
    return killed.project


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_the_stage_ends_with_dvc(killed: Killed) -> None:
    _wait(lambda: not is_alive(killed.stage), 10)


def test_a_killed_extraction_leaves_no_half_store(killed: Killed) -> None:
    assert killed.left == []


def test_finished_shards_are_not_computed_again(killed: Killed, resumed: Project) -> None:
    shard = resumed.data("features") / f"{CATEGORY}.zarr/rgb/c/0/0/0/0"
    assert shard.stat().st_mtime_ns == killed.shard_time


@pytest.mark.parametrize("name", RESULTS)
def test_a_resumed_run_in_another_folder_gives_the_same_bytes(
    results: dict[str, dict[str, str]], resumed: Project, name: str
) -> None:
    assert digest(resumed.data(name)) == results[name]


def test_a_resumed_run_in_another_folder_gives_the_same_report(
    results: dict[str, dict[str, str]], resumed: Project
) -> None:
    assert digest(resumed.root / "reports") == results["reports"]
