"""A metric bound to rows, and how far two of its scores are apart by chance."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.search.scoring import Truth, score_values
from automl.search.worker import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from automl.plugin.contributions import Metric

REPEATS = 200
"""Bootstrap samples behind a standard error."""

BOOTSTRAP_ROWS = 5_000
"""Rows in one bootstrap sample; the standard error is scaled to the number of rows there are."""

ENOUGH = 20
"""Bootstrap samples that a standard error needs at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A metric bound to rows: called with their values it returns the score.

    Parameters
    ----------
    metric : Metric
    decide : callable (values) -> labels
        The task's decision rule, for metrics that read labels.
    y : ndarray of shape (n_rows,)
        The encoded target.
    weight : ndarray of shape (n_rows,) or None, default=None
    columns : mapping of str to ndarray of shape (n_rows,), default={}
        What the metric reads beside.
    """

    metric: Metric
    decide: Callable[[NDArray[Any]], NDArray[Any]]
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __call__(self, values: NDArray[Any]) -> float:
        """Return the score of the rows' values."""
        truth = Truth(y=self.y, weight=self.weight, columns=self.columns)
        return score_values(self.metric, self.decide, truth, values)

    def gain(self, values: NDArray[Any]) -> float:
        """Return the score with its sign so that greater is better; -inf where there is none.

        A metric of a stranger may fail on some rows alone: that is no score of theirs.
        """
        score, crash = attempt(lambda: self(values), passing=KeyboardInterrupt)
        if crash is not None or not np.isfinite(score):
            return -np.inf
        return float(score if self.metric.greater_is_better else -score)

    def of(self, rows: NDArray[np.intp]) -> Judge:
        """Return the judge of some of the rows."""
        part = Truth(y=self.y, weight=self.weight, columns=self.columns).take(rows)
        return replace(self, y=part.y, weight=part.weight, columns=part.columns)

    def read(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what of values the metric reads, for the judge that `narrow` gives."""
        if not self.metric.true_class_only or values.ndim < 2:
            return values
        true: NDArray[Any] = values[np.arange(len(self.y)), self.y]
        return true[:, None]

    def narrow(self) -> Judge:
        """Return the judge of what `read` gives: where that is the true class alone, it is 0."""
        if not self.metric.true_class_only or not np.issubdtype(self.y.dtype, np.integer):
            return self
        return replace(self, y=np.zeros_like(self.y))


def spread_rows(y: NDArray[Any], size: int, seed: int) -> NDArray[np.intp] | None:
    """Return evenly spread rows of the sorted target: every class and every size is there.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    size : int
        Rows wanted.
    seed : int
        Draws among equal ones.

    Returns
    -------
    ndarray of shape (size,), dtype=intp, or None
        Sorted; None where there are no more rows than that.
    """
    n_rows = len(y)
    if n_rows <= size:
        return None
    shuffled = np.random.default_rng(seed).permutation(n_rows)
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    return np.sort(ordered[(np.arange(size) * (n_rows / size)).astype(np.intp)])


def draw_rows(y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a bootstrap sample of the rows, within each class where the target is a class.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    rng : Generator
    """
    n_rows = len(y)
    if not np.issubdtype(y.dtype, np.integer):
        return rng.integers(0, n_rows, n_rows)
    ordered = np.argsort(y, kind="stable")
    counts = np.bincount(y)[y[ordered]]
    starts = np.searchsorted(y[ordered], y[ordered])
    drawn: NDArray[np.intp] = ordered[starts + rng.integers(0, counts)]
    return drawn


def bootstrap_error(
    one: NDArray[Any],
    other: NDArray[Any],
    judge: Judge,
    seed: int,
    left: Callable[[], float],
) -> float:
    """Return the standard error of the difference between two scores on the same rows.

    Parameters
    ----------
    one, other : ndarray
        The values that are compared.
    judge : Judge
    seed : int
    left : callable () -> float
        Seconds left.

    Returns
    -------
    float
        Infinite where too few samples can be scored.
    """
    rng = np.random.default_rng(seed)
    n_rows = len(judge.y)
    rows = spread_rows(judge.y, BOOTSTRAP_ROWS, seed)
    rows = np.arange(n_rows) if rows is None else rows
    gaps: list[float] = []
    for _ in range(REPEATS):
        if left() <= 0:
            break
        drawn = rows[draw_rows(judge.y[rows], rng)]
        part = judge.of(drawn)
        gap = part.gain(one[drawn]) - part.gain(other[drawn])
        if np.isfinite(gap):
            gaps.append(gap)
    if len(gaps) < ENOUGH:
        return float(np.inf)
    return float(np.std(gaps, ddof=1) * np.sqrt(len(rows) / n_rows))
