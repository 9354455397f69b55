"""Servers in processes of their own, and what one says to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

SITE = str(Path(__file__).parent / "site")
MAIN = "from automl.cli import main; main()"
TOKEN = "a-token-that-is-long-enough"
ROW: dict[str, Any] = {"size": 0.5, "colour": "red", "since": "2024-03-01", "fit": True, "x": 1}
FAILS = {**ROW, "size": 123_456.0}
HELD = {**ROW, "size": 765_432.0}
"""A row that takes the model until the file is there that MOODY_GO names."""
PATIENCE = 300
"""Seconds after which a test gives up: machines that run tests are busy."""


def sleeps(seconds: float) -> dict[str, Any]:
    """Return a row that takes the model so long."""
    return {**ROW, "size": 654_000.0 + seconds}


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which the moody plugin is installed."""
    path = os.pathsep.join([SITE, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **more}


def command(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.data["error"]
        assert set(found) >= {"code", "message", "id"}
        assert "Traceback" not in self.body.decode()
        return found


class Server:
    """One `automl serve` in its own process."""

    def __init__(self, process: subprocess.Popen[str], host: str, port: int, log: Path) -> None:
        self.process, self.host, self.port, self.log = process, host, port, log

    def connect(self, timeout: float = PATIENCE) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = self.connect()
        try:
            return ask(connection, method, path, body, **headers)
        finally:
            connection.close()

    def predict(self, row: Any, path: str = "/predict", **headers: str) -> Answer:
        return self.ask("POST", path, row, **headers)

    def metrics(self) -> dict[str, float]:
        from prometheus_client.parser import text_string_to_metric_families

        text = self.ask("GET", "/metrics").body.decode()
        return {
            f"{sample.name}{json.dumps(sample.labels, sort_keys=True) if sample.labels else ''}": (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def wait(self, path: str = "/ready", status: int = 200) -> Answer:
        return until(lambda: (a := self.ask("GET", path)).status == status and a)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def until(look: Any, seconds: float = PATIENCE) -> Any:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found


def ask(connection: HTTPConnection, method: str, path: str, body: Any, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        given = {"content-type": "application/json", **given}
    connection.request(method, path, body, given)
    reply = connection.getresponse()
    named = {name.lower(): value for name, value in reply.getheaders()}
    return Answer(reply.status, named, reply.read())


@contextmanager
def serving(
    model: Path, tmp_path: Path, *words: str, ready: bool = True, **more: str
) -> Iterator[Server]:
    """Run a server on a free port until the block ends."""
    log = tmp_path / "server.log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "serve", str(model), "--port", "0", "--json", *words],
            env=environment(**more),
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            encoding="utf-8",
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text(encoding="utf-8")
            host, _, port = json.loads(line)["url"].removeprefix("http://").rpartition(":")
            server = Server(process, host, int(port), log)
            if ready:
                server.wait()
            yield server
        finally:
            process.kill()
            process.communicate()
