"""Numbers against the mean of their group: how far from it, and how many times it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Clip, Combine, Draft, Formula, Lookup
from automl_features.columns import (
    LARGEST,
    UNSEEN,
    bounded,
    contrasts_of,
    number,
    numbers_of,
    slots,
    slots_of,
)
from automl_features.evidence import best_of, bins_of, judge, sample_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]

NUMBERS = 12
"""Numbers that are held against their group, at most: those that say most alone."""

GROUPS = 12
"""Columns that groups are made of, at most."""

SMOOTH = 5.0
"""Rows that the overall mean counts for in the mean of a group."""


class AgainstGroup:
    """Difference from, and ratio to, the mean of a number over the rows of a level.

    Parameters
    ----------
    numbers, codes : list of int
        For each number, and for each column of codes, its place among the features.
    n_classes : int
        0 where the target is a number.
    most : int
        Columns that are made, at most.
    seed : int
    """

    def __init__(
        self, numbers: list[int], codes: list[int], n_classes: int, most: int, seed: int
    ) -> None:
        self.numbers = numbers
        self.codes = codes
        self.n_classes = n_classes
        self.most = most
        self.seed = seed

    made: list[tuple[str, int, int]]
    means: list[Matrix]

    def fit(self, table: Any, y: NDArray[Any]) -> AgainstGroup:
        """Choose numbers and groups, and learn the means."""
        rows = sample_of(len(y), self.seed)
        seen = table.take(rows)
        X, groups = numbers_of(seen), slots_of(seen)
        targets = contrasts_of(y[rows], self.n_classes, self.seed)
        n = X.shape[1]
        order, residual = judge([*(bins_of(x) for x in X.T), *groups.T], targets)
        best = [j for j in order if j < n][:NUMBERS]
        by = [j - n for j in order if j >= n][:GROUPS]
        self.made = best_of(_candidates(X, groups, best, by), residual, self.most)
        self.means = [group_means(slots(table, g), number(table, x)) for _, x, g in self.made]
        return self

    def fit_transform(self, table: Any, y: NDArray[Any]) -> Matrix:
        """Choose and learn; what comes out of a row does not hang on its target."""
        return self.fit(table, y).transform(table)

    def transform(self, table: Any) -> Matrix:
        """Return the chosen columns."""
        out = np.empty((len(table.number), len(self.made)))
        for k, ((how, x, g), means) in enumerate(zip(self.made, self.means, strict=True)):
            out[:, k] = against(how, number(table, x), slots(table, g), means)
        return out

    def formula(self) -> Formula:
        """Return what it computes."""
        n = len(self.numbers)
        draft, out = Draft(n + len(self.codes)), []
        for (how, x, g), means in zip(self.made, self.means, strict=True):
            mean = draft.add(Lookup(column=n + g, table=means[:, None]))
            operation: Any = "difference" if how == "difference" else "quotient"
            made = draft.add(Combine(how=operation, first=np.array([x]), second=mean))
            out.append(draft.add(Clip(columns=made, low=-LARGEST, high=LARGEST)))
        return draft.formula(*out)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the features of each column."""
        return [(self.numbers[x], self.codes[g]) for _, x, g in self.made]


def group_means(groups: Codes, x: Matrix) -> Matrix:
    """Return the mean of a number in each group, pulled to the overall mean where rows are few."""
    there = ~np.isnan(x)
    overall = float(x[there].mean()) if there.any() else 0.0
    counts = np.bincount(groups[there], minlength=UNSEEN + 1)
    sums = np.bincount(groups[there], x[there], minlength=UNSEEN + 1)
    means: Matrix = (sums + SMOOTH * overall) / (counts + SMOOTH)
    means[UNSEEN] = overall
    return means


def against(how: str, x: Matrix, groups: Codes, means: Matrix) -> Matrix:
    """Return a number less its group's mean, or divided by it; levels beyond are unseen."""
    mean = means[np.where(groups < len(means), groups, UNSEEN)]
    if how == "difference":
        return bounded(x - mean)
    with np.errstate(over="ignore"):
        return bounded(np.divide(x, mean, out=np.full_like(x, np.nan), where=mean != 0))


def _candidates(
    X: Matrix, groups: Codes, numbers: list[int], by: list[int]
) -> Iterator[tuple[tuple[str, int, int], Matrix]]:
    for g in by:
        for x in numbers:
            means = group_means(groups[:, g], X[:, x])
            for how in ("difference", "ratio"):
                yield (how, x, g), against(how, X[:, x], groups[:, g], means)
