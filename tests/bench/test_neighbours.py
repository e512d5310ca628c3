"""Training beside busy programs."""

import signal
import subprocess
import sys
import time

import pytest

from bench import neighbours
from testbed.paths import ROOT
from tests.processes import is_alive


def test_a_fair_share_counts_the_programs_and_all_cores():
    made = neighbours.figures((0.010, 0.015, 0.030), cores=2)
    assert made == {
        "alone_ms": pytest.approx(10),
        "beside_1_ms": pytest.approx(15),
        "times_fair_share_beside_1": pytest.approx(1.0),
        "beside_2_ms": pytest.approx(30),
        "times_fair_share_beside_2": pytest.approx(1.5),
    }


def test_busy_programs_end_with_their_block():
    with neighbours.busy(2) as programs:
        assert [program.is_alive() for program in programs] == [True, True]
    assert [program.is_alive() for program in programs] == [False, False]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_busy_programs_end_when_the_bench_is_killed():
    code = """
import os, signal
from bench.neighbours import busy
if __name__ == "__main__":
    with busy(1) as programs:
        print(programs[0].pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until = time.monotonic() + 60  # it imports torch before it looks for who started it
    while is_alive(int(done.stdout)):
        assert time.monotonic() < until
        time.sleep(0.1)
