"""The options of a service, checked before a model is loaded."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from ..plumbing.errors import ConfigError

MEGABYTE, GIGABYTE = 1_000_000, 1_000_000_000
SHORTEST_TOKEN = 16  # characters


@dataclass(frozen=True)
class ServiceOptions:
    """What `mentor3ad serve` is told.

    Attributes:
        history: folder of the database and of the scans that are kept.
        host, port: address to listen at; port 0 is any free one.
        token: what a client must show; needed at any address but this machine's own.
        root: folder below which clients may name scans by path; None: they may only upload.
        queue: scans that may wait for the device.
        deadline_s: seconds after which a request is answered without a result.
        upload_mb: the largest body of a request, in megabytes.
        batch: scans that one request may name.
        keep_days, keep_gb: results older than this, or the oldest ones beyond this, are removed.
        device: auto, cpu, cuda or cuda:N.
    """

    history: Path
    host: str = "127.0.0.1"
    port: int = 8321
    token: str | None = None
    root: Path | None = None
    queue: int = 16
    deadline_s: float = 30.0
    upload_mb: float = 64.0
    batch: int = 64
    keep_days: float = 30.0
    keep_gb: float = 20.0
    device: str = "auto"

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Raises ConfigError where the options are unsafe or cannot be met."""
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise ConfigError(f"--token has less than {SHORTEST_TOKEN} characters: choose a longer")
        if self.token is None and not self.is_local:
            raise ConfigError(
                f"--host {self.host} can be reached from other machines: give a --token, or set "
                "MENTOR3AD_TOKEN, so that not everybody there can use the service"
            )
        if self.root is not None and not self.root.is_dir():
            raise ConfigError(f"--root {self.root} is no folder: name the folder of the scans")
        if self.root is not None and self.history.resolve().is_relative_to(self.root.resolve()):
            raise ConfigError(f"--history {self.history} lies in --root: name another folder")
