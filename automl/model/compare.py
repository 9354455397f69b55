"""Two predictors on the same rows: both scores, their difference, and how far chance goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.model.judge import BOOTSTRAP_ROWS, ENOUGH, REPEATS, draw_rows, spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.model.judge import Judge

SURE = 0.95
"""Share of the bootstrap samples that an interval holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number with where it lies in 95 % of bootstrap samples of the rows.

    Parameters
    ----------
    value : float
    low, high : float
        NaN where the rows are too few to say.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Scores of two predictors for the same rows.

    Parameters
    ----------
    old, new : Interval
        In the metric's own direction.
    ahead : Interval
        How far the new one is ahead; above 0 it is better, whatever the metric's direction.
    n_rows : int
    """

    old: Interval
    new: Interval
    ahead: Interval
    n_rows: int


def compare(
    old: tuple[Judge, NDArray[Any]],
    new: tuple[Judge, NDArray[Any]],
    groups: NDArray[Any] | None,
    seed: int,
    left: Callable[[], float],
) -> Comparison:
    """Judge two predictors by the same rows, and by the same bootstrap samples of them.

    Parameters
    ----------
    old, new : (Judge, ndarray)
        Each with the values of the rows; the judges differ in how they decide.
    groups : ndarray of shape (n_rows,) or None
        Rows of one group are drawn together.
    seed : int
    left : callable () -> float
        Seconds left; without time there are no intervals.
    """
    pair = (old, new)
    y = old[0].y
    rng = np.random.default_rng(seed)
    rows = None if groups is not None else spread_rows(y, BOOTSTRAP_ROWS, seed)
    rows = np.arange(len(y)) if rows is None else rows
    found = []
    for _ in range(REPEATS):
        if left() <= 0:
            break
        drawn = rows[draw_rows(y[rows], rng)] if groups is None else _draw_groups(groups, rng)
        gains = [judge.of(drawn).gain(values[drawn]) for judge, values in pair]
        if np.isfinite(gains).all():
            found.append(gains)
    scale = float(np.sqrt(len(rows) / len(y)))
    sign = 1.0 if old[0].metric.greater_is_better else -1.0
    of_old, of_new = (judge.gain(values) for judge, values in pair)
    samples = np.array(found).reshape(-1, 2) * sign
    return Comparison(
        old=_interval(sign * of_old, samples[:, 0], scale),
        new=_interval(sign * of_new, samples[:, 1], scale),
        ahead=_interval(of_new - of_old, sign * (samples[:, 1] - samples[:, 0]), scale),
        n_rows=len(y),
    )


def _draw_groups(groups: NDArray[Any], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the rows of a bootstrap sample of the groups."""
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    drawn = rng.integers(0, len(starts), len(starts))
    return np.concatenate([order[starts[one] : starts[one] + counts[one]] for one in drawn])


def _interval(value: float, samples: NDArray[np.float64], scale: float) -> Interval:
    """Return the quantiles around a value; those of fewer rows than there are lie too far out."""
    if len(samples) < ENOUGH or not np.isfinite(value):
        return Interval(value=float(value), low=float("nan"), high=float("nan"))
    ends = np.quantile(samples, [(1 - SURE) / 2, (1 + SURE) / 2]) - samples.mean()
    low, high = (value + scale * ends).tolist()
    return Interval(value=float(value), low=low, high=high)
