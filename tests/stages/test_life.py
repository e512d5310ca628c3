"""A stage ends with the dvc that started it, also one that is killed before the stage is awake."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.processes import is_alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")

# What dvc does: it notes that it writes the out, and starts the stage through a shell.
DVC = """
import json, os, subprocess, sys
from pathlib import Path
note = {"write": {"/out": {"pid": os.getpid(), "cmd": "dvc repro"}}}
Path(".dvc/tmp/rwlock").write_text(json.dumps(note))
stage = subprocess.Popen(["/bin/sh", "-c", sys.argv[1]], env={**os.environ, "DVC_STAGE": "sleepy"})
print(stage.pid, flush=True)
stage.wait()
"""
SLEEPY = """
import time
from pathlib import Path
from mentor3ad.plumbing.files import replaced_whole
from .runner import run

def sleepy(params):
    time.sleep(0.2)
    with replaced_whole(Path("out")) as part:
        part.write_text("published")
    time.sleep(60)

run(sleepy)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one stage sleeps, publishes and sleeps."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    (tmp_path / "stages/sleepy.py").write_text(SLEEPY)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def start_dvc(project: Path, stays: bool = False) -> subprocess.Popen[str]:
    command = f"exec {sys.executable} -m stages.sleepy"
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            DVC,
            f"{sys.executable} -m stages.sleepy; true" if stays else command,
        ],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ended(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


@pytest.mark.parametrize("delay", [0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_whenever_dvc_is_killed_the_stage_ends(project: Path, delay: float) -> None:
    with start_dvc(project) as dvc:
        assert dvc.stdout
        stage = int(dvc.stdout.readline())
        time.sleep(delay)
        dvc.send_signal(signal.SIGKILL)
        dvc.wait()
    alive = not ended(stage)
    if alive:
        os.kill(stage, signal.SIGKILL)
    assert not alive
    before = (project / "out").exists()
    time.sleep(0.1)
    assert (project / "out").exists() == before


def run_stage(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.sleepy", "--help"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
    )


def test_a_stage_whose_dvc_is_gone_says_so_and_does_nothing(project: Path) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    note = {"write": {"/out": {"pid": gone.pid, "cmd": "dvc repro"}}}
    (project / ".dvc/tmp/rwlock").write_text(json.dumps(note))
    done = run_stage(project, DVC_STAGE="sleepy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: dvc (pid {gone.pid}) ended before this stage began: nothing was run\n"
    )
    assert run_stage(project).returncode == 0, "by hand a stage needs no dvc"


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"write": 1}', '{"write": {"/out": {}}}', '{"read": {}}', "[" * 20_000]
)
def test_a_note_that_says_nothing_stops_no_stage(project: Path, note: str) -> None:
    (project / ".dvc/tmp/rwlock").write_text(note)
    assert run_stage(project, DVC_STAGE="sleepy").returncode == 0


def test_a_shell_that_stays_is_no_reason_to_end(project: Path) -> None:
    with start_dvc(project, stays=True) as dvc:
        assert dvc.stdout
        shell = int(dvc.stdout.readline())
        deadline = time.monotonic() + 20
        while not (project / "out").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        published = (project / "out").exists()
        os.kill(shell, signal.SIGKILL)  # and the stage with it
        dvc.kill()
    assert published


def test_of_two_of_a_stage_one_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_dvc(project) as dvc:
        assert dvc.stdout
        stage = dvc.stdout.readline().strip()
        deadline = time.monotonic() + 20
        while not (project / "out").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        (project / "out").unlink()
        impatient = (
            "import mentor3ad.plumbing.claims as claims\n"
            "claims.claimed.__wrapped__.__defaults__ = (0.1,)\n"
            "import stages.sleepy"
        )
        second = subprocess.run(
            [sys.executable, "-c", impatient],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        dvc.kill()
    assert second.returncode == 1
    assert second.stderr.splitlines()[-1] == (
        f"error: sleepy is being run by another process (pid {stage}): wait for its end, or stop it"
    )
    assert not (project / "out").exists()


GENERATE = """
import sys
from pathlib import Path
from mentor3ad.demo.generate import generate_category
from mentor3ad.params.schema import Demo, load_params

if __name__ == "__main__":
    print("began", flush=True)
    demo = load_params().demo.model_copy(update={"size": 224})
    generate_category(Path("demo"), "biscuit", demo, workers=2)
"""


def children(pid: int) -> set[int]:
    """Every process below another one."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


def test_the_workers_of_a_pool_end_with_their_stage(project: Path) -> None:
    (project / "script.py").write_text(GENERATE)
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        deadline = time.monotonic() + 30
        while not list((project / "demo").glob(".*/train/good/rgb/*.png")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        workers = children(process.pid)
        process.kill()
    assert len(workers) >= 3  # the fork server and two
    alive = [worker for worker in workers if not ended(worker)]
    for worker in alive:
        os.kill(worker, signal.SIGKILL)
    assert alive == []
