"""The routes that take scans, and those that say how the service is."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from ..plumbing.errors import DataError
from .answers import (
    NamedScan,
    NamedScans,
    Readiness,
    Refusal,
    ResultOrRefusal,
    ScanId,
    ScanResult,
)
from .refusals import LateError, QueueFullError, RefusedError, TooLargeError, UnusableError
from .service import Service
from .uploads import path_below, save_uploads

Model = TypeVar("Model", bound=BaseModel)
LONGEST_JSON = 1 << 18  # bytes
_SCAN_ID: TypeAdapter[str] = TypeAdapter(ScanId)
_FORM = {
    "type": "object",
    "properties": {
        "rgb": {"type": "string", "format": "binary"},
        "geometry": {"type": "string", "format": "binary"},
        "id": {"type": "string"},
    },
    "required": ["geometry"],
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 500, 503, 504, 507)
}


def scan_routes(service: Service) -> APIRouter:
    """The routes of one service."""
    router = APIRouter()
    receiving = _Receiving(service)

    @router.post(
        "/inspect/{recipe}",
        response_model=ScanResult,
        responses={422: {"model": ScanResult}, **_REFUSALS},
        openapi_extra=_body(NamedScan, {"multipart/form-data": {"schema": _FORM}}),
        summary="Inspect one scan, as two uploads or by its paths",
    )
    async def inspect(recipe: str, request: Request, response: Response) -> ScanResult:
        start = time.perf_counter()
        service.recipe(recipe)
        service.worker.check_room()
        async with receiving:
            done = await _submitted(service, recipe, request)
        result = await _answered(service, done)
        service.metrics.seconds.labels(recipe).observe(time.perf_counter() - start)
        response.status_code = _code(result)
        return result

    @router.post(
        "/inspect/{recipe}/batch",
        response_model=list[ResultOrRefusal],
        responses={422: {"model": Refusal}, **_REFUSALS},
        openapi_extra=_body(NamedScans, {}),
        summary="Inspect several scans by their paths, one after the other",
    )
    async def inspect_batch(recipe: str, request: Request) -> list[ResultOrRefusal]:
        service.recipe(recipe)
        wanted = await _json(request, NamedScans)
        if len(wanted.scans) > service.options.batch:
            raise TooLargeError(f"a batch has at most {service.options.batch} scans")
        return [await _one_of_batch(service, recipe, scan) for scan in wanted.scans]

    @router.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
    async def readyz(response: Response) -> Readiness:
        problems = service.problems()
        response.status_code = 503 if problems else 200
        recipes = {one.name: one.version for one in service.recipes.all()}
        problems += service.recipes.problems.values()
        ready = response.status_code == 200
        return Readiness(
            ready=ready, recipes=recipes, queue=service.worker.waiting, problems=problems
        )

    @router.get("/metrics", summary="Figures in Prometheus' form")
    async def metrics() -> Response:
        kind = "text/plain; version=0.0.4; charset=utf-8"
        text = service.metrics.text(service.recipes.all(), service.drift.states)
        return Response(text, media_type=kind)

    return router


class _Receiving:
    """Bounds how many bodies are received at once."""

    def __init__(self, service: Service) -> None:
        self.most, self.now = service.options.queue + 8, 0

    async def __aenter__(self) -> None:
        if self.now >= self.most:
            raise QueueFullError(
                f"{self.now} scans are being received: try again", {"Retry-After": "1"}
            )
        self.now += 1

    async def __aexit__(self, *_: object) -> None:
        self.now -= 1


async def _submitted(service: Service, recipe: str, request: Request) -> "Future[ScanResult]":
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        named = await _json(request, NamedScan)
        return await run_in_threadpool(_submit_named, service, recipe, named)
    if kind != "multipart/form-data":
        raise UnusableError("send a scan as multipart/form-data, or its paths as application/json")
    async with _form(request) as form:
        return await run_in_threadpool(_submit_uploads, service, recipe, form)


@asynccontextmanager
async def _form(request: Request) -> AsyncIterator[FormData]:
    """The parts of a form. Those above a megabyte lie on the disk, not in memory."""
    try:
        form = await request.form(max_files=2, max_fields=2, max_part_size=4096)
    except HTTPException as error:
        raise UnusableError(f"the form cannot be read ({error.detail})") from None
    try:
        yield form
    finally:
        await form.close()


def _submit_uploads(service: Service, recipe: str, form: FormData) -> "Future[ScanResult]":
    given = form.get("id")
    scan_id = None if given is None else _checked_id(given)
    incoming = service.history.incoming()
    try:
        rgb, points, name = save_uploads(form, incoming)
    except BaseException:
        shutil.rmtree(incoming, ignore_errors=True)
        raise
    return service.submit(recipe, rgb, points, "upload", scan_id, incoming, name)


def _submit_named(service: Service, recipe: str, named: NamedScan) -> "Future[ScanResult]":
    root = service.options.root
    rgb, points = path_below(root, named.rgb), path_below(root, named.geometry)
    return service.submit(recipe, rgb, points, "path", named.id)


def _checked_id(value: object) -> str:
    try:
        return _SCAN_ID.validate_python(value)
    except ValidationError:
        raise UnusableError(
            "the id must be 1 to 128 letters, digits, dots, colons, dashes or underscores, a "
            "letter or digit first"
        ) from None


async def _one_of_batch(service: Service, recipe: str, scan: NamedScan) -> ResultOrRefusal:
    try:
        done = await run_in_threadpool(_submit_named, service, recipe, scan)
        result = await _answered(service, done)
    except RefusedError as error:
        return ResultOrRefusal(code=error.status, refusal=str(error))
    except DataError as error:
        return ResultOrRefusal(code=422, refusal=str(error))
    return ResultOrRefusal(code=_code(result), result=result)


async def _answered(service: Service, done: "Future[ScanResult]") -> ScanResult:
    """Wait for a result, until the deadline; it goes on where that passes."""
    waiting = asyncio.wrap_future(done)
    waiting.add_done_callback(lambda one: one.cancelled() or one.exception())
    finished, _ = await asyncio.wait({waiting}, timeout=service.options.deadline_s)
    if not finished:
        raise LateError("the deadline passed; send the scan again with the same id for its result")
    return waiting.result()


def _code(result: ScanResult) -> int:
    return 422 if result.status == "error" else 200


async def _json(request: Request, model: type[Model]) -> Model:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_JSON:
            raise TooLargeError(f"the JSON is longer than {LONGEST_JSON} bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the body"
        raise UnusableError(f"{place}: {problem['msg']}") from None


def _body(model: type[BaseModel], more: dict[str, object]) -> dict[str, object]:
    schema = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": schema | more}}
