"""How many rows a candidate is fitted on: a look at few rows first, where all of them take long.

All candidates are looked at on the same number of rows, and the best of them go on to as many rows
as can be had in the time left, in the end to all. Whatever the rows, candidates are judged by the
same held-out ones (compare Li et al., "A system for massively parallel hyperparameter tuning",
MLSys 2020).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Outcome

LEAST_ROWS = 15_000
"""A look at fewer rows says too little of what comes of more."""

FACTOR = 4
"""Times the rows of the rung below."""

SEEN = 3
"""Looks after which it is decided whether they are worth it."""

SMALL = 0.02
"""Share of the run's time that a candidate on all rows may take for looks not to be worth it."""

LOOKS = 0.2
"""Share of the run's time after which going on comes before further looks."""

MORE = 3.0
"""Until then going on may take so many times the time of the looks."""

STOPPED = 3.0
"""One that learns in rounds goes on to rows on which all rounds would take so many times the time
that there is: stopped early on many rows it is better than at its end on few."""

NEAR = 0.9
"""Share of the best one's gain over the constant that a candidate needs to go on."""

AGAIN = 0.95
"""Each candidate of an algorithm that has gone on makes the gains of its others count less."""


def sizes_for(n_rows: int) -> tuple[int | None, ...]:
    """Return the rows of each rung; None, all of them, is the last.

    Parameters
    ----------
    n_rows : int
        Rows of the largest training fold.
    """
    sizes: list[int | None] = [None]
    while (n_rows := n_rows // FACTOR) >= LEAST_ROWS:
        sizes.insert(0, n_rows)
    return tuple(sizes)


def some_rows(y: NDArray[Any], size: int | None, seed: int) -> NDArray[np.intp] | None:
    """Return the rows of a rung, spread evenly over the sorted target; None means all.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    size : int or None
    seed : int
        Draws among equal ones.

    Returns
    -------
    ndarray of shape (size,), dtype=intp, sorted; or None
    """
    n_rows = len(y)
    if size is None or n_rows <= size:
        return None
    shuffled = np.random.default_rng(seed).permutation(n_rows)
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    return np.sort(ordered[(np.arange(size) * (n_rows / size)).astype(np.intp)])


def best_of_each(outcomes: Iterable[Outcome], *, greater_is_better: bool) -> list[Outcome]:
    """Return the outcomes without those of a candidate that did better on another rung."""
    sign = 1 if greater_is_better else -1
    kept: dict[str, Outcome] = {}
    for outcome in outcomes:
        key = outcome.candidate.on(None).key
        if not isinstance(outcome, Evaluation):
            key = f"{key}-{outcome.number}"
        known = kept.get(key)
        if not isinstance(known, Evaluation) or (
            isinstance(outcome, Evaluation) and sign * outcome.cv_score >= sign * known.cv_score
        ):
            kept[key] = outcome
    return list(kept.values())


class Rungs:
    """Decides who is looked at on few rows, and who goes on to more.

    Parameters
    ----------
    n_rows : int
        Rows of the largest training fold.
    seconds : float
        Worker seconds of the whole search; infinite means that all rows can be had at once.
    baseline : float
        Score of the constant answer.
    greater_is_better : bool
    in_rounds : collection of str, default=()
        Algorithms that can be told to stop.

    Attributes
    ----------
    first : int or None
        Rows that a new candidate is fitted on, all of them where None.
    """

    def __init__(
        self,
        n_rows: int,
        seconds: float,
        baseline: float,
        *,
        greater_is_better: bool,
        in_rounds: Collection[str] = (),
    ) -> None:
        self._n_rows = n_rows
        self._seconds = seconds
        self._baseline = baseline
        self._sign = 1 if greater_is_better else -1
        self._in_rounds = in_rounds
        self._sizes = sizes_for(n_rows) if math.isfinite(seconds) else (None,)
        self._decided = len(self._sizes) == 1
        self._held: list[Outcome] = []
        self._again: list[Candidate] = []
        self._looks: list[Evaluation] = []
        self._looking = 0.0
        self._going_on = 0.0
        self._open: dict[str, float] = {}
        self._begun: set[str] = set()
        self._begun_of: Counter[str] = Counter()
        self.first = self._sizes[0]

    def scale(self, rows: int | None) -> float:
        """Return the share of all rows."""
        return 1.0 if rows is None else min(1.0, rows / self._n_rows)

    def begin(self, candidate: Candidate, seconds: float) -> None:
        """Know of a candidate in work, and how long it will probably take."""
        self._begun.add(candidate.key)
        self._begun_of[candidate.algorithm] += candidate.rows != self.first
        self._open[candidate.key] = seconds
        self._spend(candidate, seconds)

    def next(
        self, left: float, longest: float, *, alone: bool = False
    ) -> tuple[Candidate, float] | None:
        """Return who goes on to more rows now; None where a new candidate is to be looked at.

        The best, as far as it is near the best of all, with a preference for other algorithms than
        those that have gone on.

        Parameters
        ----------
        left : float
            Worker seconds until the search has to end.
        longest : float
            Seconds that a candidate may take at most to end in time.
        alone : bool, default=False
            Whether there is no new candidate.

        Returns
        -------
        Candidate
        float
            Seconds that it will probably take.
        """
        if not (self._decided or alone):
            return None
        if self._again:
            return self._again.pop(0), 0.0
        if self.first is None or not self._looks:
            return None
        best = max(self._gain(one) for one in self._looks)
        least = -math.inf if alone else best - (1 - NEAR) * abs(best)
        near = [one for one in self._looks if self._gain(one) >= least]
        near.sort(
            key=lambda one: -self._gain(one) * AGAIN ** self._begun_of[one.candidate.algorithm]
        )
        most = min(left, longest)
        enough = alone or self._looking >= LOOKS * self._seconds
        for one in near:
            found = self._on_more(one, most)
            if found is not None:
                due = self._going_on + found[1] <= MORE * self._looking
                return found if enough or due else None
        return None

    def tell(self, outcome: Outcome) -> list[Outcome]:
        """Take what came of a candidate; return what studies may learn from now.

        A study hears of one rung alone: scores of others would not be comparable.
        """
        candidate = outcome.candidate
        self._spend(candidate, outcome.seconds - self._open.pop(candidate.key, 0.0))
        if isinstance(outcome, Evaluation) and candidate.rows == self.first:
            self._looks.append(outcome)
        if not self._decided:
            self._held.append(outcome)
            return self._decide(SEEN)
        if candidate.rows == self.first:
            return [outcome]
        if self.first is None:
            self._repeat(candidate)
        return []

    def _spend(self, candidate: Candidate, seconds: float) -> None:
        if candidate.rows == self.first:
            self._looking += seconds
        else:
            self._going_on += seconds

    def settle(self) -> list[Outcome]:
        """Decide with what there is, where there is nobody new; return as `tell` does."""
        return [] if self._decided else self._decide(1)

    def _decide(self, least: int) -> list[Outcome]:
        """After a few looks: go on with them, or take all rows at once."""
        held = self._held
        prices = [
            one.seconds / self.scale(one.candidate.rows)
            for one in held
            if isinstance(one, Evaluation)
        ]
        if len(prices) < least:
            return []
        self._decided, self._held = True, []
        if max(prices) > SMALL * self._seconds:
            return [one for one in held if one.candidate.rows == self.first]
        self._sizes, self.first = (None,), None
        for one in held:
            self._repeat(one.candidate)
        return [one for one in held if one.candidate.rows is None]

    def _repeat(self, candidate: Candidate) -> None:
        again = candidate.on(None)
        if again.key not in self._begun:
            self._again.append(again)

    def _gain(self, one: Evaluation) -> float:
        """Return by how much it is better than the constant answer."""
        return self._sign * (one.cv_score - self._baseline)

    def _on_more(self, one: Evaluation, most: float) -> tuple[Candidate, float] | None:
        """Return a candidate on the most rows that can be had, and its seconds; None for no more.

        Nothing is tried on fewer rows than it was begun on already.
        """
        patience = STOPPED if one.candidate.algorithm in self._in_rounds else 1.0
        for size in reversed(self._sizes[1:]):
            candidate = one.candidate.on(size)
            if candidate.key in self._begun:
                return None
            seconds = one.seconds * self.scale(size) / self.scale(self.first)
            if seconds <= patience * most:
                return candidate, min(seconds, most)
        return None
