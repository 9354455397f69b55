"""Sums, differences, products and ratios of two numbers, those that promise most."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Clip, Combine, Draft, Formula
from automl_features.columns import LARGEST, bounded, contrasts_of, numbers_of
from automl_features.evidence import best_of, bins_of, judge, sample_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

PARENTS = 14
"""Columns that pairs are made of, at most: those that say most alone."""

DISTINCT = 5
"""Values that a column needs to be reckoned with."""


def reckon(operation: str, a: Matrix, b: Matrix) -> Matrix:
    """Return one operation of two columns; NaN where a cell is missing or divided by zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        if operation == "sum":
            return bounded(a + b)
        if operation == "difference":
            return bounded(a - b)
        if operation == "product":
            return bounded(a * b)
        return bounded(np.divide(a, b, out=np.full_like(a, np.nan), where=b != 0))


class Arithmetic:
    """Columns made of two numbers by + - * /.

    Parameters
    ----------
    places : list of int
        For each number and date of the table its place among the features.
    n_classes : int
        0 where the target is a number.
    most : int
        Columns that are made, at most.
    seed : int
    """

    def __init__(self, places: list[int], n_classes: int, most: int, seed: int) -> None:
        self.places = places
        self.n_classes = n_classes
        self.most = most
        self.seed = seed

    made: list[tuple[str, int, int]]

    def fit(self, table: Any, y: NDArray[Any]) -> Arithmetic:
        """Choose the pairs."""
        rows = sample_of(len(y), self.seed)
        X, targets = numbers_of(table.take(rows)), contrasts_of(y[rows], self.n_classes, self.seed)
        usable = [j for j in range(X.shape[1]) if _distinct(X[:, j]) >= DISTINCT]
        self.made = []
        if len(usable) < 2:
            return self
        order, residual = judge([bins_of(X[:, j]) for j in usable], targets)
        parents = sorted(usable[k] for k in order[:PARENTS])
        self.made = best_of(_candidates(X, parents), residual, self.most)
        return self

    def fit_transform(self, table: Any, y: NDArray[Any]) -> Matrix:
        """Choose the pairs; what comes out of a row does not hang on its target."""
        return self.fit(table, y).transform(table)

    def transform(self, table: Any) -> Matrix:
        """Return the chosen columns."""
        X = numbers_of(table)
        out = np.empty((len(X), len(self.made)))
        for operation in dict.fromkeys(operation for operation, _, _ in self.made):
            found = [(k, a, b) for k, (o, a, b) in enumerate(self.made) if o == operation]
            at, first, second = zip(*found, strict=True)
            out[:, at] = reckon(operation, X[:, first], X[:, second])
        return out

    def formula(self) -> Formula:
        """Return what it computes."""
        draft, out = Draft(len(self.places)), []
        for operation, a, b in self.made:
            how: Any = "quotient" if operation == "ratio" else operation
            made = draft.add(Combine(how=how, first=np.array([a]), second=np.array([b])))
            out.append(draft.add(Clip(columns=made, low=-LARGEST, high=LARGEST)))
        return draft.formula(*out)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the features of each column."""
        return [(self.places[a], self.places[b]) for _, a, b in self.made]


def _distinct(x: Matrix) -> int:
    return len(np.unique(x[~np.isnan(x)][:500]))


def _candidates(X: Matrix, columns: list[int]) -> Iterator[tuple[tuple[str, int, int], Matrix]]:
    signed = {j: bool((X[:, j] <= 0).any() and (X[:, j] >= 0).any()) for j in columns}
    for a, b in combinations(columns, 2):
        keys = [("sum", a, b), ("difference", a, b), ("product", a, b)]
        # A ratio by what goes through zero has no order; a / b and b / a are one to a tree.
        if not signed[b]:
            keys.append(("ratio", a, b))
        elif not signed[a]:
            keys.append(("ratio", b, a))
        for key in keys:
            yield key, reckon(key[0], X[:, key[1]], X[:, key[2]])
