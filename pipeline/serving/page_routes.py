"""The routes of the live page: the history, its pictures, marks, counts and events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import resources
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from ..drift.charts import DriftState
from ..plumbing.documents import dump_json
from .answers import Marking, Refusal, ScanResult, ShiftCounts
from .guard import COOKIE, same, session
from .history import HistoryRow
from .kept import CLOUD, PICTURES, DamagedViewError, picture
from .refusals import QueueFullError, RefusedError, UnknownError
from .service import Service

MOST_LISTENERS = 64
LOOK_S = 0.2  # between looks at the history, for a listener
HEALTH_S = 2.0
_FILES = {
    "page.js": "text/javascript",
    "cloud.js": "text/javascript",
    "drift.js": "text/javascript",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
Filter = Literal["good", "defective", "unlike training", "error", "ok", "ng", "unmarked"]


class LogIn(BaseModel):
    """The token, which the page sends once."""

    token: str


class WrongTokenError(RefusedError):
    """The token is another."""

    status = 401


def page_routes(service: Service) -> APIRouter:
    """The routes of one service's page."""
    router = APIRouter()
    _add_page(router, service)
    _add_history(router, service)
    listeners = _Listeners(service)

    @router.get("/events", summary="Results as they come, as server-sent events")
    async def events(request: Request, after: int | None = None) -> StreamingResponse:
        last = request.headers.get("last-event-id", "")
        first = int(last) if last.isdigit() else after
        stream = listeners.stream(service.history.latest if first is None else first)
        return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)

    return router


def _add_page(router: APIRouter, service: Service) -> None:
    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        return Response(_file("index.html"), media_type="text/html", headers=_HEADERS)

    for name in _FILES:
        router.add_api_route(f"/{name}", _sender(name), include_in_schema=False)

    @router.post("/login", include_in_schema=False)
    async def login(shown: LogIn, request: Request) -> Response:
        token = service.options.token
        if token is None or not same(shown.token, token):
            await asyncio.sleep(0.5)  # whoever guesses waits
            raise WrongTokenError("this is not the service's token")
        answer = Response(status_code=204)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, session(token), httponly=True, samesite="strict", secure=secure, max_age=43_200
        )
        return answer


def _add_history(router: APIRouter, service: Service) -> None:
    @router.get("/history", response_model=list[ScanResult], summary="Results, newest first")
    def history(
        before: int | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        recipe: str | None = None,
        only: Filter | None = None,
    ) -> list[ScanResult]:
        return service.history.before(before, limit, recipe, only)

    @router.get("/counts", response_model=ShiftCounts, summary="Results since a time, by status")
    def counts(since: float) -> ShiftCounts:
        return service.history.counts(since)

    @router.get("/drift", response_model=list[DriftState], summary="The control charts, by recipe")
    def drift() -> Sequence[DriftState]:
        return service.drift.states

    @router.get(
        "/results/{scan_id}",
        response_model=ScanResult,
        responses={404: {"model": Refusal}},
        summary="The result of a scan, by its id",
    )
    def result(scan_id: str) -> ScanResult:
        if (row := service.history.by_id(scan_id)) is None:
            raise UnknownError(f"there is no result of a scan with the id {scan_id!r}")
        return row.result

    @router.put("/scans/{seq}/mark", response_model=ScanResult, summary="Keep a reviewer's word")
    def mark(seq: int, marking: Marking) -> ScanResult:
        service.history.mark(seq, marking.mark)
        service.drift.note_mark()
        return _row(service, seq).result

    @router.get("/scans/{seq}/{name}", summary="A picture: image.png, heatmap.png or map.tiff")
    def scan_picture(seq: int, name: str) -> Response:
        if name not in (*PICTURES, CLOUD):
            raise UnknownError(f"a scan has no picture called {name}")
        try:
            content = picture(service.history.home(_row(service, seq)), name)
        except FileNotFoundError:
            raise UnknownError(f"scan {seq} has no pictures, as it was not inspected") from None
        except DamagedViewError as error:
            raise UnknownError(f"scan {seq} has no pictures: {error}") from None
        kind = PICTURES.get(name, "application/octet-stream")
        return Response(content, media_type=kind, headers=_FOREVER)


class _Listeners:
    """The browsers that listen to events; there are not too many at once."""

    def __init__(self, service: Service) -> None:
        self.service, self.now = service, 0

    def stream(self, after: int) -> AsyncIterator[str]:
        if self.now >= MOST_LISTENERS:
            raise QueueFullError(f"{self.now} pages listen already", {"Retry-After": "30"})
        return self._events(after)

    async def _events(self, after: int) -> AsyncIterator[str]:
        self.now += 1
        told = 0.0
        try:
            while not self.service.stopping.is_set():
                if time.monotonic() - told > HEALTH_S:
                    told = time.monotonic()
                    yield f"event: health\ndata: {self._health()}\n\n"
                if self.service.history.latest > after:
                    for result in self.service.history.after(after):
                        after = result.seq
                        yield f"id: {after}\nevent: result\ndata: {result.model_dump_json()}\n\n"
                await asyncio.sleep(LOOK_S)
        finally:
            self.now -= 1

    def _health(self) -> str:
        service = self.service
        problems = [*service.problems(), *service.recipes.problems.values()]
        return dump_json({"queue": service.worker.waiting, "problems": problems})


def _row(service: Service, seq: int) -> HistoryRow:
    if (row := service.history.by_number(seq)) is None:
        raise UnknownError(f"there is no scan {seq} in the history")
    return row


def _sender(name: str) -> Callable[[], Response]:
    def send() -> Response:
        return Response(_file(name), media_type=_FILES[name], headers=_HEADERS)

    return send


def _file(name: str) -> bytes:
    return (resources.files(__package__) / "html" / name).read_bytes()
