"""Webhook, MQTT and OPC UA against real receivers on this machine."""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from testbed.clone import CATEGORY

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra line is not installed")
pytest.importorskip("paho.mqtt", reason="the extra line is not installed")
pytest.importorskip("asyncua", reason="the extra line is not installed")

from mentor3ad.plumbing.errors import ConfigError
from mentor3ad.serving.line.mqtt import Mqtt
from mentor3ad.serving.line.opcua import OpcUa
from mentor3ad.serving.line.webhook import Webhook

from .conftest import Running, eventually


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def send(one: Running, test_scans: Path, name: str) -> Any:
    return one.inspect(
        test_scans / "good/rgb/000.png", test_scans / "good/xyz/000.tiff", id=name
    ).json()


class Receiver:
    """An HTTP server that notes what it is sent, once it is well."""

    def __init__(self, port: int = 0) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05])
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_a_webhook_gets_what_it_missed_signed(
    start: Callable[..., Running], test_scans: Path
) -> None:
    port = free_port()
    one = start(attached=[Webhook(f"http://127.0.0.1:{port}/in", "secret")])
    sent = [send(one, test_scans, name) for name in ("a", "b")]  # while nobody listens
    receiver = Receiver(port)
    try:
        eventually(lambda: len(receiver.got) >= 2)
    finally:
        receiver.stop()
    assert [json.loads(body) for _, body in receiver.got] == sent
    headers, body = receiver.got[0]
    signed = f"{headers['X-Mentor3AD-Timestamp']}.".encode() + body
    digest = hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert headers["X-Mentor3AD-Signature"] == f"sha256={digest}"
    assert headers["X-Mentor3AD-Id"] == "a"


def test_a_delivered_result_is_not_sent_again_after_a_restart(
    start: Callable[..., Running], test_scans: Path
) -> None:
    receiver = Receiver()
    url = f"http://127.0.0.1:{receiver.server.server_port}/"
    try:
        one = start(attached=[Webhook(url, None)])
        send(one, test_scans, "a")
        eventually(lambda: receiver.got)
        one.service.stop()
        again = start(attached=[Webhook(url, None)])
        send(again, test_scans, "b")
        eventually(lambda: len(receiver.got) == 2)
        assert [headers["X-Mentor3AD-Id"] for headers, _ in receiver.got] == ["a", "b"]
    finally:
        receiver.stop()


def test_a_webhook_that_refuses_holds_up_no_other(
    start: Callable[..., Running], test_scans: Path
) -> None:
    well = Receiver()
    ill = f"http://127.0.0.1:{free_port()}/"
    try:
        url = f"http://127.0.0.1:{well.server.server_port}/"
        one = start(attached=[Webhook(ill, None), Webhook(url, None)])
        for name in ("a", "b"):
            send(one, test_scans, name)
        eventually(lambda: len(well.got) == 2)
        assert one.service.history.delivered(f"webhook {ill}") == 0
    finally:
        well.stop()


@contextmanager
def broker(port: int) -> Iterator[None]:
    """An MQTT broker; whoever leaves cuts its clients off."""
    amqtt = pytest.importorskip("amqtt.broker", reason="the extra serve-tests is not installed")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(20)

    async def begin() -> Any:
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
        made = amqtt.Broker({"listeners": listeners, "plugins": plugins}, loop=loop)
        await made.start()
        return made

    made = asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    try:
        yield
    finally:
        do(made.shutdown())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Subscriber:
    """What a client of the broker sees below a prefix, from the moment it has subscribed."""

    def __init__(self, port: int, prefix: str) -> None:
        import paho.mqtt.client as paho

        self.seen: list[tuple[str, bytes]] = []
        self.ready = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda c, *_: c.subscribe(f"{prefix}/#", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = lambda c, u, m: self.seen.append((m.topic, m.payload))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(10)

    def of(self, topic: str) -> list[bytes]:
        return [payload for name, payload in self.seen if name == topic]

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.filterwarnings("ignore")  # the broker's own
def test_a_dead_broker_loses_nothing(start: Callable[..., Running], test_scans: Path) -> None:
    port = free_port()
    with broker(port):
        one = start(attached=[Mqtt(f"mqtt://127.0.0.1:{port}/line-1")])
        seen = Subscriber(port, "line-1")
        eventually(lambda: seen.of("line-1/status") == [b"online"])
        eventually(lambda: b"true" in seen.of("line-1/heartbeat"))
        first = send(one, test_scans, "a")
        eventually(lambda: seen.of("line-1/result"))
        assert json.loads(seen.of("line-1/result")[0]) == first
        seen.stop()
    start_time = time.monotonic()
    second = send(one, test_scans, "b")
    assert second["id"] == "b"
    assert time.monotonic() - start_time < 20  # no decision waits for the broker
    with broker(port):
        again = Subscriber(port, "line-1")
        eventually(lambda: again.of("line-1/result"), seconds=40)
        assert {json.loads(one)["id"] for one in again.of("line-1/result")} == {"b"}
        one.service.stop()
        eventually(lambda: again.of("line-1/status")[-1:] == [b"offline"])
        again.stop()


@pytest.mark.filterwarnings("ignore")  # the client's own
def test_an_opc_ua_client_reads_and_triggers(
    start: Callable[..., Running], test_scans: Path
) -> None:
    from asyncua.sync import Client

    url = f"opc.tcp://127.0.0.1:{free_port()}"
    one = start(attached=[OpcUa(url)], root=test_scans)
    with Client(url, timeout=60) as client:
        space = client.get_namespace_index("urn:mentor3ad")
        home = client.nodes.objects.get_child(f"{space}:Mentor3AD")

        def value(name: str) -> Any:
            return home.get_child(f"{space}:{name}").read_value()

        trigger = f"{space}:Trigger"
        status, name = home.call_method(trigger, CATEGORY, "good/rgb/000.png", "good/xyz/000.tiff")
        row = one.service.history.by_id(name)
        assert row is not None
        assert (row.result.status, row.result.source) == (status, "trigger")
        eventually(lambda: value("LastSeq") == 1)
        assert (value("LastId"), value("LastStatus")) == (name, status)
        assert value("LastScore") == row.result.score
        eventually(lambda: value("Heartbeat"))
        refused = home.call_method(trigger, CATEGORY, "../secret", "good/xyz/000.tiff")
        assert refused[0] == "refused"
        one.service.stopping.set()
        eventually(lambda: not value("Heartbeat"), seconds=5)


def test_bad_addresses_are_refused() -> None:
    with pytest.raises(ConfigError, match="--webhook ftp://x"):
        Webhook("ftp://x", None)
    with pytest.raises(ConfigError, match="--mqtt http://x"):
        Mqtt("http://x")
    with pytest.raises(ConfigError, match="reached from other machines"):
        OpcUa("opc.tcp://0.0.0.0:4840")
