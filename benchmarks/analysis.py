"""What rows say when they are put side by side: ranks, wins, gaps, failures. Numbers alone.

A failed job counts as the constant predictor, as in AMLB (Gijsbers et al., JMLR 25, 2024). Errors
are compared, where less is better: ``1 - score`` of a metric that grows, else the score itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import GREATER_IS_BETTER, Row

EQUAL = 1e-6
"""Errors that differ by less, relative to the larger, are a tie."""

CONFIDENCE = 0.95


def error(row: Row) -> float:
    """Return the error of a job; the constant answer's where it failed."""
    score = row.score if row.status == "ok" and not isnan(row.score) else row.constant
    return 1.0 - score if row.metric in GREATER_IS_BETTER else score


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """All contenders at one budget on the tables that every one of them has run.

    Parameters
    ----------
    budget : float
    contenders : tuple of str
    tables : tuple of str
    errors : ndarray of shape (n_tables, n_contenders)
        Mean over the folds that all contenders have run.
    constant : ndarray of shape (n_tables,)
        The error of the constant answer.
    left_out : tuple of str
        Tables that some contender has not run.
    """

    budget: float
    contenders: tuple[str, ...]
    tables: tuple[str, ...]
    errors: NDArray[np.float64]
    constant: NDArray[np.float64]
    left_out: tuple[str, ...] = ()

    @property
    def ranks(self) -> NDArray[np.float64]:
        """Rank of each contender on each table, 1 the best; ties share their mean rank."""
        return np.array([_ranks(row) for row in self.errors]).reshape(self.errors.shape)

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Share of the way from the best contender to the constant answer, at most 1."""
        best = self.errors.min(axis=1, keepdims=True)
        way = self.constant[:, None] - best
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = np.where(way > 0, (self.errors - best) / way, 0.0)
        return np.clip(gaps, 0.0, 1.0)


def fields_of(rows: Sequence[Row]) -> list[Field]:
    """Return one field for each budget, smallest first; contenders by their mean rank."""
    return [_field(rows, budget) for budget in sorted({row.budget for row in rows})]


def _field(rows: Sequence[Row], budget: float) -> Field:
    known: dict[str, dict[str, dict[int, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row.budget == budget and not isnan(error(row)):
            known[row.table][row.contender][row.fold] = row
    names = sorted({name for found in known.values() for name in found})
    tables, errors, constant = [], [], []
    for table, found in known.items():
        folds = set.intersection(*(set(found[name]) for name in names)) if names else set()
        if not folds:
            continue
        tables.append(table)
        errors.append([float(np.mean([error(found[n][f]) for f in folds])) for n in names])
        constant.append(float(np.mean([_constant(found[names[0]][f]) for f in folds])))
    matrix = np.array(errors).reshape(len(tables), len(names))
    mean = np.array([_ranks(row) for row in matrix]).reshape(matrix.shape).mean(axis=0)
    order = np.argsort(mean, kind="stable") if tables else np.arange(len(names))
    return Field(
        budget=budget,
        contenders=tuple(names[i] for i in order),
        tables=tuple(tables),
        errors=matrix[:, order],
        constant=np.array(constant),
        left_out=tuple(sorted(set(known) - set(tables))),
    )


def _constant(row: Row) -> float:
    return 1.0 - row.constant if row.metric in GREATER_IS_BETTER else row.constant


def _ranks(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    better = np.zeros(len(errors))
    tied = np.zeros(len(errors))
    for i, one in enumerate(errors):
        for j, other in enumerate(errors):
            if i != j:
                same = _same(one, other)
                tied[i] += same
                better[i] += other < one and not same
    return 1 + better + tied / 2


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= EQUAL * max(abs(one), abs(other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """One contender against another over tables; a tie is half a win.

    ``low`` and ``high`` are Wilson's interval of the rate (Wilson, JASA 22, 1927).
    """

    rate: float
    low: float
    high: float
    n: int


def duel(field: Field, one: int, other: int) -> Duel:
    """Return how often one contender is ahead of another."""
    wins = 0.0
    for a, b in field.errors[:, [one, other]]:
        wins += 0.5 if _same(a, b) else float(a < b)
    return Duel(n=len(field.tables), **_wilson(wins, len(field.tables)))


def _wilson(wins: float, n: int) -> dict[str, float]:
    if not n:
        return {"rate": nan, "low": nan, "high": nan}
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + CONFIDENCE / 2))
    rate = wins / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"rate": rate, "low": max(middle - half, 0.0), "high": min(middle + half, 1.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """Friedman's test and Nemenyi's critical difference (Demsar, JMLR 7, 2006).

    Mean ranks that differ by less than ``difference`` are not told apart; ``p`` is that of all
    contenders being equal.
    """

    p: float
    difference: float


def rank_test(field: Field) -> RankTest:
    """Return whether, and from which distance on, mean ranks differ by more than chance."""
    from scipy.stats import friedmanchisquare, studentized_range

    n, k = field.errors.shape
    if n < 2 or k < 2:
        return RankTest(p=nan, difference=inf)
    p = nan
    if k > 2 and np.ptp(field.ranks) > 0:  # else all are alike on each table
        p = float(friedmanchisquare(*field.ranks.T).pvalue)
    q = float(studentized_range.ppf(CONFIDENCE, k, np.inf)) / sqrt(2)
    return RankTest(p=p, difference=q * sqrt(k * (k + 1) / (6 * n)))


def alike(field: Field, difference: float) -> list[tuple[int, int]]:
    """Return the longest runs of neighbours in rank, first and last, that are not told apart."""
    means = field.ranks.mean(axis=0)
    runs: list[tuple[int, int]] = []
    for first in range(len(means)):
        last = max(i for i in range(len(means)) if means[i] - means[first] <= difference)
        if last > first and not any(a <= first and last <= b for a, b in runs):
            runs.append((first, last))
    return runs


def failures(rows: Sequence[Row]) -> list[tuple[str, str, str, str, int]]:
    """Return (contender, status, phase, cause, count) of what has no score, most frequent first."""
    counted = Counter(
        (row.contender, row.status, row.phase, row.cause) for row in rows if row.status != "ok"
    )
    return [(*what, count) for what, count in counted.most_common()]


SECONDS_OVER = 1.0
SHARE_OVER = 0.02
"""What automl promises for budgets from 5 seconds up: never longer than the larger of the two."""

EDGES = (-inf, -5.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 5.0, inf)
"""Bins of the seconds beyond a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """How long one contender took beyond one budget, from the call to the fitted object.

    Parameters
    ----------
    contender : str
    budget : float
    jobs : int
    without : int
        Jobs that ended before there was a model.
    seconds : ndarray of shape (jobs - without,)
        Beyond the budget, least first; negative where it took less.
    allowed : float
        Seconds that automl's promise leaves.
    """

    contender: str
    budget: float
    jobs: int
    without: int
    seconds: NDArray[np.float64]
    allowed: float

    @property
    def beyond(self) -> int:
        """Jobs that took longer than allowed."""
        return int((self.seconds > self.allowed).sum())

    @property
    def counts(self) -> tuple[int, ...]:
        """Jobs in each bin of `EDGES`: above its lower end, up to the upper one."""
        return tuple(
            int(((self.seconds > low) & (self.seconds <= high)).sum())
            for low, high in pairwise(EDGES)
        )

    def percentile(self, share: float) -> float:
        """Return the seconds that so many percent of the jobs stayed within."""
        return float(np.percentile(self.seconds, share)) if len(self.seconds) else nan


