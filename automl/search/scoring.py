"""From values to a score, by an installed metric, a scorer or a plain function."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import InputError
from automl.plugin.contributions import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Task


def score_values(
    metric: Metric,
    task: Task,
    y: NDArray[Any],
    values: NDArray[Any],
    weight: NDArray[np.float64] | None,
) -> float:
    """Return a metric's score of values, in its own direction."""
    given = values if metric.reads == "values" else task.decide(values)
    return float(metric.score(y, given, weight))


def resolve_metric(
    given: str | Metric | Callable[..., float] | None,
    task: Task,
    classes: NDArray[Any] | None,
    catalog: Catalog,
) -> Metric:
    """Return the metric that a user means.

    Parameters
    ----------
    given : str, Metric, scikit-learn scorer, callable (y_true, y_pred) -> float, or None
        None means the task's default. A function gets labels as the user wrote them, and greater is
        better; a scorer says itself what it reads and which direction is better.
    task : Task
    classes : ndarray or None
    catalog : Catalog

    Raises
    ------
    InputError
        E_INPUT_METRIC where it does not serve the task or is nothing that can score.
    """
    metric: Metric
    if given is None:
        metric = catalog.get("metric", task.metric)
    elif isinstance(given, str):
        metric = catalog.get("metric", given)
    elif isinstance(given, Metric):
        metric = given
    elif hasattr(given, "_score_func"):
        return _from_scorer(given, task, classes)
    elif callable(given):
        return _from_function(given, task, classes)
    else:
        raise InputError(
            "E_INPUT_METRIC",
            f"metric={given!r}, expected a name, a scikit-learn scorer or a function"
            " (y_true, y_pred) -> float.",
        )
    if not metric.tasks & task.names:
        fitting = sorted(m.name for m in catalog.metrics.values() if m.tasks & task.names)
        raise InputError(
            "E_INPUT_METRIC",
            f"The metric {metric.name!r} does not serve the task {task.name!r}.",
            f"These do: {', '.join(fitting)}.",
        )
    return metric


def _from_function(
    function: Callable[..., float], task: Task, classes: NDArray[Any] | None
) -> Metric:
    return Metric(
        name=_name(function),
        tasks=task.names,
        score=_Calls(function, classes, sign=1, probabilities=False),
        reads="labels",
        greater_is_better=True,
        best=np.inf,
    )


def _from_scorer(scorer: Any, task: Task, classes: NDArray[Any] | None) -> Metric:
    methods = scorer._response_method  # noqa: SLF001 - scikit-learn shows it nowhere else
    methods = (methods,) if isinstance(methods, str) else tuple(methods)
    probabilities = classes is not None and methods[0] != "predict"
    return Metric(
        name=_name(scorer._score_func),  # noqa: SLF001 - as above
        tasks=task.names,
        score=_Calls(
            scorer._score_func,  # noqa: SLF001 - as above
            classes,
            sign=scorer._sign,  # noqa: SLF001 - as above
            probabilities=probabilities,
            extra=scorer._kwargs,  # noqa: SLF001 - as above
        ),
        reads="values" if probabilities else "labels",
        greater_is_better=True,
        best=np.inf,
    )


class _Calls:
    """Calls a foreign scoring function with labels as the user wrote them."""

    def __init__(
        self,
        function: Callable[..., float],
        classes: NDArray[Any] | None,
        *,
        sign: int,
        probabilities: bool,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.classes = classes
        self.sign = sign
        self.probabilities = probabilities
        self.extra = extra or {}
        self.weighted = "sample_weight" in inspect.signature(function).parameters

    def __call__(
        self, y: NDArray[Any], given: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> float:
        extra = dict(self.extra)
        if weight is not None and self.weighted:
            extra["sample_weight"] = weight
        if self.classes is not None:
            y = self.classes[y]
            if self.probabilities:
                given = given[:, 1] if given.shape[1] == 2 else given
            else:
                given = self.classes[given]
        return self.sign * float(self.function(y, given, **extra))


def _name(function: Callable[..., float]) -> str:
    name = str(getattr(function, "__name__", type(function).__name__)).lower()
    cleaned = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_0123456789")
    return cleaned or "function"
