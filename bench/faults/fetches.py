"""Kills of the download of weights, from a server of this machine, at a random moment."""

import contextlib
import hashlib
import os
import random
import re
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from . import forked
from .project import Base, remove
from .tally import DIFFERS, HALF, LEFTOVER, SAME, STUCK, Verdict

CONTENT = random.Random(0).randbytes(1 << 21)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CHUNK = 1 << 16  # bytes, after each of which the server waits
PAUSE_S = 0.01
ROW = "weights fetch, alone"
TARGET = "weights.pth"


class Fetch:
    """A download that is killed, and run again."""

    def __init__(self, base: Base) -> None:
        self.folder = base.folder / "fetch"
        self.seconds = 0.0

    def trial(self, rng: random.Random) -> tuple[str, Verdict, str]:
        with _serving() as url:
            if not self.seconds:
                self._begin(rng)
                self.seconds = forked.run(lambda: _fetch(url, self.folder), self.folder).seconds
            stale = self._begin(rng)
            after = rng.uniform(0, 1.1 * self.seconds)
            with tempfile.TemporaryFile() as output:
                child = forked.spawn(lambda: _fetch(url, self.folder), self.folder, output.fileno())
                time.sleep(after)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                forked.wait(child, 10)
            what = f"killed after {after:.3f} s{', part of an older file' if stale else ''}"
            return self._after(url, what)

    def _begin(self, rng: random.Random) -> bool:
        """Empty the folder; at times, leave what an older file's download left there."""
        remove(self.folder)
        self.folder.mkdir(parents=True)
        stale = rng.random() < 0.25
        if stale:
            (self.folder / f"{TARGET}.part").write_bytes(rng.randbytes(rng.randrange(1 << 20)))
        return stale

    def _after(self, url: str, what: str) -> tuple[str, Verdict, str]:
        file = self.folder / TARGET
        if file.exists() and file.read_bytes() != CONTENT:
            return ROW, HALF, what
        again = forked.run(lambda: _fetch(url, self.folder), self.folder)
        if again.code:
            return ROW, STUCK, f"{what}: {again.last_line}"
        if file.read_bytes() != CONTENT:
            return ROW, DIFFERS, what
        left = {path.name for path in self.folder.iterdir()} - {TARGET, f".{TARGET}.lock"}
        return ROW, (LEFTOVER if left else SAME), f"{what}: {min(left, default='')}"


def _fetch(url: str, folder: Path) -> None:
    from mentor3ad.weights.download import fetch

    fetch(url, SHA256, folder / TARGET)


class _Slow(BaseHTTPRequestHandler):
    """Sends the content in pieces, from where it is asked to begin."""

    def do_GET(self) -> None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if found else 200)
        if found:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        for at in range(start, len(CONTENT), CHUNK):
            self.wfile.write(CONTENT[at : at + CHUNK])
            time.sleep(PAUSE_S)

    def log_message(self, format: str, *arguments: object) -> None:
        return


@contextmanager
def _serving() -> Iterator[str]:
    """Yield the URL of a server that runs in a process of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow, bind_and_activate=False) as server:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.server_bind()
        server.server_activate()
        with tempfile.TemporaryFile() as output:
            child = forked.spawn(server.serve_forever, Path.cwd(), output.fileno())
            try:
                yield f"http://127.0.0.1:{server.server_port}/{TARGET}"
            finally:
                os.kill(child, signal.SIGKILL)
                forked.wait(child, 10)
