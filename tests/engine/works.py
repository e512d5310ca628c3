"""Work for the engine's tests: what a worker imports, so it lies in a module."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mentor3ad.engine.work import Opened, Seat
from mentor3ad.plumbing.errors import DataError, WeightsError


@dataclass(frozen=True)
class Squares:
    """Squares numbers, each in some seconds.

    Attributes:
        folder: where each start of an item leaves a file, named by item and process.
        deadly: the item that ends its worker.
        bad: the item that is refused.
        broken: whether no worker can begin.
        own: whether each worker says of itself what no other says.
    """

    folder: Path
    seconds: float = 0.0
    deadly: int = -1
    bad: int = -1
    broken: bool = False
    own: bool = False

    @contextmanager
    def begin(self, seat: Seat) -> Iterator[Opened[int, int]]:
        if self.broken:
            raise WeightsError("dino.safetensors is not there: give its path")
        torch = str(os.getpid()) if self.own else "2.9"
        yield Opened({"torch": torch, "threads": str(seat.threads)}, self._square)

    def _square(self, item: int) -> int:
        (self.folder / f"{item}-{os.getpid()}").touch()
        if item == self.bad:
            raise DataError(f"scan {item} has no points: scan it again")
        if item == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        return item * item
