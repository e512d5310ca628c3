"""Output in an encoding that does not know all names."""

import os
import subprocess
import sys

import pytest

from testbed.paths import ROOT

PROGRAM = r"""
from mentor3ad.plumbing.output import replace_unprintable
replace_unprintable()
print("first")
print("Stra\u00dfe \u65e5 \udcff")
print("last")
"""


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("ascii", b"Stra\\xdfe \\u65e5 \\udcff"),
        ("latin-1", b"Stra\xdfe \\u65e5 \\udcff"),
        ("utf-8", "Straße 日 ".encode() + b"\\udcff"),
    ],
)
def test_what_an_encoding_lacks_is_printed_as_escapes(encoding: str, line: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.stdout.splitlines(), done.returncode) == ([b"first", line, b"last"], 0)


def test_a_stream_without_an_encoding_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from mentor3ad.plumbing.output import replace_unprintable

    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    replace_unprintable()
    print("Straße")
    assert stream.getvalue() == "Straße\n"
