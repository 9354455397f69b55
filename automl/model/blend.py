"""Greedy ensemble selection over out-of-fold values, and the choice between a blend and one member.

Caruana et al., "Ensemble selection from libraries of models", ICML 2004: members are added one at
a time, with replacement, whichever improves the score of the average most; their weights are how
often each was added.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from automl.search.scoring import Truth, score_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.plugin.contributions import Metric

STEPS = 25
"""Members added, with replacement; more bring nothing (TabRepo, arXiv 2311.02971)."""

MAX_CANDIDATES = 50
"""Best single members among which the search goes on after its first step, as in auto-sklearn
(Feurer et al., "Efficient and robust automated machine learning", NIPS 2015)."""

MAX_ROWS = 20_000
"""Rows on which candidates for the next step are compared; the steps are judged on all."""

DECIMALS = 6
"""Scores that agree in this many decimals, relative to the best single one, are equal."""

REPEATS = 200
"""Bootstrap samples behind a standard error."""

BOOTSTRAP_ROWS = 5_000
"""Rows in one bootstrap sample; the standard error is scaled to the number of rows there are."""

ENOUGH = 20
"""Bootstrap samples that a standard error needs at least."""


class Fast(Protocol):
    """A quicker way to the score of an average, for a metric that reads little of the values."""

    def reduce(self, y: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float32]:
        """Return what of one member's values the score reads, shape (n_rows,).

        Averaging what was reduced has to give what is reduced from the average.
        """

    def score(
        self, y: NDArray[Any], reduced: NDArray[np.float32], weight: NDArray[np.float64] | None
    ) -> float:
        """Return the score of reduced values."""


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
    fast : Fast or None, default=None
        Used instead of the metric where candidates are compared.
    """

    metric: Metric
    decide: Callable[[NDArray[Any]], NDArray[Any]]
    y: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    fast: Fast | None = None

    def __call__(self, values: NDArray[Any]) -> float:
        """Return the score of the rows' values."""
        truth = Truth(y=self.y, weight=self.weight, columns=self.columns)
        return score_values(self.metric, self.decide, truth, values)

    def of(self, rows: NDArray[np.intp]) -> Judge:
        """Return the judge of some of the rows."""
        part = Truth(y=self.y, weight=self.weight, columns=self.columns).take(rows)
        return replace(self, y=part.y, weight=part.weight, columns=part.columns)


def blend(
    values: Sequence[NDArray[Any]],
    y: NDArray[Any],
    score: Judge | Callable[[NDArray[Any]], float],
    greater_is_better: bool,
    *,
    steps: int = STEPS,
    max_members: int | None = None,
    seed: int = 0,
    deadline: Callable[[], float] | None = None,
) -> NDArray[np.float64]:
    """Return the weight of each member in the best blend.

    Candidates for the next step are compared on a sample of `MAX_ROWS` where there are more (with a
    `Judge`; a plain callable always sees all rows). The result is cut at the step with the best
    score on all rows, and is never worse there than the member it began with.
    Scores that are equal to `DECIMALS` prefer a member that is already in, so that noise brings no
    new members; the order of the members does not matter.

    Parameters
    ----------
    values : sequence of ndarray of shape (n_rows, n_classes) or (n_rows,)
        Out-of-fold values of each member.
    y : ndarray of shape (n_rows,)
        The encoded target of these rows.
    score : Judge, or callable (values) -> float
    greater_is_better : bool
    steps : int, default=25
    max_members : int or None, default=None
        Most members with a weight; keeps the predictor small.
    seed : int, default=0
        Draws the sample of rows.
    deadline : callable () -> float or None, default=None
        Seconds left; at 0 the best blend so far is returned.

    Returns
    -------
    ndarray of shape (n_members,), dtype=float64
        Not negative, sum 1.
    """
    sign = 1.0 if greater_is_better else -1.0
    left = deadline or (lambda: np.inf)
    search = _Search.of(values, y, score, sign, seed)
    counts = np.zeros(len(values), dtype=np.int64)
    trail: list[NDArray[np.int64]] = []
    scores: list[float] = []
    for _ in range(max(steps, 1)):
        full = max_members is not None and int(np.count_nonzero(counts)) >= max_members
        pick = search.next(counts, left, full=full)
        if pick is None:
            break
        counts[pick] += 1
        trail.append(counts.copy())
        scores.append(search.add(pick))
    finals = []
    for one in trail:
        if left() <= 0:
            return _weights(trail[_first_best(scores)])
        finals.append(_finite(sign * score(average(values, one))))
    return _weights(trail[_first_best(finals)])


