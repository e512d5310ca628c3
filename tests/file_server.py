"""A server on this machine that serves one file, as well or as badly as it is told."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `content`; the other attributes are its faults."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b""
        self.ranges = True  # answers Range
        self.shift = 0  # bytes that an answered range starts too late
        self.sends = -1  # bytes after which it hangs up; -1: all
        self.status = 0  # answered to everything; 0: what is right
        self.asked: list[str] = []  # the Range of every GET

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self.server.asked.append(self.headers.get("Range", ""))
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        server, content, status = self.server, self.server.content, self.server.status or 200
        wanted = self.headers.get("Range", "") if server.ranges else ""
        start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if wanted else 0
        if wanted and not server.status:
            status = 206 if start < len(content) else 416
        self.send_response(status)
        if status == 206:
            first = start + server.shift
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        rest = content[start:] if status in (200, 206) else b""
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        self.end_headers()
        if body:
            self.wfile.write(rest if server.sends < 0 else rest[: server.sends])

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
