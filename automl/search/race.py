"""Who may go on: a candidate that can bring nothing to the blend is given up between its folds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.search.scoring import score_values
from automl.search.worker import attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.search.outcome import Evaluation, FoldResult
    from automl.search.question import Question
    from automl.search.shared import RunData

HOPELESS = 0.7
"""A candidate is given up where its gain over the constant is below this share of the best one's on
the same folds: so weak a member gets no weight in a blend."""

SHARES = (0.1, 0.3)
"""Shares of a blend that a candidate is tried with."""

ERRORS = 1.0
"""Standard errors by which the rows' losses may have been unlucky. These shares save a quarter of
the time on 33 tables of 2,500 rows, half of it on 34,000 rows, and blends are as good."""

FEWEST = 100
"""Fewer rows say nothing about what a candidate adds."""

MAX_ROWS = 20_000
"""Rows by which that is judged."""

WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Weights that a new member of the blend is tried with."""

SMALLEST = 1e-6
"""No probability is taken as smaller before its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What a candidate is measured by.

    Parameters
    ----------
    best : Evaluation
        The best single one.
    values : ndarray of shape (n_judged, n_classes) or (n_judged,)
        Values of a blend of all that came, of the rows that the race is judged by.
    score : float
        Of that blend.
    """

    best: Evaluation
    values: NDArray[np.float64]
    score: float


class Race:
    """The rule of one run.

    Parameters
    ----------
    data : RunData
    question : Question
    baseline : Evaluation
        The constant answer.
    every : bool, default=False
        Whether candidates count for more than what they add to a blend, such as being quick.
    """

    def __init__(
        self, data: RunData, question: Question, baseline: Evaluation, *, every: bool = False
    ) -> None:
        self._metric, self._decide = question.metric, question.task.decide
        self._classes = question.n_classes > 0
        self._sign = 1 if self._metric.greater_is_better else -1
        self._baseline = baseline
        self._every = every
        covered = data.plan.covered
        self._rows = _thinned(np.arange(len(covered)))
        self._truth = data.truth(covered[self._rows])
        self._places = [np.searchsorted(covered, fold.test) for fold in data.plan.folds]

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return len(self._places)

    def after(self, rival: Rival | None, one: Evaluation) -> Rival:
        """Return what the next candidate is measured by, after one more is complete."""
        values = one.values[self._rows].astype(np.float64)
        rows = np.arange(len(values))
        if rival is None:
            return Rival(best=one, values=values, score=self._sign * self._gain(values, rows))
        better = self._sign * (one.cv_score - rival.best.cv_score) > 0
        mixes = [_mixed(rival.values, values, weight) for weight in WEIGHTS]
        gains = [self._gain(mix, rows) for mix in mixes]
        place = int(np.argmax(gains))
        return Rival(
            best=one if better else rival.best,
            values=mixes[place],
            score=self._sign * gains[place],
        )

    def verdict(self, rival: Rival | None, results: Mapping[int, FoldResult]) -> str:
        """Say why a candidate is given up after some of its folds, "" where it may go on.

        Parameters
        ----------
        rival : Rival or None
        results : mapping of int to FoldResult
            The folds that are done.
        """
        if rival is None or not results:
            return ""
        gain, most = (
            self._sign * sum(scores[fold] - self._baseline.fold_scores[fold] for fold in results)
            for scores in (
                {fold: result.score for fold, result in results.items()},
                rival.best.fold_scores,
            )
        )
        if most > 0 and gain < HOPELESS * most:
            return "far behind the best"
        return "" if self._every or self._adds(rival, results) else "adds nothing to a blend"

    def _adds(self, rival: Rival, results: Mapping[int, FoldResult]) -> bool:
        """Whether a blend with the candidate may be better, on the folds that are done."""
        places = np.concatenate([self._places[fold] for fold in results])
        values = np.concatenate([result.values for result in results.values()])
        mine = np.isin(places, self._rows)
        rows, own = np.searchsorted(self._rows, places[mine]), values[mine]
        if len(rows) < FEWEST:
            return True
        before = rival.values[rows]
        gain, losses = self._gain(before, rows), self._losses(before, rows)
        for share in SHARES:
            mix = _mixed(before, own, share)
            if self._gain(mix, rows) > gain:
                return True
            saved = losses - self._losses(mix, rows)
            if saved.mean() + ERRORS * saved.std() / math.sqrt(len(saved)) > 0:
                return True
        return False

    def _gain(self, values: NDArray[Any], rows: NDArray[np.intp]) -> float:
        """Return the score, greater is better; -inf where the metric has none for these rows."""
        truth = self._truth.take(rows)
        score, crash = attempt(
            lambda: score_values(self._metric, self._decide, truth, values),
            passing=KeyboardInterrupt,
        )
        if crash is not None or not math.isfinite(score):
            return -math.inf
        return float(self._sign * score)

    def _losses(self, values: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return a loss of each row, whatever the metric: log loss, or the squared error."""
        y, weight = self._truth.y[rows], self._truth.weight
        if self._classes:
            losses = -np.log(np.maximum(values[np.arange(len(y)), y], SMALLEST))
        else:
            losses = np.square(values - y)
        weighted: NDArray[np.float64] = losses if weight is None else losses * weight[rows]
        return weighted


def _mixed(one: NDArray[Any], other: NDArray[Any], share: float) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = (1 - share) * one + share * other
    return mixed


def _thinned(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return rows[:: math.ceil(len(rows) / MAX_ROWS)] if len(rows) else rows