def overruns(rows: Sequence[Row]) -> list[Overrun]:
    """Return one for each contender and budget, by name and size."""
    found = []
    for contender, budget in sorted({(row.contender, row.budget) for row in rows}):
        own = [row for row in rows if (row.contender, row.budget) == (contender, budget)]
        over = sorted(row.fit_s - row.budget for row in own if not isnan(row.fit_s))
        found.append(
            Overrun(
                contender=contender,
                budget=budget,
                jobs=len(own),
                without=len(own) - len(over),
                seconds=np.array(over, dtype=np.float64),
                allowed=max(SECONDS_OVER, SHARE_OVER * budget),
            )
        )
    return found


MEASURES: Mapping[str, str] = {
    "fit_s": "fit s",
    "predict_s": "predict s",
    "row_ms": "row ms",
    "row_ms_p99": "row ms p99",
    "cold_s": "cold start s",
    "memory_mb": "memory MB",
    "model_mb": "model MB",
}
"""What is summed up by contender, with its heading."""


def resources(rows: Sequence[Row], contender: str) -> dict[str, Any]:
    """Return the medians of `MEASURES`, the largest overrun in seconds, and the failures."""
    own = [row for row in rows if row.contender == contender]
    found: dict[str, Any] = {name: median([getattr(row, name) for row in own]) for name in MEASURES}
    over = [row.fit_s - row.budget for row in own if not isnan(row.fit_s)]
    found["over_s"] = max(over, default=nan)
    found["jobs"] = len(own)
    found["failed"] = sum(row.status != "ok" for row in own)
    return found


def median(values: Sequence[float]) -> float:
    """Return the median of what is known, NaN where nothing is."""
    known = [value for value in values if not isnan(value)]
    return float(np.median(known)) if known else nan