def choose(
    values: Sequence[NDArray[Any]],
    weights: NDArray[np.float64],
    judge: Judge,
    *,
    scores: Sequence[float] | None = None,
    errors: float = 1.0,
    seed: int = 0,
    deadline: Callable[[], float] | None = None,
) -> NDArray[np.float64]:
    """Return the weights of the blend, or of the best single member where the blend is no better.

    The rule: the blend stays if it beats the best single member of all by more than ``errors``
    standard errors of the difference. The standard error is a paired bootstrap's: both are scored
    on the same samples of rows, drawn with replacement within each class, or over all rows where
    the target is a number. Too few samples that can be scored (`ENOUGH`), or too little time for
    them, mean the single member.

    Parameters
    ----------
    values : sequence of ndarray
    weights : ndarray of shape (n_members,)
        What `blend` returned.
    judge : Judge
    scores : sequence of float or None, default=None
        Scores of the single members where they are known, in the metric's own direction.
    errors : float, default=1.0
        Standard errors that the blend has to be ahead; 0 keeps any gain.
    seed : int, default=0
    deadline : callable () -> float or None, default=None
        Seconds left.

    Returns
    -------
    ndarray of shape (n_members,), dtype=float64
        Not negative, sum 1.
    """
    if np.count_nonzero(weights) <= 1:
        return weights
    sign = 1.0 if judge.metric.greater_is_better else -1.0
    known = [judge(one) for one in values] if scores is None else scores
    singles = np.array([_finite(sign * one) for one in known])
    best = int(np.argmax(singles))
    single = np.zeros(len(values))
    single[best] = 1.0
    mixed = average(values, weights)
    gain = _finite(sign * judge(mixed)) - _finite(sign * judge(values[best]))
    if not gain > 0:
        return single
    if errors == 0:
        return weights
    noise = bootstrap_error(mixed, values[best], judge, seed, deadline or (lambda: np.inf))
    return weights if gain > errors * noise else single


