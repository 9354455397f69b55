"""From values to a score, by an installed metric, a scorer or a plain function."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.names import did_you_mean, listed
from automl.errors import InputError
from automl.plugin.contributions import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from automl.data.given import Given
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Task

WEIGHT = "sample_weight"
"""What scikit-learn calls the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the values of some rows are judged by.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        The encoded target.
    weight : ndarray of shape (n_rows,) or None, default=None
    columns : mapping of str to ndarray of shape (n_rows,), default={}
        What the metric reads beside.
    """

    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def take(self, rows: NDArray[Any]) -> Truth:
        """Return the rows asked for, in that order."""
        return Truth(
            y=self.y[rows],
            weight=None if self.weight is None else self.weight[rows],
            columns={name: cells[rows] for name, cells in self.columns.items()},
        )


def score_values(
    metric: Metric,
    decide: Callable[[NDArray[Any]], NDArray[Any]],
    truth: Truth,
    values: NDArray[Any],
) -> float:
    """Return a metric's score of values, in its own direction.

    Parameters
    ----------
    metric : Metric
    decide : callable (values) -> labels
        The task's decision rule, for metrics that read labels.
    truth : Truth
    values : ndarray of shape (n_rows, n_classes) or (n_rows,)
    """
    given: Any = values
    if metric.reads != "values":
        labels = decide(values)
        given = labels if metric.reads == "labels" else (values, labels)
    columns = (truth.columns,) if metric.columns else ()
    return float(metric.score(truth.y, given, truth.weight, *columns))


def columns_for(metric: Metric, given: Given) -> dict[str, NDArray[Any]]:
    """Return the cells of the columns that a metric reads, of the rows that have a target.

    Raises
    ------
    InputError
        E_INPUT_METRIC_COLUMN where one is not in the table.
    """
    known = {column.name: column for column in given.source.columns}
    for name in metric.columns:
        if name not in known:
            raise InputError(
                "E_INPUT_METRIC_COLUMN",
                f"The metric {metric.name!r} reads the column {name!r}, and the table has none of "
                f"that name. Columns: {listed(known)}.",
                did_you_mean(name, [*known]),
            )
    untyped = given.source.untyped
    return {name: known[name].take(given.rows).cells(untyped=untyped) for name in metric.columns}


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
        better; with ``sample_weight`` among its arguments it gets the weights, and further
        arguments without a default are columns of the table. A scorer says itself what it reads and
        which direction is better.
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
    needed = [
        one.name
        for one in _parameters(function)[2:]
        if one.default is one.empty and one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}
    ]
    return Metric(
        name=_name(function),
        tasks=task.names,
        score=_Calls(function, classes, sign=1, probabilities=False),
        reads="labels",
        greater_is_better=True,
        best=np.inf,
        columns=tuple(name for name in needed if name != WEIGHT),
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
        self.weighted = any(one.name == WEIGHT for one in _parameters(function))

    def __call__(
        self,
        y: NDArray[Any],
        given: NDArray[Any],
        weight: NDArray[np.float64] | None,
        columns: Mapping[str, NDArray[Any]] | None = None,
    ) -> float:
        extra = {**self.extra, **(columns or {})}
        if self.weighted:
            extra[WEIGHT] = weight
        if self.classes is not None:
            y = self.classes[y]
            if self.probabilities:
                given = given[:, 1] if given.shape[1] == 2 else given
            else:
                given = self.classes[given]
        return self.sign * float(self.function(y, given, **extra))


def _parameters(function: Callable[..., float]) -> list[inspect.Parameter]:
    try:
        return [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # some that are written in C show none
        return []


def _name(function: Callable[..., float]) -> str:
    name = str(getattr(function, "__name__", type(function).__name__)).lower()
    cleaned = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_0123456789")
    return cleaned or "function"
