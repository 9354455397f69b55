"""Weights of a blend: greedy ensemble selection over out-of-fold values, bagged over rows.

Caruana et al., "Ensemble selection from libraries of models", ICML 2004: members are added one at
a time, with replacement, whichever improves the score of the average most; their weights are how
often each was added. Where rows are few, who is best is decided by chance. So the selection is
repeated on bootstrap samples of the rows, and the weights are averaged: candidates that only luck
tells apart share the weight, and none has to be trusted alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.model.judge import draw_rows, spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from automl.model.judge import Judge

STEPS = 25
"""Members added on all rows, with replacement; more bring nothing (TabRepo, arXiv 2311.02971)."""

BAGS = 20
"""Bootstrap samples on which the selection is repeated."""

BAG_STEPS = 5
"""Members added on each of them; every length counts, so the first to be added weigh most."""

MAX_CANDIDATES = 50
"""Members among which the search is: half of them those that are best alone, half those of the
others that are best beside the very best, since many of the best are often alike."""

PROMISING = 12
"""Best single members of a bootstrap sample among which its search goes on."""

MAX_ROWS = 20_000
"""Rows on which candidates for the next step are compared."""

BAG_ROWS = 5_000
"""Rows of one bootstrap sample."""

MAX_CELLS = 500_000
"""Values of one member that are looked at; many classes leave fewer rows."""

LIGHT = 0.02
"""Members that weigh less cost time with every row; they are left out unless the score suffers."""

BORNE = 0.03
"""Share of what the blend gains over its best member that may be lost by that."""

DECIMALS = 6
"""Scores that agree in this many decimals, relative to the best single one, are equal."""


def blend(
    values: Sequence[NDArray[Any]],
    judge: Judge,
    *,
    scores: Sequence[float] | None = None,
    max_members: int | None = None,
    seed: int = 0,
    deadline: Callable[[], float] | None = None,
) -> NDArray[np.float64]:
    """Return the weight of each member in the blend.

    Half of the weight is that of the selection on all rows, half the mean of those on bootstrap
    samples; members that hardly weigh anything are left out. Scores that are equal to `DECIMALS`
    prefer a member that is already in, so that noise brings no new members; the order of the
    members does not matter.

    Parameters
    ----------
    values : sequence of ndarray of shape (n_rows, n_classes) or (n_rows,)
        Out-of-fold values of each member.
    judge : Judge
        Of the same rows.
    scores : sequence of float or None, default=None
        Scores of the single members where they are known, in the metric's own direction.
    max_members : int or None, default=None
        Most members with a weight; keeps the predictor small.
    seed : int, default=0
        Draws the rows.
    deadline : callable () -> float or None, default=None
        Seconds left; at 0 the best blend so far is returned, at least the best single member.

    Returns
    -------
    ndarray of shape (n_members,), dtype=float64
        Not negative, sum 1.
    """
    left = deadline or (lambda: np.inf)
    gains = _singles(values, judge, scores, left)
    weights = np.zeros(len(values))
    weights[np.argmax(gains)] = 1.0
    chosen = _promising(values, judge, gains, seed, left)
    if len(chosen) <= 1 or left() <= 0:
        return weights
    library = Library.of([values[index] for index in chosen], judge, seed)
    whole = library.grow(STEPS, MAX_CANDIDATES, left)
    if not len(whole.counts):
        return weights
    parts = [whole.best()]
    bags = bags_of(library, seed, left)
    if bags:
        parts.append(np.mean(bags, axis=0))
    weights[:] = 0.0
    weights[chosen] = np.mean(parts, axis=0)
    weights = _largest(weights, gains, max_members)
    weights[chosen] = _without_light(library, weights[chosen], left)
    return weights


def average(values: Sequence[NDArray[Any]], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weighted mean of some members' values, float64."""
    total = np.zeros(values[0].shape)
    for one, weight in zip(values, weights, strict=True):
        if weight:
            total += float(weight) * one
    return total / float(weights.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One greedy selection, step by step.

    Parameters
    ----------
    counts : ndarray of shape (n_steps, n_members)
        How often each member was added until then.
    gains : ndarray of shape (n_steps,)
        Scores, greater is better.
    """

    counts: NDArray[np.float64]
    gains: NDArray[np.float64]

    def best(self) -> NDArray[np.float64]:
        """Return the weights at the first of the steps that are best to `DECIMALS`."""
        best = float(self.gains.max())
        behind = (self.gains - best) / (abs(best) or 1.0)
        return _shares(self.counts[int(np.argmax(np.round(behind, DECIMALS)))])

    def mean(self) -> NDArray[np.float64]:
        """Return the weights, averaged over all steps."""
        return _shares(np.mean([_shares(counts) for counts in self.counts], axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Members of a selection, as far as their values are read.

    Parameters
    ----------
    values : ndarray of shape (n_members, n_rows) or (n_members, n_rows, n_read)
    judge : Judge
        Of these values.
    y : ndarray of shape (n_rows,)
        The target; the judge's own may be without classes.
    """

    values: NDArray[Any]
    judge: Judge
    y: NDArray[Any]

    @classmethod
    def of(cls, values: Sequence[NDArray[Any]], judge: Judge, seed: int) -> Library:
        """Read the values, on a sample of the rows where there are many."""
        n_read = 1 if judge.metric.true_class_only else int(np.prod(values[0].shape[1:]))
        rows = spread_rows(judge.y, min(MAX_ROWS, MAX_CELLS // n_read), seed)
        part = judge if rows is None else judge.of(rows)
        stack = np.stack([part.read(one if rows is None else one[rows]) for one in values])
        return cls(values=stack, judge=part.narrow(), y=part.y)

    def take(self, rows: NDArray[np.intp]) -> Library:
        """Return the library of some of the rows."""
        return replace(self, values=self.values[:, rows], judge=self.judge.of(rows), y=self.y[rows])

    def gain(self, weights: NDArray[np.float64]) -> float:
        """Return the gain of a blend of the members."""
        return self.judge.gain(average(list(self.values), weights))

    def grow(self, steps: int, promising: int, left: Callable[[], float]) -> Trail:
        """Add members one by one, each time the one that improves the average most.

        Parameters
        ----------
        steps : int
            Members to add.
        promising : int
            From the second step on it is one of so many that are best alone.
        left : callable () -> float
            Seconds left; at 0 the steps so far are returned, which may be none.
        """
        members = np.arange(len(self.values))
        counts, total = np.zeros(len(members)), np.zeros_like(self.values[0])
        spread = np.array([float(np.square(one, dtype=np.float64).sum()) for one in self.values])
        alone = np.zeros(len(members))
        trail, best = [], []
        for size in range(steps):
            gains = self._gains(total, size, members, left)
            if gains is None:
                break
            if size == 0:
                alone = gains
            unit = abs(float(alone.max())) or 1.0
            unit = unit if np.isfinite(unit) else 1.0
            equal = np.round(gains / unit, DECIMALS)
            keys = (spread[members], -alone[members], -gains, counts[members] == 0, -equal)
            place = int(np.lexsort(keys)[0])
            total = total + self.values[members[place]]
            counts[members[place]] += 1
            trail.append(counts.copy())
            best.append(float(gains[place]))
            if size == 0:
                members = np.lexsort((spread, -alone))[:promising]
        return Trail(counts=np.array(trail), gains=np.array(best))

    def _gains(
        self,
        total: NDArray[Any],
        size: int,
        members: NDArray[np.intp],
        left: Callable[[], float],
    ) -> NDArray[np.float64] | None:
        """Return the gain with each of the members added to a sum; None where time runs out."""
        gains = np.empty(len(members))
        scale = total.dtype.type(1 / (size + 1))
        for place, index in enumerate(members):
            if left() <= 0:
                return None
            gains[place] = self.judge.gain((total + self.values[index]) * scale)
        return gains


def _singles(
    values: Sequence[NDArray[Any]],
    judge: Judge,
    scores: Sequence[float] | None,
    left: Callable[[], float],
) -> NDArray[np.float64]:
    """Return the gain of each member alone, of the first at least."""
    if scores is not None:
        sign = 1.0 if judge.metric.greater_is_better else -1.0
        known = sign * np.asarray(scores, dtype=np.float64)
        return np.where(np.isfinite(known), known, -np.inf)
    gains = np.full(len(values), -np.inf)
    for place, one in enumerate(values):
        if place and left() <= 0:
            break
        gains[place] = judge.gain(one)
    return gains


def _promising(
    values: Sequence[NDArray[Any]],
    judge: Judge,
    gains: NDArray[np.float64],
    seed: int,
    left: Callable[[], float],
) -> NDArray[np.intp]:
    """Return the members among which the search is, the best first."""
    order = np.argsort(-gains, kind="stable")
    order = order[np.isfinite(gains[order])]
    if len(order) <= MAX_CANDIDATES:
        return order
    alone, others = np.split(order, [MAX_CANDIDATES // 2])
    rows = spread_rows(judge.y, BAG_ROWS, seed)
    rows = np.arange(len(judge.y)) if rows is None else rows
    part = judge.of(rows)
    best, narrow = part.read(values[order[0]][rows]), part.narrow()
    beside = np.full(len(others), -np.inf)
    for place, index in enumerate(others):
        if left() <= 0:
            break
        beside[place] = narrow.gain((best + part.read(values[index][rows])) / 2)
    chosen = others[np.argsort(-beside, kind="stable")]
    return np.concatenate([alone, chosen[: MAX_CANDIDATES - len(alone)]])


def bags_of(library: Library, seed: int, left: Callable[[], float]) -> list[NDArray[np.float64]]:
    """Return the weights of short selections on bootstrap samples of the rows.

    Parameters
    ----------
    library : Library
    seed : int
        Draws the rows.
    left : callable () -> float
        Seconds left; at 0 there may be none.

    Returns
    -------
    list of ndarray of shape (n_members,)
        At most `BAGS`, each of sum 1.
    """
    rng = np.random.default_rng(seed)
    rows = spread_rows(library.y, BAG_ROWS, seed)
    part = library if rows is None else library.take(rows)
    found = []
    for _ in range(BAGS):
        trail = part.take(draw_rows(part.y, rng)).grow(BAG_STEPS, PROMISING, left)
        if len(trail.counts) < BAG_STEPS:
            break
        found.append(trail.mean())
    return found


def _largest(
    weights: NDArray[np.float64], gains: NDArray[np.float64], most: int | None
) -> NDArray[np.float64]:
    """Keep the largest weights; of equal ones those of the better members."""
    order = np.lexsort((-gains, -np.round(weights, DECIMALS)))
    kept = np.zeros_like(weights)
    kept[order[:most]] = weights[order[:most]]
    return _shares(kept)


def _without_light(
    library: Library, weights: NDArray[np.float64], left: Callable[[], float]
) -> NDArray[np.float64]:
    """Leave out the lightest member, one after the other, as long as that hardly changes the score.

    Heavier ones stay even where the rows do not miss them: leaving these out loses on other rows.
    """
    alone = np.array([library.judge.gain(one) for one in library.values[weights > 0]])
    whole = library.gain(weights)
    least = whole - BORNE * max(whole - float(alone.max()), 0.0)
    while left() > 0:
        inside = np.flatnonzero(weights)
        order = np.lexsort((alone, np.round(weights[inside], DECIMALS)))
        lightest = inside[order[0]]
        if weights[lightest] >= LIGHT or len(inside) == 1:
            break
        others = weights.copy()
        others[lightest] = 0.0
        others = _shares(others)
        if not library.gain(others) >= least:
            break
        weights, alone = others, np.delete(alone, order[0])
    return weights


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares
