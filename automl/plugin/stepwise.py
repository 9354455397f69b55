"""Scikit-learn's two ways to learn bit by bit, as learning in rounds.

- ``partial_fit`` with ``max_iter``: each call is an epoch.
- ``warm_start`` with a number of trees (or of boosting iterations) that is raised before each fit.

Which one a class has is read from its signature. What the class calls its limit (``max_iter``,
``n_estimators``) stays the limit of rounds. Validation rows end learning early only where the class
has an early stop of its own, which then has to be off: more trees never make a forest worse.
"""

from __future__ import annotations

import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.rounds import Patience

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin.contributions import Report, Validation

EPOCHS = 200
"""Epochs at most where no validation rows say when to stop; some limits are far above."""

STEPS = 20
"""Into so many fits the growing of an ensemble is divided."""

_EARLY_STOPS = ("early_stopping", "n_iter_no_change")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a class learns bit by bit.

    Parameters
    ----------
    limit : str
        The parameter that says how far; empty where there is no way.
    partial : bool
        Whether by ``partial_fit``; else by ``warm_start``.
    stops : bool
        Whether it makes sense to stop early.
    """

    limit: str = ""
    partial: bool = False
    stops: bool = False

    def method(self, estimator: Any) -> Callable[..., Any]:
        """Return what is called in each round."""
        found: Callable[..., Any] = estimator.partial_fit if self.partial else estimator.fit
        return found


NO_ROUNDS = Way()
"""The way of a class that learns in one go."""


def way_of(estimator: Any) -> Way:
    """Return how a class (or an instance of it) can learn in rounds."""
    kind = estimator if isinstance(estimator, type) else type(estimator)
    try:
        known = set(inspect.signature(kind).parameters)
    except (TypeError, ValueError):
        return NO_ROUNDS
    stops = not known.isdisjoint(_EARLY_STOPS)
    if "max_iter" in known and hasattr(kind, "partial_fit"):
        return Way(limit="max_iter", partial=True, stops=stops)
    if "warm_start" in known and "n_estimators" in known:
        return Way(limit="n_estimators", stops=stops)
    # Without an early stop of its own, max_iter is the patience of a solver, not a size.
    if "warm_start" in known and "max_iter" in known and stops:
        return Way(limit="max_iter", stops=True)
    return NO_ROUNDS


def learn(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Learn in rounds, and keep the best one; in one go where the estimator has no rounds."""
    way = way_of(estimator)
    given = {} if weight is None else {"sample_weight": weight}
    if way is NO_ROUNDS:
        estimator.fit(X, y, **given)
        report(1, None)
        return
    judged = validation if way.stops else None
    steps = _epochs if way.partial else _growth
    patience = Patience(report, floor=10 if way.partial else 20)
    best: Mapping[str, Any] | None = None
    with warnings.catch_warnings():
        # Scikit-learn warns in each step that it has not converged, which is the point of steps.
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        for round_ in steps(estimator, X, y, given, way, judged is not None):
            score = None if judged is None else _score(estimator, judged)
            stop = patience(round_, score)
            if judged is not None and patience.best_round == round_:
                best = copy.deepcopy(vars(estimator))
            if stop:
                break
    if best is not None:
        vars(estimator).clear()
        vars(estimator).update(best)


def _epochs(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    given: Mapping[str, Any],
    way: Way,
    judged: bool,
) -> Iterator[int]:
    more = dict(given)
    if "classes" in inspect.signature(estimator.partial_fit).parameters:
        more["classes"] = np.unique(y)
    if getattr(estimator, "early_stopping", False):
        estimator.set_params(early_stopping=False)
    limit = int(getattr(estimator, way.limit) or EPOCHS)
    for round_ in range(1, (limit if judged else min(limit, EPOCHS)) + 1):
        estimator.partial_fit(X, y, **more)
        yield round_


def _growth(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    given: Mapping[str, Any],
    way: Way,
    judged: bool,
) -> Iterator[int]:
    limit = int(getattr(estimator, way.limit) or 0)
    off = {"early_stopping": False, "n_iter_no_change": None} if judged else {}
    known = estimator.get_params(deep=False)
    changed = {name: value for name, value in off.items() if name in known}
    # Where early_stopping can be switched off, n_iter_no_change must stay the number that it is.
    if "early_stopping" in changed:
        changed.pop("n_iter_no_change", None)
    estimator.set_params(warm_start=True, **changed)
    for round_ in _ends(limit):
        estimator.set_params(**{way.limit: round_})
        estimator.fit(X, y, **given)
        yield round_


def _ends(limit: int) -> Iterator[int]:
    """Yield up to which tree each of the fits goes; the last one is the limit."""
    step = max(1, math.ceil(limit / STEPS))
    yield from range(step, limit, step)
    yield limit


def _score(estimator: Any, validation: Validation) -> float:
    """Return the mean log-likelihood, the share of right classes, or the negative error."""
    X, y, weight = validation.X, validation.y, validation.weight
    if hasattr(estimator, "predict_proba"):
        said = np.asarray(estimator.predict_proba(X), dtype=np.float64)[np.arange(len(y)), y]
        return float(np.average(np.log(np.clip(said, 1e-15, 1.0)), weights=weight))
    answer = np.asarray(estimator.predict(X), dtype=np.float64).reshape(-1)
    if hasattr(estimator, "decision_function"):
        return float(np.average(answer == y, weights=weight))
    return -float(np.sqrt(np.average((answer - y) ** 2, weights=weight)))
