"""What is tuned on the blend's out-of-fold values, and kept only where held-out rows speak for it.

Probabilities are made more or less certain where the metric reads them (temperature scaling: C. Guo
et al., "On calibration of modern neural networks", ICML 2017); classes are weighted before one of
them is decided on where it reads labels. Either is one number, so that few rows do not mislead it:
it is fitted on all folds but one and tried on that one, fold by fold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.folds import crossfit
from automl.explain.slopes import log_softmax, logarithmic_mean, secant, share_slopes
from automl.model.judge import bootstrap_error, spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.data.folds import FoldPlan
    from automl.model.judge import Judge
    from automl.plugin.contributions import Task

ERRORS = 1.0
"""Standard errors by which tempered probabilities have to be better on held-out rows."""

ERRORS_OF_LABELS = 0.5
"""The same for weights of classes: a threshold of one half is hardly safer than another."""

FOLDS = 5
"""Parts in which the rows are tried where the plan has only one."""

MAX_CELLS = 50_000
"""Probabilities that are looked at where one number is fitted, if they are `MIN_ROWS` rows."""

MIN_ROWS = 5_000

SMALLEST = 1e-12
"""No probability counts as smaller."""

POWERS = np.exp(np.linspace(-0.8, 0.8, 33))
"""Powers that are tried: temperatures from 2.2 to 0.45."""

SHARES = np.linspace(-0.5, 1.5, 41)
"""How much of the difference between the classes' frequencies is undone, where there are many."""

SHIFTS = np.linspace(-4.0, 4.0, 61)
"""Logarithms of the odds that are tried as a threshold of two classes."""

FARTHEST = 4.0
"""No class is favoured by more than this, as a logarithm."""

SHOWN = 6
"""Classes whose weights are told, the heaviest first."""

