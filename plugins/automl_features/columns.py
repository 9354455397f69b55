"""The columns of a whole table as two matrices: what can be reckoned with, and codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]

RESERVED = 2
"""Codes -2 (unseen) and -1 (missing) come before the levels."""

UNSEEN, MISSING = 0, 1
"""Slots of a level that training did not have, and of a missing cell."""

CONTRASTS = 5
"""Columns of `contrasts_of` at most."""

LARGEST = 1e30
"""What is computed stays within this."""


def numbers_of(table: Any) -> Matrix:
    """Return numbers and dates, side by side."""
    if not table.date.shape[1]:
        return np.asarray(table.number)
    return np.concatenate([table.number, table.date], axis=1)


def number(table: Any, column: int) -> Matrix:
    """Return one column of `numbers_of`, without a copy of all."""
    n = table.number.shape[1]
    found: Matrix = table.number[:, column] if column < n else table.date[:, column - n]
    return found


def slots_of(table: Any) -> Codes:
    """Return the slot of each cell of the categories and strings: 0 unseen, 1 missing, 2, ..."""
    return np.concatenate([table.category, table.string], axis=1).astype(np.int64) + RESERVED


def slots(table: Any, column: int) -> Codes:
    """Return one column of `slots_of`."""
    n = table.category.shape[1]
    found = table.category[:, column] if column < n else table.string[:, column - n]
    return np.asarray(found, dtype=np.int64) + RESERVED


def places(features: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Return the numbers of the features in `numbers_of`, and of those in `slots_of`."""

    def of(*kinds: str) -> list[int]:
        return [j for kind in kinds for j, one in enumerate(features) if one.kind == kind]

    return of("number", "date"), of("category", "string")


def bounded(X: Matrix) -> Matrix:
    """Return numbers that any learner can hold; missing cells stay."""
    return np.clip(X, -LARGEST, LARGEST)


def contrasts_of(y: NDArray[Any], n_classes: int, seed: int) -> Matrix:
    """Return the target as a few columns, which tell any class from the others."""
    if not n_classes:
        return np.asarray(y, dtype=np.float64)[:, None]
    if n_classes <= CONTRASTS:
        classes = np.arange(n_classes)[-1:] if n_classes <= 2 else np.arange(n_classes)
        return np.asarray(y[:, None] == classes, dtype=np.float64)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_classes, CONTRASTS))
    found: Matrix = signs[y]
    return found
