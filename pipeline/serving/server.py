"""Runs a service in this process until SIGINT or SIGTERM ends it."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from ..plumbing.errors import ConfigError
from ..plumbing.logs import log_event
from .app import make_app
from .service import Service

_PATIENCE_S = 15  # beyond the deadline, for requests in hand at the end


class Server(uvicorn.Server):
    """Uvicorn, which tells the service that it ends, and ends with exit code 0."""

    def __init__(self, service: Service) -> None:
        self.service = service
        config = uvicorn.Config(
            make_app(service),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=round(service.options.deadline_s) + _PATIENCE_S,
            server_header=False,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.service.stopping.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = signal.SIGINT, signal.SIGTERM
        before = [signal.signal(number, self.handle_exit) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)


def serve(service: Service) -> None:
    """Listen, and inspect what comes.

    Raises:
        ConfigError: the address is in use or not this machine's.
    """
    options = service.options
    with listening(options.host, options.port) as address:
        try:
            service.start()
            host, port = address.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            recipes = ", ".join(one.name for one in service.recipes.all())
            log_event("serve", {"address": f"http://{shown}:{port}", "recipes": recipes})
            Server(service).run(sockets=[address])
        finally:
            service.stop()
            log_event("serve_end", {"last": service.history.latest})


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at an address, before anything else is begun. Raises ConfigError."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        address = socket.socket(family, kind)
    except OSError as error:
        raise ConfigError(f"--host {host} is no address ({error.strerror})") from None
    try:
        address.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        address.bind(place)
        address.listen(128)
    except OSError as error:
        address.close()
        raise ConfigError(f"{host}:{port} cannot be listened at ({error.strerror})") from None
    with address:
        yield address
