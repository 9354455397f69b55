"""How many rows have the level of a cell, and how many cells of a row are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl_features.columns import MISSING, UNSEEN, numbers_of, places, slots_of

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

    def __init__(self, features: Sequence[Any]) -> None:
        self.numbers, self.codes = places(features)
        self.used = sorted({*self.numbers, *self.codes})

    counts: list[Matrix]

    def fit(self, table: Any, y: Any = None) -> LevelCounts:
        """Count the levels."""
        slots = slots_of(table)
        self.counts = [np.log1p(np.bincount(x, minlength=MISSING + 1)) for x in slots.T]
        return self

    def transform(self, table: Any) -> Matrix:
        """Return a column for each column of codes, and the number of missing cells."""
        slots = slots_of(table)
        made = [
            counts[np.where(x < len(counts), x, UNSEEN)]
            for x, counts in zip(slots.T, self.counts, strict=True)
        ]
        missing = np.isnan(numbers_of(table)).sum(axis=1) + (slots == MISSING).sum(axis=1)
        return np.column_stack([*made, missing.astype(np.float64)])

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the features of each column."""
        return [*((j,) for j in self.codes), tuple(self.used)]
