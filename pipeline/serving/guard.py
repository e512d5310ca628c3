"""Stands before every request: who may ask, and how much may be sent."""

import asyncio
import hashlib
import hmac
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..plumbing.documents import dump_json
from .options import MEGABYTE, ServiceOptions
from .refusals import TooLargeError

COOKIE = "mentor3ad"
PATIENCE_S = 5.0
_PAGE = ("/page.js", "/cloud.js", "/drift.js", "/page.css", "/icon.svg")
OPEN = ("/", "/healthz", "/readyz", "/login", *_PAGE)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Guard:
    """An ASGI middleware. What it refuses costs no memory: a body is not read."""

    def __init__(self, app: ASGIApp, options: ServiceOptions) -> None:
        self.app, self.options = app, options
        self.limit = int(options.upload_mb * MEGABYTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = _Body(receive, "content-length" in headers or "transfer-encoding" in headers)
        if (refusal := self._refusal(scope["path"], headers)) is not None:
            await body.pass_by()
            await _answer(send, *refusal)
            return

        async def after_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await body.pass_by()
            await send(message)

        await self.app(scope, self._bounded(body.receive), after_body)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str] | None:
        if not self._is_own_page(headers):
            return 403, "another site's page may not use the service"
        if path not in OPEN and not self._may(headers):
            return 401, "a token is needed: send it as Authorization: Bearer TOKEN"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.limit:
            return 413, self._too_large
        return None

    @property
    def _too_large(self) -> str:
        return f"the body is larger than {self.options.upload_mb:g} MB, the most that is taken"

    def _is_own_page(self, headers: Headers) -> bool:
        """Whether no browser sends this for another site, nor under a name that is made to ours."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return False
        if self.options.token is not None:
            return True
        try:
            return urlsplit(f"//{host}").hostname in (*_LOCAL, self.options.host)
        except ValueError:
            return False

    def _may(self, headers: Headers) -> bool:
        token = self.options.token
        if token is None:
            return True
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        cookies = dict(
            part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";")
        )
        return same(shown, token) or same(cookies.get(COOKIE, ""), session(token))

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise TooLargeError(self._too_large)
            return message

        return bounded


class _Body:
    """The body of a request, of which a client that is refused early sends the rest in vain.

    It must be read all the same, though not kept: a client that still sends when the connection
    closes never sees the answer.
    """

    def __init__(self, source: Receive, there: bool) -> None:
        self._source, self._left = source, there

    async def receive(self) -> Message:
        message = await self._source()
        self._left = bool(message.get("more_body", False))
        return message

    async def pass_by(self) -> None:
        """Read what is left, for `PATIENCE_S` at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while self._left:
                    await self.receive()


def session(token: str) -> str:
    """What the page's cookie holds, from which nobody learns the token."""
    return hmac.new(token.encode(), b"mentor3ad page", hashlib.sha256).hexdigest()


def same(shown: str, expected: str) -> bool:
    """Compare in a time that does not tell how much is right."""
    return hmac.compare_digest(shown.encode(), expected.encode())


async def _answer(send: Send, status: int, text: str) -> None:
    body = dump_json({"detail": text}).encode()
    kinds = [(b"content-type", b"application/json"), (b"connection", b"close")]
    length = [(b"content-length", str(len(body)).encode())]
    extra = [(b"www-authenticate", b"Bearer")] if status == 401 else []
    head = {"type": "http.response.start", "status": status, "headers": kinds + length + extra}
    await send(head)
    await send({"type": "http.response.body", "body": body})
