"""Sampled Shapley values, for members of which nothing is known but what they answer.

Columns are switched one after the other from a background row to the explained row, once in a drawn
order and once in its reverse (R. Mitchell et al., "Sampling permutations for Shapley value
estimation", JMLR 23, 2022: antithetic permutations halve the noise or more). What a column changes
when its turn comes is its contribution, so nothing is lost between the two rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.data.table import Table
    from automl.explain.columns import UserColumns

    Matrix = NDArray[np.float64]

MOST_CELLS = 1_000_000
"""Cells of hybrid rows that are asked about at once."""


class Sampled:
    """Members that are asked about rows with cells of two rows.

    Parameters
    ----------
    columns : UserColumns
    background : Table
    values : callable (table) -> ndarray of shape (n_rows, n_values)
        What the members say together.
    used : ndarray of shape (n_columns,), dtype=bool
        Columns that they look at.
    seed : int
        Draws one order of the columns for each background row; the same for all explained rows,
        so that a row is explained alike whatever comes with it.
    """

    def __init__(
        self,
        columns: UserColumns,
        background: Table,
        values: Callable[[Table], Matrix],
        used: NDArray[np.bool_],
        seed: int,
    ) -> None:
        self._columns = columns
        self._background = background
        self.ask = values
        self._used = used
        rng = np.random.default_rng(seed)
        n_columns = len(columns.names)
        drawn = np.array([rng.permutation(n_columns) for _ in range(background.n_rows)])
        orders = drawn.reshape(background.n_rows, n_columns)
        self._orders = (orders, orders[:, ::-1])
        self.values = values(background)

    def contributions(self, row: Table, value: Matrix, weights: Matrix) -> Matrix:
        """Return what each column contributes, summed over background rows with weights.

        Parameters
        ----------
        row : Table
            With one row.
        value : ndarray of shape (n_values,)
            What the members say of it.
        weights : ndarray of shape (n_background, n_values, n_out)

        Returns
        -------
        ndarray of shape (n_columns, n_out)
        """
        differ = self._columns.differ(row, self._background) & self._used
        total = np.zeros((len(self._columns.names), weights.shape[2]))
        for order in self._orders:
            changes = self._changes(row, value, order, differ)
            weighted = np.einsum("bcv,bvo->bco", changes, weights)
            np.add.at(total, order.ravel(), weighted.reshape(-1, weights.shape[2]) / 2.0)
        return total

    def _changes(
        self, row: Table, value: Matrix, order: NDArray[np.intp], differ: NDArray[np.bool_]
    ) -> Matrix:
        """Return what changes at each step, of shape (n_background, n_columns, n_values)."""
        turns = np.take_along_axis(differ, order, axis=1)
        taken = np.cumsum(turns, axis=1)
        last = taken == taken[:, -1:]
        # A step that switches an equal cell changes nothing; after the last one it is the row.
        asked = turns & ~last
        which, step = np.nonzero(asked)
        found = np.empty((len(which), len(value)))
        rank = np.argsort(order, axis=1)
        most = max(1, MOST_CELLS // max(1, order.shape[1]))
        for start in range(0, len(which), most):
            part = slice(start, start + most)
            switched = rank[which[part]] <= step[part, None]
            rows = self._columns.hybrids(row, self._background, which[part], switched)
            found[part] = self.ask(rows)
        number = np.cumsum(asked.ravel()).reshape(asked.shape) - 1
        said = (
            found[np.clip(number, 0, None)] if len(found) else np.zeros((*asked.shape, len(value)))
        )
        said = np.where((taken == 0)[:, :, None], self.values[:, None], said)
        said = np.where((last & (taken > 0))[:, :, None], value, said)
        before = np.concatenate([self.values[:, None], said[:, :-1]], axis=1)
        changes: Matrix = said - before
        return changes
