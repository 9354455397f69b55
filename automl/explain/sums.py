"""Weighted sums: what each column contributes is its part of the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automl.explain.slopes import secant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin.tables import Coefficients

    Matrix = NDArray[np.float64]


class Sums:
    """A linear member, column by column of the user.

    Parameters
    ----------
    table : Coefficients
        Of the cells that count.
    owners : ndarray of shape (n_cells,), dtype=int
        The user's column that each cell was made of, by number.
    cells : ndarray of shape (n_background, n_cells), dtype=float64
        The cells of the background.
    n_columns : int
        Of the user.
    """

    def __init__(
        self,
        table: Coefficients,
        owners: NDArray[np.intp],
        cells: Matrix,
        n_columns: int,
    ) -> None:
        self._table = table
        self._order = np.argsort(owners, kind="stable")
        self._present, self._starts = np.unique(owners[self._order], return_index=True)
        self._weights = table.weights[self._order]
        self._n_columns = n_columns
        self._background = self._parts(cells)

    def _parts(self, cells: Matrix) -> Matrix:
        """Return what the cells of each column add, of shape (n_rows, n_columns, n_outputs)."""
        n_outputs = self._weights.shape[1]
        parts = np.zeros((len(cells), self._n_columns, n_outputs))
        if len(self._order):
            ordered = cells[:, self._order]
            for output in range(n_outputs):
                added = np.add.reduceat(ordered * self._weights[:, output], self._starts, axis=1)
                parts[:, self._present, output] = added
        return parts

    def contributions(self, row: Matrix, weights: Matrix) -> Matrix:
        """Return what `automl.explain.paths.Paths.contributions` does for trees."""
        parts = self._parts(row[None])
        sums = self._background.sum(axis=1) + self._table.base
        mine = np.broadcast_to(parts.sum(axis=1) + self._table.base, sums.shape)
        low, high = self._table.low, self._table.high
        slopes = secant(sums, mine, np.clip(sums, low, high), np.clip(mine, low, high))
        found: Matrix = np.einsum(
            "bco,bo,bov->cv", parts - self._background, slopes, weights, optimize=True
        )
        return found
