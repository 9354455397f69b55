"""How good a predictor is on rows whose target is known, in numbers and in the task's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl.model import reading
from automl.search.scoring import Truth, columns_for, resolve_metric, score_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.model.predictor import Predictor
    from automl.plugin.contributions import Metric, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is said of the predictions for some rows.

    Parameters
    ----------
    scores : mapping of str to float
        The score by the name of its metric.
    n_rows : int
        Rows that were judged: those whose target is not missing.
    lines : tuple of str
        What the task says about them.
    """

    scores: Mapping[str, float]
    n_rows: int
    lines: tuple[str, ...]


def report(
    predictor: Predictor,
    source: object,
    target: object = None,
    metrics: Sequence[str | Metric | Callable[..., float]] = (),
) -> Report:
    """Judge the predictions for rows whose target is known.

    The parameters are those of `Predictor.evaluate`, and so is what is raised.
    """
    truth = predictor.target if target is None else target
    task, classes, catalog = predictor.task, predictor.classes, predictor.catalog
    weight = predictor.info.get("weight")
    given = reading.with_truth(source, truth, weight, catalog)
    table = reading.bring(given.raw, predictor.schema, "error")
    y = reading.encode(given.target, task, classes)
    named = [resolve_metric(one, task, classes, catalog) for one in metrics] or [predictor.metric]
    truths = {
        metric.name: Truth(y=y, weight=given.weight, columns=columns_for(metric, given))
        for metric in named
    }
    values = predictor.ensemble.values(table)
    return Report(
        scores={
            metric.name: score_values(metric, task.decide, truths[metric.name], values)
            for metric in named
        },
        n_rows=len(y),
        lines=lines_of(task, y, values, given.weight, classes),
    )


def lines_of(
    task: Task,
    y: NDArray[Any],
    values: NDArray[Any],
    weight: NDArray[Any] | None,
    classes: NDArray[Any] | None,
) -> tuple[str, ...]:
    """Return what a task says about values; where it fails, that is what is said."""
    if not len(y):
        return ()
    try:
        return tuple(str(line) for line in task.lines(y, values, weight, classes))
    except Exception as error:
        return (f"(The task {task.name!r} cannot describe them: {type(error).__name__}: {error}.)",)
