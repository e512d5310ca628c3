"""The ASGI application of a service."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from ..plumbing.errors import DataError
from ..plumbing.logs import LOGGER
from ..plumbing.version import __version__
from .guard import Guard
from .page_routes import page_routes
from .refusals import RefusedError
from .scan_routes import scan_routes
from .service import Service


def make_app(service: Service) -> FastAPI:
    """The application; its OpenAPI description is at /openapi.json."""
    app = FastAPI(title="Mentor3AD", version=__version__, docs_url=None, redoc_url=None)
    app.include_router(scan_routes(service))
    app.include_router(page_routes(service))

    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        service.metrics.refusals.labels(str(error.status)).inc()
        return JSONResponse({"detail": str(error)}, error.status, error.headers)

    @app.exception_handler(DataError)
    async def unreadable(_: Request, error: DataError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        LOGGER.error("a request failed", exc_info=error)
        detail = "the scan could not be inspected: the service's log says why"
        return JSONResponse({"detail": detail}, 500)

    app.add_middleware(Guard, options=service.options)
    return app
