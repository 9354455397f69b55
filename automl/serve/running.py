"""uvicorn around the application: one process, its signals, its limits."""

from __future__ import annotations

import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from automl.errors import InputError
from automl.serve.application import Service, application

if TYPE_CHECKING:
    from asyncio import TimerHandle, Transport
    from collections.abc import Callable, Iterator

    from automl.serve.settings import Settings

logger = logging.getLogger(__name__)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "automl.serve": {"level": "INFO", "handlers": ["stderr"]},
        "uvicorn.error": {"level": "WARNING", "handlers": ["stderr"]},
    },
}
"""What the process of a server says on stderr."""

CONNECTIONS = 1000
"""Open at once; more are told 503. Each takes a file handle, of which systems allow 1,024."""


def run(settings: Settings, on_start: Callable[[str], None]) -> None:
    """Serve a model until SIGTERM or Ctrl-C, then answer what is in hand and return.

    Parameters
    ----------
    settings : Settings
    on_start : callable (url) -> None
        Told where the server listens.

    Raises
    ------
    AutoMLError
        The model cannot be loaded, or the address is taken (``E_INPUT_ADDRESS``).
    """
    service = Service(settings)
    config = uvicorn.Config(
        application(service),
        host=settings.host,
        port=settings.port,
        # In Python, but it bounds the size of headers, which the faster httptools does not.
        http=type("Patient", (_Patient,), {"patience": settings.patience}),
        ws="none",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(settings.drain)),
    )
    server = _Server(config, service, on_start)
    try:
        server.run()
    except SystemExit as error:
        raise InputError(
            "E_INPUT_ADDRESS",
            f"{settings.host}:{settings.port} cannot be listened at.",
            "Another program may have the port; --port 0 takes a free one.",
        ) from error
    if service.failure is not None:
        raise service.failure


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, service: Service, on_start: Callable[[str], None]
    ) -> None:
        super().__init__(config)
        self._service = service
        self._on_start = on_start

    async def on_tick(self, counter: int) -> bool:
        return self._service.failure is not None or await super().on_tick(counter)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        self._on_start(f"http://{host}:{port}")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in order at a signal, and leave by returning: uvicorn would raise it again."""
        wanted: dict[int, Any] = dict.fromkeys((signal.SIGINT, signal.SIGTERM), self.handle_exit)
        if hasattr(signal, "SIGHUP"):
            wanted[signal.SIGHUP] = lambda *_: self._service.current.ask()
        before = {number: signal.signal(number, what) for number, what in wanted.items()}
        try:
            yield
        finally:
            for number, what in before.items():
                signal.signal(number, what)


class _Patient(H11Protocol):
    """The protocol, with an end to connections whose headers never come."""

    patience = 10.0
    _late: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as there
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(self.patience, self._cut)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut(self) -> None:
        self._late = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            logger.info("A connection was too slow.")
            self.transport.abort()
