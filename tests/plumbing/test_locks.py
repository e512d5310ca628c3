"""Locks between processes: who holds one is named, and it ends with its holder."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mentor3ad.plumbing import locks
from mentor3ad.plumbing.locks import LockedError, lock, locked
from tests.paths import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from mentor3ad.plumbing.locks import lock, locked
with locked(Path(sys.argv[1])) as file:
    if sys.argv[2] == "shared":
        lock(file, shared=True)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path: Path):
    """Starts a process that holds `tmp_path / "lock"`."""
    started = []

    def start(kind: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "lock"), kind],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_who_holds_a_lock_is_named(tmp_path: Path, hold) -> None:
    process = hold("alone")
    with (
        pytest.raises(ValueError, match=f"^pid {process.pid}$"),
        locked(tmp_path / "lock", ValueError),
    ):
        pass


def test_a_lock_ends_with_its_holder(tmp_path: Path, hold) -> None:
    process = hold("alone")
    process.kill()
    process.wait()
    with locked(tmp_path / "lock", ValueError):
        assert (tmp_path / "lock").read_text() == f"pid {os.getpid()}"


def test_without_a_refusal_a_lock_is_waited_for(tmp_path: Path, hold) -> None:
    process = hold("alone")
    threading.Timer(0.2, process.kill).start()
    with locked(tmp_path / "lock"):
        assert process.wait(1) == -signal.SIGKILL


def test_a_shared_lock_is_shared_and_refuses_one_who_wants_it_alone(tmp_path: Path, hold) -> None:
    hold("shared")
    with (tmp_path / "lock").open("a") as file:
        lock(file, shared=True, wait=False)
        with pytest.raises(LockedError):
            lock(file, wait=False)


def test_without_locks_there_is_one_warning(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    locks._warn_once.cache_clear()
    with locked(tmp_path / "a", ValueError), locked(tmp_path / "b", ValueError):
        pass
    assert caplog.text.count("this system has no file locks") == 1
