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
        self.background = self._parts(cells)

    @property
    def n_leaves(self) -> int:
        """None, unlike trees."""
        return 0

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

    def ways(self, cells: Matrix) -> Matrix:
        """Return what the cells of each column add, of shape (n_rows, n_columns, n_outputs)."""
        return self._parts(cells)

    def outputs(self, ways: Matrix) -> Matrix:
        """Return the sums of rows, of shape (n_rows, n_outputs), from what their columns add."""
        sums: Matrix = np.clip(
            ways.sum(axis=1) + self._table.base, self._table.low, self._table.high
        )
        return sums

    def contributions(self, ways: Matrix, weights: Matrix) -> Matrix:
        """Return what `automl.explain.paths.Paths.contributions` does for trees."""
        sums = self.background.sum(axis=1) + self._table.base
        mine = (ways.sum(axis=1) + self._table.base)[:, None]
        low, high = self._table.low, self._table.high
        slopes = secant(sums, mine, np.clip(sums, low, high), np.clip(mine, low, high))
        change = ways[:, None] - self.background
        found: Matrix = np.einsum("nbco,nbo,nbov->ncv", change, slopes, weights, optimize=True)
        return found
