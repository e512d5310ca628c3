"""What all ways out have in common: a thread that delivers from the history, in order."""

import threading
import time

from ...plumbing.logs import LOGGER
from ..answers import DriftEvent, ScanResult
from ..service import Service

BEAT_S = 1.0
LONGEST_PAUSE_S = 30.0
_LOOK_S = 0.1


class Channel:
    """Delivers each result at least once, with its id; no decision waits for it.

    The history notes up to which result the channel has delivered, so that what a dead receiver
    or a killed service has missed is delivered later.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._beaten = 0.0

    def start(self, service: Service) -> None:
        """Open the channel and begin to deliver."""
        self.open(service)
        self._thread = threading.Thread(target=self._run, args=[service], name=self.name)
        self._thread.daemon = True
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.close()

    def problem(self) -> str | None:
        """A receiver that is away lets no scan be missed."""
        return None

    def open(self, service: Service) -> None:
        """Begin to connect. Raises ConfigError."""

    def close(self) -> None:
        """Tell the receiver that the service has ended."""

    def deliver(self, result: ScanResult) -> None:
        """Hand a result over, and return once the receiver has it; any exception is a failure."""
        raise NotImplementedError

    def tell(self, event: DriftEvent) -> None:
        """Hand an alarm of a control chart over, or its end; as `deliver`."""

    def beat(self, alive: bool) -> None:
        """Tell the receiver, once a second, whether scans are inspected."""

    def _run(self, service: Service) -> None:
        history = service.history
        told = history.delivered(f"{self.name} drift", history.latest_event)
        delivered = history.delivered(self.name)
        due = 0.0
        while not self._stop.is_set():
            self._beat(service)
            if time.monotonic() >= due and (
                history.latest > delivered or history.latest_event > told
            ):
                delivered, told, pause = self._deliver(service, delivered, told)
                due = time.monotonic() + pause
            self._stop.wait(_LOOK_S)

    def _deliver(self, service: Service, delivered: int, told: int) -> tuple[int, int, float]:
        """Deliver a few results and alarms; returns the last numbers, and how long to wait."""
        try:
            for result in service.history.after(delivered, limit=10):
                self.deliver(result)
                delivered = result.seq
                service.history.set_delivered(self.name, delivered)
            for event in service.history.events_after(told, limit=10):
                self.tell(event)
                told = event.seq
                service.history.set_delivered(f"{self.name} drift", told)
        except Exception as error:
            self._failures += 1
            if self._failures == 1:
                LOGGER.warning("%s does not take results, tried again: %s", self.name, error)
            return delivered, told, min(LONGEST_PAUSE_S, 0.25 * 2 ** min(self._failures, 10))
        if self._failures:
            LOGGER.info("%s takes results again", self.name)
        self._failures = 0
        return delivered, told, 0.0

    def _beat(self, service: Service) -> None:
        if time.monotonic() - self._beaten < BEAT_S:
            return
        self._beaten = time.monotonic()
        try:
            self.beat(service.alive())
        except Exception as error:
            LOGGER.debug("%s takes no heartbeat: %s", self.name, error)
