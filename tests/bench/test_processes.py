"""What a process used: its own memory, not its parent's; its bytes; its failure."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.processes import run

LINUX = sys.platform == "linux"


def python(code: str, folder: Path):
    return run([sys.executable, "-c", code], folder)


@pytest.mark.skipif(not LINUX, reason="ru_maxrss of the parent is Linux's habit")
def test_the_peak_is_the_childs_own(tmp_path):
    """A child's ru_maxrss begins at the memory of the process that forked it."""
    large = np.ones(200 << 20, np.uint8)
    assert python("pass", tmp_path).peak_rss < 100e6 < large.nbytes
    assert python("x = b'1' * 150_000_000", tmp_path).peak_rss > 150e6


@pytest.mark.skipif(not LINUX, reason="only Linux tells the bytes of a process")
def test_bytes_are_those_of_its_reads_and_writes(tmp_path):
    before = python("pass", tmp_path)
    (tmp_path / "in").write_bytes(bytes(5_000_000))
    after = python("open('out', 'wb').write(open('in', 'rb').read()[:2_000_000])", tmp_path)
    assert after.read is not None
    assert before.read is not None
    assert after.read - before.read == pytest.approx(5e6, rel=0.1)
    assert after.written == pytest.approx(2e6, rel=0.1)


def test_a_failure_tells_what_the_command_said(tmp_path):
    with pytest.raises(RuntimeError, match="no such thing"):
        python("raise SystemExit('no such thing')", tmp_path)
