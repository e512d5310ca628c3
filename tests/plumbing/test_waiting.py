"""How long the threads of matrix products look for each other before they sleep."""

import os
import subprocess
import sys

import pytest

from mentor3ad.plumbing.waiting import OF_THE_USER, ROUNDS, wait_briefly


@pytest.fixture(autouse=True)
def _nobody_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "")  # so that it is put back in any case
    for name in OF_THE_USER:
        monkeypatch.delenv(name, raising=False)


def test_threads_wait_briefly() -> None:
    wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == ROUNDS


@pytest.mark.parametrize(
    ("name", "value"), [("OMP_WAIT_POLICY", "active"), ("GOMP_SPINCOUNT", "7")]
)
def test_what_the_user_set_is_kept(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    wait_briefly()
    assert {key: os.environ[key] for key in OF_THE_USER if key in os.environ} == {name: value}


@pytest.mark.skipif(sys.platform != "linux", reason="torch has GNU's OpenMP on Linux")
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "stages.train_mfm", "--help"],
        [
            "-c",
            "from mentor3ad.cli import main; main.app = lambda: __import__('torch'); main.main()",
        ],
    ],
    ids=["stage", "mentor3ad"],
)
def test_openmp_is_told_before_it_is_loaded(command: list[str]) -> None:
    environment = os.environ | {"OMP_DISPLAY_ENV": "verbose"}  # OpenMP prints it when it is loaded
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=True
    )
    told = [line for line in done.stderr.splitlines() if "GOMP_SPINCOUNT" in line]
    assert told, done.stderr
    assert all(f"'{ROUNDS}'" in line for line in told), told
