"""Starts `mentor3ad serve` as a process of its own, for the tests and the bench."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .paths import ROOT


@contextmanager
def serving(
    bundle: Path, history: Path, *options: str
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Yield a process that serves a bundle at a free port, and its address; it is killed after.

    Raises:
        RuntimeError: it ended before it served; the message holds what it said.
    """
    paths = [str(bundle.resolve()), "--history", str(history.resolve())]
    process = subprocess.Popen(
        [sys.executable, "-m", "mentor3ad.cli", "serve", *paths, "--port", "0", *options],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"serve: address (http://\S+),", line):
                yield process, found[1]
                return
        raise RuntimeError(f"the service did not start: {said}")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
