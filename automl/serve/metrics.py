"""What Prometheus is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

if TYPE_CHECKING:
    from automl.model.answer import Answer
    from automl.serve.current import Served

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the histogram of latencies."""


class Metrics:
    """Counters of one server; labels come from fixed sets, never from a request."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = self._counter("requests", "Requests answered.", "route", "status")
        self.seconds = Histogram(
            "automl_request_seconds",
            "From the headers of a request to the end of its reply.",
            ["route"],
            registry=self.registry,
            buckets=SECONDS,
        )
        self.rows = self._counter("predicted_rows", "Rows predicted.", "version")
        self.flags = self._counter("flagged_rows", "Rows with something odd.", "code")
        self.swaps = self._counter("model_swaps", "Models that took over or failed to.", "outcome")
        self.lost = self._counter("log_rows_lost", "Rows that could not be logged.")
        self.waiting = Gauge("automl_waiting", "Requests in hand.", registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"automl_{name}", text, labels, registry=self.registry)

    def answered(self, served: Served, said: Answer) -> None:
        """Count the rows of an answer."""
        self.rows.labels(served.version).inc(len(said.labels))
        for code, flagged in said.flags.items():
            self.flags.labels(code).inc(int(flagged.sum()))

    def text(self) -> bytes:
        """Return all in Prometheus' text format."""
        return generate_latest(self.registry)
