"""What stands around every request: who may ask, what may be sent, and what leaks out: nothing."""

from __future__ import annotations

import asyncio
import hmac
import logging
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.responses import Response

from automl.serve.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from automl.serve.metrics import Metrics
    from automl.serve.settings import Settings

logger = logging.getLogger(__name__)

OPEN = frozenset({"/", "/health", "/ready", "/v2/health/live", "/v2/health/ready"})
"""Asked without a token: they tell nothing about the model."""

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names that a server without a token answers to: a page elsewhere cannot ask through a browser."""

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Gate:
    """ASGI middleware: host, token, errors, headers and the measured time.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._expected = f"Bearer {settings.token}".encode()
        self._hosts = LOCAL | {settings.host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = perf_counter()
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = {**_ALWAYS, "X-Request-ID": request_id}
                message["headers"] = [*message["headers"], *_raw(more)]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, sending)
        except Refused as refused:
            await reply_of(refused, scope)(scope, receive, sending)
        except Exception:
            logger.exception("Request %s failed.", request_id)
            if status:  # part of the reply is out: all that is left is to cut it off
                raise
            failed = Refused(500, "E_SERVE_FAILED", "The server failed; its log has the id.")
            await reply_of(failed, scope)(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(perf_counter() - start)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers and b"content-length" in headers:
            # A proxy in front may see another request here than we do (RFC 9112, section 6.3).
            raise Refused(
                400, "E_SERVE_LENGTH", "The body has two lengths.", headers={"Connection": "close"}
            )
        if not self._settings.token:
            self._check_host(headers.get(b"host", b"").decode("latin-1").lower())
        elif scope["path"] not in OPEN and not hmac.compare_digest(
            headers.get(b"authorization", b""), self._expected
        ):
            raise Refused(
                401,
                "E_SERVE_TOKEN",
                "Send the header `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _check_host(self, host: str) -> None:
        name, _, port = host.rpartition(":")
        if host not in self._hosts and (name not in self._hosts or not port.isdigit()):
            raise Refused(421, "E_SERVE_HOST", "This server answers to localhost only.")


def reply_of(refused: Refused, scope: Scope) -> Response:
    """Return a refusal as a response."""
    content = refused.body(scope["state"]["request_id"])
    return Response(content, refused.status, refused.headers, "application/json")


async def body_of(request: Request, settings: Settings) -> bytes:
    """Return the body of a request that sends JSON.

    Raises
    ------
    Refused
        415 for another type or a packed body, 413 where it is too long (before it is read, where
        its length is stated), 408 where it does not arrive in time.
    """
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().replace('"', "").removeprefix("charset=")
    if kind.strip().lower() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        raise Refused(415, "E_SERVE_TYPE", "Send application/json in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "E_SERVE_PACKED", "Send the body as it is, not packed.")
    limit = settings.max_bytes
    stated = request.headers.get("content-length", "0")
    if not stated.isdigit() or int(stated[:20]) > limit:
        raise _too_long(limit)
    chunks: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(settings.patience):
            async for chunk in request.stream():
                total += len(chunk)
                if total > limit:
                    raise _too_long(limit)
                chunks.append(chunk)
    except TimeoutError as error:
        raise Refused(
            408,
            "E_SERVE_SLOW",
            f"The body did not arrive within {settings.patience:g} seconds.",
            headers={"Connection": "close"},
        ) from error
    return b"".join(chunks)


def _too_long(limit: int) -> Refused:
    return Refused(413, "E_SERVE_BODY", f"A body may have {limit} bytes; send several requests.")


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
