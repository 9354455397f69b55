"""Two categories as one: the mean of the target in each pair of levels, and how frequent it is."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_features.columns import slots, slots_of, targets_of
from automl_features.evidence import NOISE, gain_of, judge, sample_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]

COLUMNS = 24
"""Columns of codes that pairs are made of, at most: those that say most alone."""

FOLDS = 5
"""Parts of the rows that get their means from the other parts."""

CELLS = 32
"""Pairs of levels up to which a tree finds them itself, and means would only blur them."""

CLASSES = 5
"""Classes that get a column, the most frequent ones."""

WIDTH = 1 << 31
"""More than any code."""


class LevelMeans:
    """The mean of each target in each key, and the logarithm of one plus its number of rows.

    The estimate is (sum + m * mean) / (n + m) (D. Micci-Barreca, "A preprocessing scheme for
    high-cardinality categorical attributes", 2001).
    """

    def __init__(self, levels: Codes, at: Codes, targets: Matrix, smooth: float) -> None:
        self.levels = levels
        counts = np.bincount(at, minlength=len(levels))
        means = means_of(at, targets, len(levels), smooth)
        self.table = np.column_stack([means, np.log1p(counts)])
        self.unseen = np.append(targets.mean(axis=0), 0.0)

    def __call__(self, keys: Codes) -> Matrix:
        """Return means and logarithm of each key, of shape (n_rows, n_targets + 1)."""
        at = np.searchsorted(self.levels, keys)
        at[at == len(self.levels)] = 0
        known = self.levels[at] == keys
        return np.where(known[:, None], self.table[at], self.unseen)


def means_of(at: Codes, targets: Matrix, n_levels: int, smooth: float) -> Matrix:
    """Return the mean of each target in each level, pulled to that of all where rows are few."""
    counts = np.bincount(at, minlength=n_levels) + smooth
    sums = np.stack([np.bincount(at, t, minlength=n_levels) for t in targets.T], axis=1)
    means: Matrix = (sums + smooth * targets.mean(axis=0)) / counts[:, None]
    return means


class CategoryPairs:
    """Means of the target in pairs of levels, out of fold for the rows that it learns from.

    Parameters
    ----------
    places : list of int
        For each column of codes its place among the features.
    n_classes : int
        0 where the target is a number.
    most : int
        Pairs, at most.
    smooth : float
        Rows that the overall mean counts for.
    seed : int
    """

    def __init__(
        self, places: list[int], n_classes: int, most: int, smooth: float, seed: int
    ) -> None:
        self.places = places
        self.n_classes = n_classes
        self.most = most
        self.smooth = smooth
        self.seed = seed

    made: list[tuple[int, int]]
    means: list[LevelMeans]

    def fit(self, table: Any, y: NDArray[Any]) -> CategoryPairs:
        """Choose the pairs and learn their means."""
        self.fit_transform(table, y)
        return self

    def fit_transform(self, table: Any, y: NDArray[Any]) -> Matrix:
        """Choose and learn; return for each row what is learned from the others."""
        targets = targets_of(y, self.n_classes, CLASSES)
        self.width = targets.shape[1] + 1
        self.made = self._choose(table, targets)
        self.means = []
        part = np.random.default_rng(self.seed).permutation(len(y)) % FOLDS
        out = np.empty((len(y), len(self.made) * self.width))
        for k, pair in enumerate(self.made):
            levels, at = np.unique(keys_of(table, pair), return_inverse=True)
            self.means.append(LevelMeans(levels, at, targets, self.smooth))
            block = out[:, k * self.width : (k + 1) * self.width]
            # Counts do not read the target: they are those that prediction will use.
            block[:, -1] = self.means[k].table[at, -1]
            for fold in range(min(FOLDS, len(y))):
                here = part == fold
                others = ~here if len(y) > 1 else here
                means = means_of(at[others], targets[others], len(levels), self.smooth)
                block[here, :-1] = means[at[here]]
        return out

    def transform(self, table: Any) -> Matrix:
        """Return means and counts of each pair."""
        out = np.empty((len(table.category), len(self.made) * self.width))
        for k, pair in enumerate(self.made):
            out[:, k * self.width : (k + 1) * self.width] = self.means[k](keys_of(table, pair))
        return out

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the features of each column."""
        return [(self.places[a], self.places[b]) for a, b in self.made for _ in range(self.width)]

    def _choose(self, table: Any, targets: Matrix) -> list[tuple[int, int]]:
        rows = sample_of(len(targets), self.seed)
        seen, targets = table.take(rows), targets[rows]
        order, residual = judge([*slots_of(seen).T], targets)
        floor = NOISE / max(1, len(rows))
        judged = []
        for pair in combinations(sorted(order[:COLUMNS]), 2):
            cells, codes = np.unique(keys_of(seen, pair), return_inverse=True)
            gain = gain_of(codes, residual) if len(cells) > CELLS else 0.0
            if gain > floor:
                judged.append((-gain, pair))
        return [pair for _, pair in sorted(judged)[: self.most]]


def keys_of(table: Any, pair: tuple[int, int]) -> Codes:
    """Return one number for each combination of slots."""
    return slots(table, pair[0]) * WIDTH + slots(table, pair[1])
