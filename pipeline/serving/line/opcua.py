"""An OPC UA server with the last result, a heartbeat and a method that inspects a scan."""

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from asyncua import Server, ua, uamethod

from ...drift.charts import DriftState
from ...plumbing.errors import ConfigError, Mentor3ADError
from ..answers import DriftEvent, ScanResult
from ..refusals import RefusedError
from ..service import Service
from ..uploads import path_below
from .channel import Channel

NAMESPACE = "urn:mentor3ad"
_VARIABLES: dict[str, tuple[Any, ua.VariantType]] = {
    "LastSeq": (0, ua.VariantType.Int64),
    "LastId": ("", ua.VariantType.String),
    "LastRecipe": ("", ua.VariantType.String),
    "LastStatus": ("", ua.VariantType.String),
    "LastScore": (0.0, ua.VariantType.Double),
    "LastThreshold": (0.0, ua.VariantType.Double),
    "LastResult": ("", ua.VariantType.String),
    "Drift": (False, ua.VariantType.Boolean),
    "LastDrift": ("", ua.VariantType.String),
    "Heartbeat": (False, ua.VariantType.Boolean),
    "HeartbeatTime": (datetime.fromtimestamp(0, UTC), ua.VariantType.DateTime),
}


class OpcUa(Channel):
    """The object Mentor3AD of a server at opc.tcp://HOST:PORT; its values are for reading.

    Trigger(recipe, rgb, geometry) inspects a scan by its paths below the service's root, and
    returns its status and its id.
    """

    def __init__(self, url: str) -> None:
        """Raises ConfigError where this is no such address, or one of other machines."""
        parts = urlsplit(url)
        if parts.scheme != "opc.tcp" or not parts.hostname or not parts.port:
            raise ConfigError(f"--opcua {url}: give an address such as opc.tcp://127.0.0.1:4840")
        if not _is_local(parts.hostname):
            raise ConfigError(
                f"--opcua {url} can be reached from other machines, where nobody is asked for a "
                "token: use 127.0.0.1, and a gateway or a tunnel of the line's"
            )
        super().__init__(f"opcua {url}")
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._running = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._nodes: dict[str, Any] = {}
        self._server: Any = None
        self._states: Callable[[], Sequence[DriftState]] = tuple

    def open(self, service: Service) -> None:
        self._states = lambda: service.drift.states
        self._running.start()
        try:
            self._do(self._open(service), 30)
        except OSError as error:
            raise ConfigError(
                f"--opcua {self.url} cannot be listened at ({error.strerror})"
            ) from None

    async def _open(self, service: Service) -> None:
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.url)
        self._server.set_server_name("Mentor3AD")
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        space = await self._server.register_namespace(NAMESPACE)
        home = await self._server.nodes.objects.add_object(space, "Mentor3AD")
        for name, (value, kind) in _VARIABLES.items():
            self._nodes[name] = await home.add_variable(space, name, value, kind)
        text = [ua.VariantType.String]
        await home.add_method(space, "Trigger", _trigger(service), text * 3, text * 2)
        await self._server.start()

    def close(self) -> None:
        if self._server is not None:
            self._do(self._server.stop(), 10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._running.is_alive():
            self._running.join(timeout=5)
        self._loop.close()

    def deliver(self, result: ScanResult) -> None:
        values = {
            "LastId": result.id,
            "LastRecipe": result.recipe,
            "LastStatus": result.status,
            "LastScore": float("nan") if result.score is None else result.score,
            "LastThreshold": float("nan") if result.threshold is None else result.threshold,
            "LastResult": result.model_dump_json(),
            "LastSeq": result.seq,  # last: whoever sees it change finds the others
        }
        self._do(self._write(values), 5)

    def tell(self, event: DriftEvent) -> None:
        self._do(self._write({"LastDrift": event.model_dump_json()}), 5)

    def beat(self, alive: bool) -> None:
        drift = any(state.drift for state in self._states())
        values = {"Drift": drift, "Heartbeat": alive, "HeartbeatTime": datetime.now(UTC)}
        self._do(self._write(values), 5)

    async def _write(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            await self._nodes[name].write_value(value, _VARIABLES[name][1])

    def _do(self, work: Any, seconds: float) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)


def _trigger(service: Service) -> Any:
    @uamethod
    async def trigger(parent: Any, recipe: str, rgb: str, geometry: str) -> tuple[str, str]:
        try:
            root = service.options.root
            paths = path_below(root, rgb), path_below(root, geometry)
            done = await asyncio.to_thread(service.submit, recipe, *paths, "trigger")
            result = await asyncio.wait_for(
                asyncio.shield(asyncio.wrap_future(done)), service.options.deadline_s
            )
        except (RefusedError, Mentor3ADError) as error:
            return "refused", str(error)
        except TimeoutError:
            return "refused", "the deadline passed"
        return result.status, result.id

    return trigger


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
