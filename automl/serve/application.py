"""The routes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from automl._version import __version__
from automl.errors import AutoMLError
from automl.serve import page, replies, v2
from automl.serve.current import Current, Served
from automl.serve.desk import Desk
from automl.serve.document import answers, asks, components
from automl.serve.gate import Gate, body_of, reply_of
from automl.serve.metrics import Metrics
from automl.serve.record import Record
from automl.serve.refused import Refused, busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from automl.model.answer import Answer
    from automl.serve.rows import Sent
    from automl.serve.settings import Settings

    Work = Callable[[Served, bytes], tuple[bytes, Answer, Sent]]

VERSION = "X-Model-Version"
"""Header of each prediction."""

EXPLANATIONS = 8
"""Requests for explanations that may be in hand at once."""


class Service:
    """One server: its model, its desk, its counters.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    failure : AutoMLError or None
        Why the first model cannot be loaded; whoever runs the server ends it then.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.desk = Desk(settings.places, settings.threads)
        # An explanation takes many predictions: they wait for each other, nobody else for them.
        self.slow_desk = Desk(min(settings.places, EXPLANATIONS), 1)
        self.current = Current(
            settings.path,
            settings.name,
            settings.trusted,
            lambda outcome: self.metrics.swaps.labels(outcome).inc(),
        )
        self.record = (
            Record(settings.record, with_rows=settings.record_rows) if settings.record else None
        )
        self.failure: AutoMLError | None = None
        self.metrics.waiting.set_function(lambda: self.desk.taken + self.slow_desk.taken)

    def served(self) -> Served:
        """Return the model that answers now.

        Raises
        ------
        Refused
            503 until the first one has predicted once.
        """
        if self.current.served is None:
            raise busy("E_SERVE_NOT_READY", "The model is being loaded.")
        return self.current.served

    async def predict(self, request: Request, work: Work, desk: Desk | None = None) -> Response:
        """Have a worker turn the body of a request into that of the reply."""
        served = self.served()
        desk = desk or self.desk
        with desk.place():
            body = await body_of(request, self.settings)
            content, said, sent = await desk.do(partial(work, served, body))
        self.metrics.answered(served, said)
        if self.record is not None:
            add = partial(self.record.add, request.state.request_id, served, said, sent)
            self.metrics.lost.inc(await self.desk.do(add))
        headers = {VERSION: served.version}
        return Response(content, headers=headers, media_type="application/json")

    async def explain(self, request: Request, *, several: bool) -> Response:
        """Have the worker for explanations answer."""
        most = self.settings.max_explained
        work = partial(replies.explained, max_rows=most, several=several)
        return await self.predict(request, work, self.slow_desk)

    async def live(self) -> None:
        """Load the model, then look after it for ever."""
        try:
            await self.current.start()
        except AutoMLError as error:
            self.failure = error
            return
        await self.current.watch(self.settings.watch)


