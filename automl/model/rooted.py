"""What a pickled predictor finds again instead of carrying it: contributions hold code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import PluginError
from automl.plugin.contributions import Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.model.member import Part
    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Task


class Rooted:
    """What is found again instead of pickled: contributions hold code."""

    def __init__(self, catalog: Catalog, task: Task, metric: Metric) -> None:
        self.catalog = catalog
        self.task = task
        self.metric = metric

    def __deepcopy__(self, memo: dict[int, Any]) -> Rooted:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        metric = self.metric
        return _find, (self.task.name, metric.name, metric.reads, metric.greater_is_better)


def absent_metric(task: Task, name: str, reads: Any, greater_is_better: bool) -> Metric:
    """Return what stands for a metric that is not installed: it has a name and cannot score."""
    return Metric(
        name=name,
        tasks=task.names,
        score=_Absent(name),
        reads=reads,
        greater_is_better=greater_is_better,
        best=np.inf if greater_is_better else -np.inf,
    )


class _Absent:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *_: object) -> float:
        raise PluginError(
            "E_PLUGIN_UNKNOWN",
            f"The metric {self.name!r} is not installed.",
            "Name another with evaluate(..., metrics=[...]).",
        )


def rebuilt(
    kind: type[Predictor],
    rooted: Rooted,
    schema: Schema,
    target: str,
    classes: NDArray[Any] | None,
    parts: tuple[Part, ...],
    info: Mapping[str, Any],
) -> Predictor:
    """Return a predictor from what was pickled of it."""
    task, metric, catalog = rooted.task, rooted.metric, rooted.catalog
    return kind(schema, task, metric, target, classes, parts, catalog, info)


def _find(task_name: str, metric_name: str, reads: Any, greater_is_better: bool) -> Rooted:
    from automl.plugin.discovery import discover

    catalog = discover()
    task = catalog.get("task", task_name)
    metric = catalog.metrics.get(metric_name)
    if metric is None:
        metric = absent_metric(task, metric_name, reads, greater_is_better)
    return Rooted(catalog, task, metric)
