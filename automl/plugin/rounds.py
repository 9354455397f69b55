"""When to stop learning in rounds: one rule for everything that improves step by step."""

from __future__ import annotations

from copy import deepcopy
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.learning import Validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.plugin.contributions import Report

    Fit = Callable[[Any, Any, Any, Any, Validation | None, Report], None]

PARTS = 5
"""One row in so many is held out where rounds are counted on training rows."""


class Patience:
    """Say after each round whether to stop, and remember the best round.

    The patience grows with the number of rounds that paid, ``floor + share * best_round``: a slow
    learner is given more time than a quick one.

    Parameters
    ----------
    report : Report
        What the engine handed to ``fit``; when it says stop, this says stop.
    floor : int, default=20
        Rounds without improvement that are always granted.
    share : float, default=0.3
        Further rounds granted for each round up to the best.

    Attributes
    ----------
    best_round : int
        The round with the highest score; the last round where no score was ever given.
    best_score : float
    """

    def __init__(self, report: Report, *, floor: int = 20, share: float = 0.3) -> None:
        self.best_round = 0
        self.best_score = float("-inf")
        self._report = report
        self._floor = floor
        self._share = share

    def __call__(self, round_: int, score: float | None = None) -> bool:
        """Take one round's score (higher is better) and return whether to stop now."""
        if score is None:
            self.best_round = round_
        elif score > self.best_score:
            self.best_round, self.best_score = round_, score
        patience = self._floor + self._share * self.best_round
        return self._report(round_, score) or round_ - self.best_round > patience


def counted_inside(fit: Fit, rounds: str = "") -> Fit:
    """Return a ``fit`` that does not stop by validation rows that are too few for it.

    The best of many rounds on a handful of rows is luck, and the same rows judge the candidate:
    they would flatter it beside those that count no rounds. So where `Validation.few` is set, the
    rounds are counted on a part of the training rows, then all of them are learned from for as
    many.

    Parameters
    ----------
    fit : callable
        As for `Algorithm.fit`.
    rounds : str, default=""
        Attribute of the estimator that says how many rounds it learns without validation rows;
        it is as before afterwards. Empty where it learns until it is told to stop.
    """

    @wraps(fit)
    def learn(
        estimator: Any,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        held = held_out(y) if validation is not None and validation.few else np.zeros(0, bool)
        if not held.any():
            fit(estimator, X, y, weight, validation, report)
            return
        w, held_w = (None, None) if weight is None else (weight[~held], weight[held])
        count = _Count(report)
        inside = Validation(X=X[held], y=y[held], weight=held_w)
        fit(deepcopy(estimator), X[~held], y[~held], w, inside, count)

        def enough(round_: int, score: float | None = None) -> bool:
            return report(round_, score) or round_ >= count.best

        usual = getattr(estimator, rounds) if rounds else None
        if rounds:
            setattr(estimator, rounds, count.best)
        fit(estimator, X, y, weight, None, enough)
        if rounds:
            setattr(estimator, rounds, usual)

    return learn


def held_out(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows to hold out of training rows: spread over the target, no class's first two.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        The encoded target.

    Returns
    -------
    ndarray of shape (n_rows,), dtype=bool
    """
    order = np.argsort(y, kind="stable")
    place = np.arange(len(y))
    if np.issubdtype(y.dtype, np.integer):
        place -= np.searchsorted(y[order], y[order])
    held = np.zeros(len(y), dtype=bool)
    held[order] = place % PARTS == 2
    return held


class _Count:
    """Hears of each round and remembers the best."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._score = float("-inf")
        self.best = 1

    def __call__(self, round_: int, score: float | None = None) -> bool:
        if score is None or score > self._score:
            self.best, self._score = round_, float("-inf") if score is None else score
        return self._report(round_, score)
