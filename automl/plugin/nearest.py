"""The operation of formulas that looks for rows that are near, and what makes one count.

Whoever predicts by neighbours with `counts` gives the values that `Nearest` gives in an export:
rows that are equally far share what is left of the ``k``, so that no order of rows, and no
rounding of a distance, decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

ALIKE = 1e-6
"""Distances that differ by less than this share of themselves are equal."""

_PAIRS = 1_000_000
"""Distances that are reckoned in one go."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nearest:
    """Means of what is known of the ``k`` stored rows that are nearest.

    Cells are rounded to float32, as the rows are; distances are float64. None counts as less than
    ``floor``. Rows nearer than the k-th nearest count 1 each, those as far as it (`ALIKE`) share
    what is left of ``k``.

    Parameters
    ----------
    columns : ndarray of shape (n_columns,), dtype=int
    rows : ndarray of shape (n_stored, n_columns), dtype=float32
    values : ndarray of shape (n_stored, width)
        What is known of each stored row.
    k : int
        At most ``n_stored``.
    p : {1, 2}
        Distances are sums of absolute differences, or roots of sums of squared ones.
    floor : float
        Above 0.
    weighted : bool
        Whether rows count by the inverse of their distance.
    """

    columns: NDArray[np.integer[Any]]
    rows: NDArray[np.float32]
    values: NDArray[Any]
    k: int
    p: int
    floor: float
    weighted: bool

    @property
    def width(self) -> int:
        """Columns that it makes."""
        return int(self.values.shape[1])

    def of(self, cells: Matrix) -> Matrix:
        """Return them, of shape (n_rows, width)."""
        X = cells[:, self.columns].astype(np.float32).astype(np.float64)
        stored, values = self.rows.T.astype(np.float64), self.values.astype(np.float64)
        made = np.empty((len(X), self.width))
        for part in parts_of(len(X), len(self.rows)):
            apart = np.zeros((part.stop - part.start, len(self.rows)))
            for cell, other in zip(X[part].T, stored, strict=True):
                apart += np.abs(cell[:, None] - other) ** self.p
            distance = apart if self.p == 1 else np.sqrt(apart)
            made[part] = counts(distance, self.k, self.floor, weighted=self.weighted) @ values
        return made


def counts(distance: Matrix, k: int, floor: float, *, weighted: bool) -> Matrix:
    """Return what each row counts in the mean over the ``k`` nearest.

    Parameters
    ----------
    distance : ndarray of shape (n_rows, n_others), dtype=float64
        To all other rows, or at least to those as near as the k-th nearest.
    k, floor, weighted
        As `Nearest` has them.

    Returns
    -------
    ndarray of shape (n_rows, n_others)
        The sum over a row is 1.
    """
    distance = np.maximum(distance, floor)
    last = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    nearer = distance < last * (1.0 - ALIKE)
    equal = (distance <= last * (1.0 + ALIKE)) & ~nearer
    left = k - nearer.sum(axis=1, keepdims=True)
    count = nearer + equal * (left / equal.sum(axis=1, keepdims=True))
    if weighted:
        count = count * (last / distance)
    return np.asarray(count / count.sum(axis=1, keepdims=True))


def cells_kept(learned: object) -> int:
    """Return how many cells of training rows a formula holds; 0 for what is none."""
    operations = getattr(learned, "operations", ())
    return sum(one.rows.size for one in operations if isinstance(one, Nearest))


def parts_of(n_rows: int, n_others: int) -> Iterator[slice]:
    """Give runs of rows, so few that distances to the others take little memory."""
    step = max(1, _PAIRS // max(1, n_others))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))