def average(values: Sequence[NDArray[Any]], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weighted mean of some members' values, float64."""
    total = np.zeros(values[0].shape)
    for one, weight in zip(values, weights, strict=True):
        if weight:
            total += float(weight) * one
    return total / float(weights.sum())


class _Search:
    """The running sum of one greedy search, and the score of each next step."""

    def __init__(
        self,
        values: Sequence[NDArray[Any]],
        score: Callable[[NDArray[Any]], float],
        sign: float,
    ) -> None:
        self.values = values
        self.score = score
        self.sign = sign
        self.total = np.zeros(values[0].shape, dtype=values[0].dtype)
        self.size = 0
        self.singles: NDArray[np.float64] | None = None
        self.unit = 1.0
        self.last = -np.inf
        self.spread = np.array([float(np.square(one, dtype=np.float64).sum()) for one in values])

    @classmethod
    def of(
        cls,
        values: Sequence[NDArray[Any]],
        y: NDArray[Any],
        score: Judge | Callable[[NDArray[Any]], float],
        sign: float,
        seed: int,
    ) -> _Search:
        """Begin on a sample of rows where there are many."""
        if isinstance(score, Judge):
            rows = _sample(y, MAX_ROWS, seed)
            if rows is not None:
                values, score = [one[rows] for one in values], score.of(rows)
            if score.fast is not None:
                fast, part = score.fast, score
                values = [fast.reduce(part.y, one) for one in values]
                return cls(values, lambda mixed: fast.score(part.y, mixed, part.weight), sign)
        if len({one.dtype for one in values}) > 1:
            values = [one.astype(np.float64) for one in values]
        return cls(values, score, sign)

    def next(
        self,
        counts: NDArray[np.int64],
        left: Callable[[], float],
        *,
        full: bool,
    ) -> int | None:
        """Return the member whose addition scores best, None where time ran out first."""
        inside = counts > 0
        candidates = np.arange(len(counts))
        if full:
            candidates = np.flatnonzero(inside)
        elif self.singles is not None:
            candidates = np.lexsort((self.spread, -self.singles))[:MAX_CANDIDATES]
        scores = self._scores(candidates, left)
        if scores is None:
            return None
        if self.singles is None:
            self.singles = scores
            best = float(scores.max())
            self.unit = abs(best) if np.isfinite(best) and best else 1.0
        rounded = np.round(scores / self.unit, DECIMALS)
        ties = (self.spread, -self.singles)
        keys = [key[candidates] for key in ties] + [-scores, ~inside[candidates], -rounded]
        place = np.lexsort(keys)[0]
        self.last = float(scores[place])
        return int(candidates[place])

    def add(self, pick: int) -> float:
        """Take a member into the sum and return the score that comes of it."""
        self.total = self.total + self.values[pick]
        self.size += 1
        return self.last

    def _scores(
        self, candidates: NDArray[np.intp], left: Callable[[], float]
    ) -> NDArray[np.float64] | None:
        """Return the score with each candidate added; without time those of the first step only."""
        scores = np.full(len(candidates), -np.inf)
        scale = self.total.dtype.type(1 / (self.size + 1))
        for place, index in enumerate(candidates):
            if left() <= 0 and (self.size or place):
                return None if self.size else scores
            mixed = (self.total + self.values[index]) * scale
            scores[place] = _finite(self.sign * float(self.score(mixed)))
        return scores


def _sample(y: NDArray[Any], size: int, seed: int) -> NDArray[np.intp] | None:
    """Return evenly spread rows of the sorted target: every class and every size is there."""
    n_rows = len(y)
    if n_rows <= size:
        return None
    shuffled = np.random.default_rng(seed).permutation(n_rows)
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    return np.sort(ordered[(np.arange(size) * (n_rows / size)).astype(np.intp)])


def bootstrap_error(
    mixed: NDArray[Any],
    single: NDArray[Any],
    judge: Judge,
    seed: int,
    left: Callable[[], float],
) -> float:
    """Return the standard error of the difference between two scores on the same rows.

    Parameters
    ----------
    mixed, single : ndarray
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
    size = min(n_rows, BOOTSTRAP_ROWS)
    base = _sample(judge.y, size, seed)
    rows = np.arange(n_rows) if base is None else base
    groups = [rows]
    if np.issubdtype(judge.y.dtype, np.integer):
        groups = [rows[judge.y[rows] == code] for code in np.unique(judge.y[rows])]
    gaps: list[float] = []
    for _ in range(REPEATS):
        if left() <= 0:
            break
        drawn = np.concatenate([rng.choice(group, len(group)) for group in groups])
        part = judge.of(drawn)
        gap = part(mixed[drawn]) - part(single[drawn])
        if np.isfinite(gap):
            gaps.append(gap)
    if len(gaps) < ENOUGH:
        return float(np.inf)
    return float(np.std(gaps, ddof=1) * np.sqrt(len(rows) / n_rows))


def _weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = counts / counts.sum()
    return weights


def _first_best(scores: Sequence[float]) -> int:
    """Return the shortest blend among those that are equal to `DECIMALS`."""
    best = max(scores)
    if not np.isfinite(best):
        return 0
    behind = (np.array(scores) - best) / (abs(best) or 1.0)
    return int(np.argmax(np.round(behind, DECIMALS)))


def _finite(score: float) -> float:
    return score if np.isfinite(score) else -np.inf
