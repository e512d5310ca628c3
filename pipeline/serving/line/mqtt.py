"""Publishes results, status and heartbeat to an MQTT broker.

PREFIX/result      each result as JSON, QoS 1
PREFIX/drift       each alarm of a control chart and its end as JSON, QoS 1, the last one retained
PREFIX/status      online or offline, retained; the broker says offline where we vanish
PREFIX/heartbeat   true or false each second, retained: whether scans are inspected
"""

import uuid
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho

from ...plumbing.errors import ConfigError
from ..answers import DriftEvent, ScanResult
from ..service import Service
from .channel import Channel

ACKNOWLEDGED_S = 5.0
KEEPALIVE_S = 5
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class Mqtt(Channel):
    """A client of mqtt://[USER:PASSWORD@]HOST[:PORT]/PREFIX; mqtts is TLS."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError where this is no such address."""
        parts = urlsplit(url)
        self.prefix = parts.path.strip("/") or "mentor3ad"
        if parts.scheme not in _PORTS or not parts.hostname or set(self.prefix) & set("+#"):
            raise ConfigError(f"--mqtt {url}: give an address such as mqtt://host:1883/line-1")
        self.host, self.port = parts.hostname, parts.port or _PORTS[parts.scheme]
        super().__init__(f"mqtt {self.host}:{self.port}/{self.prefix}")
        name = f"mentor3ad-{uuid.uuid4().hex[:12]}"
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
        self._client.on_connect = self._connected
        self._client.will_set(f"{self.prefix}/status", "offline", qos=1, retain=True)
        self._client.reconnect_delay_set(1, 10)
        if parts.scheme == "mqtts":
            self._client.tls_set()
        if parts.username is not None:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))

    def open(self, service: Service) -> None:
        self._client.connect_async(self.host, self.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def close(self) -> None:
        if self._client.is_connected():
            status = self._client.publish(f"{self.prefix}/status", "offline", qos=1, retain=True)
            self._client.publish(f"{self.prefix}/heartbeat", "false", qos=1, retain=True)
            status.wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def deliver(self, result: ScanResult) -> None:
        self._publish("result", result.model_dump_json(), retain=False)

    def tell(self, event: DriftEvent) -> None:
        self._publish("drift", event.model_dump_json(), retain=True)

    def _publish(self, topic: str, text: str, retain: bool) -> None:
        if not self._client.is_connected():
            raise ConnectionError(f"there is no connection to {self.host}:{self.port}")
        sent = self._client.publish(f"{self.prefix}/{topic}", text, qos=1, retain=retain)
        sent.wait_for_publish(ACKNOWLEDGED_S)
        if not sent.is_published():
            raise TimeoutError(f"the broker has not acknowledged a {topic}")

    def beat(self, alive: bool) -> None:
        if self._client.is_connected():
            word = "true" if alive else "false"
            self._client.publish(f"{self.prefix}/heartbeat", word, qos=0, retain=True)

    def _connected(self, client: Any, data: Any, flags: Any, reason: Any, more: Any) -> None:
        client.publish(f"{self.prefix}/status", "online", qos=1, retain=True)
