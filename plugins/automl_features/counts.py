"""How many rows have the level of a cell, and how many cells of a row are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Draft, Formula, IsMissing, Lookup, Product
from automl_features.columns import MISSING, UNSEEN, slots, slots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


class LevelCounts:
    """The logarithm of one plus the number of rows with a cell's level, and of missing cells.

    Parameters
    ----------
    features : sequence of Feature
    """

    def __init__(self, numbers: Sequence[int], codes: Sequence[int]) -> None:
        self.numbers, self.codes = numbers, codes
        self.used = sorted({*self.numbers, *self.codes})

    counts: list[Matrix]

    def fit(self, table: Any, y: Any = None) -> LevelCounts:
        """Count the levels."""
        self.counts = [
            np.log1p(np.bincount(slots(table, j), minlength=MISSING + 1))
            for j in range(len(self.codes))
        ]
        return self

    def transform(self, table: Any) -> Matrix:
        """Return a column for each column of codes, and the number of missing cells."""
        found = slots_of(table)
        sizes = np.array([len(counts) for counts in self.counts], dtype=np.int64)
        flat = np.concatenate([np.zeros(0), *self.counts])
        known = np.where(found < sizes, found, UNSEEN) + np.cumsum(sizes) - sizes
        missing = np.isnan(table.number).sum(axis=1) + np.isnan(table.date).sum(axis=1)
        missing += (found == MISSING).sum(axis=1)
        return np.concatenate([flat.take(known), missing[:, None]], axis=1)

    def formula(self) -> Formula:
        """Return what it computes."""
        n = len(self.numbers)
        draft = Draft(n + len(self.codes))
        counts, missing = [], [draft.add(IsMissing(columns=np.arange(n)))]
        for j, table in enumerate(self.counts):
            counts.append(draft.add(Lookup(column=n + j, table=table[:, None])))
            gone = (np.arange(MISSING + 1) == MISSING).astype(np.float64)
            missing.append(draft.add(Lookup(column=n + j, table=gone[:, None])))
        each = np.concatenate(missing)
        total = Product(columns=each, weights=np.ones((len(each), 1)), base=np.zeros(1))
        return draft.formula(*counts, draft.add(total))

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the features of each column."""
        return [*((j,) for j in self.codes), tuple(self.used)]
