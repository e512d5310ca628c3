"""What every stage does around its work: one sentence for a mistake, and no orphans."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.processes import is_alive

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped params to run a stage in."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def stage_of(body: str) -> str:
    """A script whose stage does what `body` says."""
    return (
        "import mentor3ad.plumbing.errors as errors\n"
        "from stages.runner import run, run_category\n"
        f"def stage(params, category=None):\n    {body}\n"
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert [word for word in words if word not in done.stderr] == []


@pytest.mark.parametrize(
    "name", ["ConfigError", "DataError", "CacheError", "WeightsError", "TrainingError"]
)
def test_a_mistake_of_the_users_is_one_sentence(folder: Path, name: str) -> None:
    done = python(folder, "-c", stage_of(f"raise errors.{name}('why')") + "run(stage)")
    assert_one_sentence(done)
    assert done.stderr == "error: why\n"


def test_a_bug_of_ours_has_a_traceback(folder: Path) -> None:
    done = python(folder, "-c", stage_of("raise ValueError('bug')") + "run(stage)")
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "bug" in done.stderr


def test_success_is_one_log_line(folder: Path) -> None:
    done = python(folder, "-c", stage_of("return {'scans': 3}") + "run(stage)")
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r"stage: seconds \S+, memory_mb \d+, scans 3\n", done.stderr)


def test_the_environment_asks_for_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTOR3AD_LOG", "json")
    body = "return {'loss': 0.5}"
    done = python(folder, "-c", stage_of(body) + "run_category(stage)", "--category", "biscuit")
    line = json.loads(done.stderr)
    assert {k: line[k] for k in ("level", "event", "category", "loss")} == {
        "level": "INFO",
        "event": "stage",
        "category": "biscuit",
        "loss": 0.5,
    }


def test_the_stage_gets_params_and_category(folder: Path) -> None:
    body = "print(category, params.model.seed)"
    done = python(folder, "-c", stage_of(body) + "run_category(stage)", "--category", "biscuit")
    assert (done.returncode, done.stdout) == (0, "biscuit 0\n")


def test_an_unknown_category_is_named_with_the_known_ones(folder: Path) -> None:
    done = python(folder, "-m", "stages.prepare", "--category", "nope")
    assert_one_sentence(done, "--category nope", "data.categories", "biscuit", "params.yaml")
    assert done.stderr.count("biscuit") == 1, "a category is listed twice"
    assert sorted(path.name for path in folder.iterdir()) == ["params.yaml"]


def test_an_unknown_param_is_named(folder: Path) -> None:
    with (folder / "params.yaml").open("a") as file:
        file.write("\nfeature: {}\n")
    done = python(folder, "-m", "stages.prepare", "--category", "biscuit")
    assert_one_sentence(done, "params.yaml: feature is not a known param")


def test_missing_params_are_named(tmp_path: Path) -> None:
    done = python(tmp_path, "-m", "stages.vote", "--category", "biscuit")
    assert_one_sentence(done, "params.yaml is missing")


@LINUX
def test_the_stage_dies_with_its_parent(folder: Path) -> None:
    sleeping = stage_of("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    parent = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {sleeping + 'run(stage)'!r}])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        stage = int(process.stdout.readline())
        assert is_alive(stage)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(stage) and time.monotonic() < deadline:
        time.sleep(0.02)
    still = is_alive(stage)
    if still:
        os.kill(stage, signal.SIGKILL)
    assert not still