WINDOW = 5
"""Neighbours on a grid whose scores are averaged: a peak that stands alone is luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """Makes probabilities more certain, or less.

    Parameters
    ----------
    power : float
        Each probability is raised to it, and each row is divided by its sum: the inverse of a
        temperature. The likeliest class stays.
    """

    power: float

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probabilities."""
        raised = np.clip(values, SMALLEST, None, dtype=np.float64) ** self.power
        tempered: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
        return tempered

    def values(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return what a predictor says where a blend says this: the tempered probabilities."""
        return self(values)

    def slopes(self, before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.float64]:
        """Return how changes of probabilities go through, of shape (n_rows, n_out, n_in)."""
        first, second = (np.clip(one, SMALLEST, None) for one in (before, after))
        logs, other = np.log(first), np.log(second)
        shares = share_slopes(log_softmax(self.power * logs), log_softmax(self.power * other))
        inner = secant(before, after, first, second) / logarithmic_mean(other, logs)
        return np.asarray(self.power * shares * inner[:, None, :])

    def of(self, task: Task) -> Task:
        """Return the task as it is: the likeliest class stays the likeliest."""
        return task


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """Weighs the classes before a task decides on one.

    Parameters
    ----------
    weights : tuple of float
        One for each class, above 0; the mean of their logarithms is 0.
    """

    weights: tuple[float, ...]

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weighted probabilities, each row divided by its sum."""
        weighted = np.clip(values, SMALLEST, None, dtype=np.float64) * np.array(self.weights)
        divided: NDArray[np.float64] = weighted / weighted.sum(axis=1, keepdims=True)
        return divided

    def values(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what a predictor says where a blend says this: the same."""
        return values

    def slopes(self, before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.float64]:
        """Return how changes of probabilities go through, of shape (n_rows, n_out, n_in)."""
        del after
        return np.broadcast_to(np.eye(before.shape[1]), (*before.shape, before.shape[1]))

    def of(self, task: Task) -> Task:
        """Return the task with classes weighed wherever it decides or says what was decided."""
        decide, lines = task.decide, task.lines
        return replace(
            task,
            decide=lambda values: decide(self(values)),
            lines=lambda y, values, *more: lines(y, self(values), *more),
        )


def tune(
    values: NDArray[Any],
    plan: FoldPlan,
    judge: Judge,
    task: Task,
    *,
    seed: int = 0,
    deadline: Callable[[], float] | None = None,
) -> tuple[Temper | Weighing | None, NDArray[Any]]:
    """Return what the out-of-fold values speak for, and what it makes of them on held-out rows.

    A metric that reads both values and labels has nothing tuned for it.

    Parameters
    ----------
    values : ndarray of shape (n_covered, n_classes)
        Out-of-fold probabilities of a blend.
    plan : FoldPlan
    judge : Judge
        Of the covered rows.
    task : Task
        Classes are weighed only where it is ``weighable``.
    seed : int, default=0
    deadline : callable () -> float or None, default=None
        Seconds left; without time nothing is tuned.

    Returns
    -------
    tuned : Temper, Weighing or None
    values : ndarray of shape (n_covered, n_classes)
        Each fold as it comes out where it took no part in tuning.
    """
    left = deadline or (lambda: np.inf)
    labels = judge.metric.reads == "labels"
    if values.shape[1] < 2 or judge.metric.reads == "both" or (labels and not task.weighable):
        return None, values
    whole = _fit(values, judge, seed, left)
    if whole is None or not judge.gain(whole(values)) > judge.gain(values):
        return None, values
    tried = np.array(values, dtype=np.float64)
    for rows in _parts(plan, len(values), seed):
        others = np.setdiff1d(np.arange(len(values)), rows, assume_unique=True)
        part = _fit(values[others], judge.of(others), seed, left)
        if part is not None:
            tried[rows] = part(values[rows])
    ahead = judge.gain(tried) - judge.gain(values)
    if ahead > 0:
        errors = ERRORS_OF_LABELS if labels else ERRORS
        ahead -= errors * bootstrap_error(tried, values, judge, seed, left)
    return (whole, tried) if ahead > 0 else (None, values)


def tuned_from_json(content: Mapping[str, Any]) -> Temper | Weighing:
    """Return what was written down of what was tuned, its fields."""
    if "power" in content:
        return Temper(power=float(content["power"]))
    return Weighing(weights=tuple(float(weight) for weight in content["weights"]))


def said_of(
    tuned: Temper | Weighing, names: Sequence[object], metric: str, before: float, after: float
) -> str:
    """Return in words what is done to the answers, and what held-out rows say of it.

    Parameters
    ----------
    tuned : Temper or Weighing
    names : sequence
        The labels.
    metric : str
    before, after : float
        Its score without and with it.
    """
    if isinstance(tuned, Temper):
        done = f"Probabilities are made {'more' if tuned.power > 1 else 'less'} certain"
    else:
        least = min(tuned.weights)
        heavy = sorted(zip(tuned.weights, names, strict=True), key=lambda pair: -pair[0])
        weighed = ", ".join(f"{name!r} {weight / least:.3g}" for weight, name in heavy[:SHOWN])
        done = f"The class is decided on with weights ({weighed}{', ...' * (len(heavy) > SHOWN)})"
    return f"{done}, since {metric} is then {after:.6g} instead of {before:.6g}."


def _fit(
    values: NDArray[Any], judge: Judge, seed: int, left: Callable[[], float]
) -> Temper | Weighing | None:
    """Return what is best on these rows; None where nothing is better than to do nothing."""
    rows = spread_rows(judge.y, max(MAX_CELLS // values.shape[1], MIN_ROWS), seed)
    if rows is not None:
        values, judge = values[rows], judge.of(rows)
    ways: Sequence[Temper | Weighing]
    if judge.metric.reads == "values":
        ways, window = [Temper(power=float(power)) for power in POWERS], 1
    else:
        ways, window = _weighings(values.shape[1], judge), WINDOW
    gains = []
    for way in ways:
        if left() <= 0:
            return None
        gains.append(judge.gain(way(values)))
    if not gains or not np.isfinite(gains).all():
        return None
    padded = np.pad(gains, window // 2, mode="edge")
    smooth = np.convolve(padded, np.full(window, 1 / window), mode="valid")
    place = int(np.argmax(smooth))
    return ways[place] if smooth[place] > judge.gain(values) else None


def _weighings(n_classes: int, judge: Judge) -> list[Weighing]:
    """Return what is tried: a threshold for two classes, else how much the rare are favoured."""
    if n_classes == 2:
        shifts = np.outer(SHIFTS, [-0.5, 0.5])
    else:
        counts = np.bincount(judge.y, weights=judge.weight, minlength=n_classes)
        rare = -np.log(np.maximum(counts / counts.sum(), 1 / len(judge.y)))
        shifts = np.outer(SHARES, rare - rare.mean())
    near = np.abs(shifts).max(axis=1) <= FARTHEST
    return [Weighing(weights=tuple(np.exp(shift).tolist())) for shift in shifts[near]]


def _parts(plan: FoldPlan, n_rows: int, seed: int) -> list[NDArray[np.intp]]:
    """Return the places of the rows that are held out together; each row is in one part."""
    if len(plan.folds) == 1:
        return [fold.test for fold in crossfit(n_rows, FOLDS, seed)]
    number = np.full(plan.n_rows, -1)
    for index, fold in enumerate(plan.folds):
        number[fold.test] = index
    held = number[plan.covered]
    return [np.flatnonzero(held == index) for index in np.unique(held)]
