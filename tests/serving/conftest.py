"""A bundle, and services of it that listen on this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mentor3ad.inspection.export import write_bundle
from mentor3ad.inspection.inspector import Inspector
from testbed.clone import CATEGORY

if TYPE_CHECKING:
    import httpx

    from mentor3ad.serving.service import Service


@pytest.fixture(scope="session")
def test_scans(tiny_project: Path) -> Path:
    return tiny_project / "data/demo" / CATEGORY / "test"


@pytest.fixture(scope="session")
def bundle(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / CATEGORY
    write_bundle(tiny_project, CATEGORY, out)
    return out


@pytest.fixture(scope="session")
def inspector(bundle: Path) -> Inspector:
    return Inspector.load(bundle, device="cpu")


@dataclass
class Running:
    """A service that listens, and a client of it."""

    service: "Service"
    address: str
    client: "httpx.Client"

    def inspect(self, rgb: Path, points: Path, **fields: str) -> "httpx.Response":
        files = {
            "rgb": (rgb.name, rgb.read_bytes()),
            "geometry": (points.name, points.read_bytes()),
        }
        return self.client.post(f"/inspect/{CATEGORY}", files=files, data=fields)


@contextmanager
def running(places: list[Path], attached: Any = (), **options: Any) -> Iterator[Running]:
    """Serve in a thread, at a free port of this machine."""
    import httpx

    from mentor3ad.serving.options import ServiceOptions
    from mentor3ad.serving.server import Server, listening
    from mentor3ad.serving.service import Service

    with ExitStack() as stack:
        address = stack.enter_context(listening("127.0.0.1", 0))
        service = Service(places, ServiceOptions(device="cpu", **options), attached)
        stack.callback(service.stop)
        service.start()
        server = Server(service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [address]})
        thread.start()
        stack.callback(thread.join)
        stack.callback(lambda: server.handle_exit(15, None))
        url = f"http://127.0.0.1:{address.getsockname()[1]}"
        client = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        yield Running(service, url, client)


@pytest.fixture
def start(
    bundle: Path, inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Running]]:
    """Starts services that are stopped at the test's end; the bundle is loaded once for all."""
    load = Inspector.load

    def loaded(path: Path, **options: Any) -> Inspector:
        return inspector if path == bundle else load(path, **options)

    monkeypatch.setattr(Inspector, "load", loaded)
    monkeypatch.setattr(Inspector, "warm_up", lambda _: 0.0)
    with ExitStack() as stack:

        def begin(**options: Any) -> Running:
            options = {"history": tmp_path / "history"} | options
            places = options.pop("places", [bundle])
            return stack.enter_context(running(places, **options))

        yield begin


@pytest.fixture(scope="module")
def shared(
    bundle: Path, test_scans: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One service for tests that leave it as it is, with the test scans as its root."""
    history = tmp_path_factory.mktemp("service") / "history"
    with running([bundle], history=history, root=test_scans, upload_mb=8) as one:
        yield one


def eventually(true: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