def application(service: Service) -> FastAPI:
    """Return the ASGI application of a service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Connections are taken at once, so that /health answers while the model is loaded.
        life = asyncio.create_task(service.live())
        yield
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life

    app = FastAPI(
        title="automl", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(Gate, settings=service.settings, metrics=service.metrics)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _no_route)
    _add_routes(app, service)
    if service.settings.v2:
        _add_v2(app, service)
    app.openapi = partial(_document, app, service)  # type: ignore[method-assign]  # as FastAPI says
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    max_rows = service.settings.max_rows

    @app.get("/", include_in_schema=False)
    async def show_page() -> Response:
        return HTMLResponse(page.HTML, headers=page.HEADERS)

    @app.get("/health", summary="Whether the process answers.")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", summary="Whether the model has been loaded and has predicted once.")
    async def ready() -> dict[str, Any]:
        return {"status": "ready", "model": service.served().title}

    @app.get("/schema", summary="The fields of a row, a typical row, the classes.")
    async def schema() -> JSONResponse:
        served = service.served()
        return JSONResponse(replies.finite(about(served)), headers={VERSION: served.version})

    @app.get("/metrics", summary="Prometheus' text format.")
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.post(
        "/predict",
        summary="Predict one row.",
        openapi_extra=asks("Row", explains=True),
        responses=answers("Prediction"),
    )
    async def predict(request: Request) -> Response:
        if wants_reasons(request.query_params.getlist("explain")):
            return await service.explain(request, several=False)
        return await service.predict(request, replies.single)

    @app.post(
        "/predict/batch",
        summary=f"Predict up to {max_rows} rows.",
        openapi_extra=asks("Rows", explains=True),
        responses=answers("Predictions"),
    )
    async def predict_batch(request: Request) -> Response:
        if wants_reasons(request.query_params.getlist("explain")):
            return await service.explain(request, several=True)
        return await service.predict(request, partial(replies.batch, max_rows=max_rows))


def _add_v2(app: FastAPI, service: Service) -> None:
    max_rows = service.settings.max_rows

    def named(name: str, version: str = "") -> Served:
        served = service.served()
        if name != served.name or version not in {"", served.version}:
            raise Refused(404, "E_SERVE_MODEL", f"The model is {served.name!r}, see /v2/models.")
        return served

    @app.get("/v2", summary="V2: the server.")
    async def server() -> dict[str, Any]:
        return v2.server()

    @app.get("/v2/health/live", summary="V2: whether the process answers.")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/v2/health/ready", summary="V2: whether the model answers.")
    async def ready() -> dict[str, bool]:
        service.served()
        return {"ready": True}

    @app.get("/v2/models/{name}", summary="V2: the model's tensors.")
    @app.get("/v2/models/{name}/versions/{version}", include_in_schema=False)
    async def model(name: str, version: str = "") -> dict[str, Any]:
        return v2.metadata(named(name, version))

    @app.get("/v2/models/{name}/ready", summary="V2: whether the model answers.")
    @app.get("/v2/models/{name}/versions/{version}/ready", include_in_schema=False)
    async def model_ready(name: str, version: str = "") -> dict[str, Any]:
        return {"name": named(name, version).name, "ready": True}

    @app.post(
        "/v2/models/{name}/infer",
        summary="V2: predict.",
        openapi_extra=asks("Inference"),
        responses=answers("Inference"),
    )
    @app.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str, version: str = "") -> Response:
        named(name, version)
        return await service.predict(request, partial(v2.infer, max_rows=max_rows))


def wants_reasons(given: Sequence[str]) -> bool:
    """Return whether ``explain`` of a query asks for explanations.

    Raises
    ------
    Refused
        422 for anything but one ``true`` or ``false``.
    """
    if not given:
        return False
    if len(given) > 1 or given[0] not in {"true", "false"}:
        problem = {"field": "explain", "problem": "expected true or false"}
        raise Refused(422, "E_SERVE_FIELDS", "The query cannot be used.", [problem])
    return given[0] == "true"


def about(served: Served) -> dict[str, Any]:
    """Return what ``/schema`` says."""
    predictor = served.predictor
    classes = predictor.classes
    return {
        "model": served.title,
        "target": predictor.target,
        "task": predictor.task.name,
        "classes": None if classes is None else classes.tolist(),
        "fields": served.fields,
        "example": {field["name"]: field["example"] for field in served.fields},
    }


def _document(app: FastAPI, service: Service) -> dict[str, Any]:
    """Return the OpenAPI document; another model may have other fields, so it is made anew."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components(service.served()))
    return document


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - it is registered for this class
    return reply_of(error, request.scope)


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    message = "There is no such route." if status == 404 else "This is not how the route is used."
    headers = error.headers if isinstance(error, HTTPException) else None
    return reply_of(Refused(status, "E_SERVE_ROUTE", message, headers=headers), request.scope)
