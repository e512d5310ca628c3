"""An S3 server on the loopback for tests: moto's, whose data lie in the server's memory.

    python -m testbed.s3_server [LOG]

prints its address and serves until it is ended; it appends the method and the path of each request
to the file LOG. It has one thread: with several, moto has let two conditional writes win.
"""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from testbed.paths import ROOT

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-1"}


@dataclass(frozen=True)
class S3Server:
    """A server that runs, and the log of its requests."""

    address: str
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return KEYS | {"AWS_ENDPOINT_URL": self.address}

    def make_bucket(self, name: str) -> str:
        """The address of a new, empty bucket."""
        request = urllib.request.Request(f"{self.address}/{name}", method="PUT")
        with urllib.request.urlopen(request, timeout=60):
            return f"s3://{name}"

    @contextmanager
    def requests(self) -> Iterator[list[str]]:
        """Yield a list that afterwards holds the requests of the block: `GET /bucket/key`."""
        before, made = len(self._lines()), list[str]()
        yield made
        made += self._lines()[before:]

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@contextmanager
def s3_server(log: Path) -> Iterator[S3Server]:
    """A server in a process of its own; it is gone afterwards."""
    command = [sys.executable, "-m", "testbed.s3_server", str(log.absolute())]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        try:
            yield S3Server(server.stdout.readline().strip(), log)
        finally:
            server.kill()


def _noting(application: Callable[..., Iterable[bytes]], log: int) -> Callable[..., Any]:
    def noted(environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = unquote(environment.get("RAW_URI") or environment["PATH_INFO"])
        os.write(log, f"{environment['REQUEST_METHOD']} {path}\n".encode())
        return application(environment, start)

    return noted


def main() -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application: Any = DomainDispatcherApplication(create_backend_app)
    if len(sys.argv) > 1:
        application = _noting(application, os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY))
    server = make_server("127.0.0.1", 0, application, threaded=False)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
