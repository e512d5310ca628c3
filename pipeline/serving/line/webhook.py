"""Posts each result to an address, signed."""

import hashlib
import hmac
import time
from urllib.parse import urlsplit

import httpx

from ...plumbing.errors import ConfigError
from ..answers import DriftEvent, ScanResult
from .channel import Channel

TIMEOUT_S = 10.0


class Webhook(Channel):
    """A POST for each result, in order; any answer but 2xx means that it comes again.

    So come the alarms of drift, which the header X-Mentor3AD-Kind tells apart: result or drift.
    The header X-Mentor3AD-Signature is `sha256=` and the HMAC-SHA256 of the header
    X-Mentor3AD-Timestamp, a dot and the body, so that a receiver can refuse what is forged or old.
    """

    def __init__(self, url: str, secret: str | None) -> None:
        """Check the address.

        Args:
            secret: the key of the signature; None: nothing is signed.

        Raises:
            ConfigError: it is no address of HTTP.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"--webhook {url}: give an address such as https://host/path")
        super().__init__(f"webhook {url}")
        self.url, self.secret = url, secret
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)

    def deliver(self, result: ScanResult) -> None:
        self._post(result.model_dump_json(), "result", result.id)

    def tell(self, event: DriftEvent) -> None:
        self._post(event.model_dump_json(), "drift", f"drift-{event.seq}")

    def _post(self, text: str, kind: str, name: str) -> None:
        body = text.encode()
        headers = {"Content-Type": "application/json", "X-Mentor3AD-Id": name}
        headers["X-Mentor3AD-Kind"] = kind
        if self.secret is not None:
            headers |= signed(self.secret, str(int(time.time())), body)
        self._client.post(self.url, content=body, headers=headers).raise_for_status()

    def close(self) -> None:
        self._client.close()


def signed(secret: str, timestamp: str, body: bytes) -> dict[str, str]:
    """The headers that prove who sent a body, and when."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "X-Mentor3AD-Timestamp": timestamp,
        "X-Mentor3AD-Signature": f"sha256={digest.hexdigest()}",
    }
