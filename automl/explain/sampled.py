"""Sampled Shapley values, for members of which nothing is known but what they answer.

Columns are switched one after the other from a background row to the explained row, once in a drawn
order and once in its reverse (R. Mitchell et al., "Sampling permutations for Shapley value
estimation", JMLR 23, 2022: antithetic permutations halve the noise or more). What a column changes
when its turn comes is its contribution, so nothing is lost between the two rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.data.table import Table
    from automl.explain.columns import UserColumns

    Matrix = NDArray[np.float64]

MOST_CELLS = 1_000_000
"""Cells of hybrid rows that are asked about at once."""

FULL_SHARE, LEAST_WALKED = 0.25, 8
"""Members of a quarter of the blend are asked on the way from every row of the background, those of
a smaller share from so many fewer that their noise in the whole stays below that; never from fewer
than eight."""

LEAST_WAYS = 2
"""Rows of the background at each turn; where there are fewer all members are asked at once."""

MOST_ASKED = 4_096
"""Hybrids of one explained row that members are asked about, unless eight rows take more."""


class Asked(Protocol):
    """Members who answer in turns, the mean of which is what they say together."""

    n_turns: int

    def __call__(self, table: Table, turns: Sequence[int]) -> Matrix:
        """Return what is said of rows at some turns, (n_turns, n_rows, n_values)."""
        ...


class Sampled:
    """Members that are asked about rows with cells of two rows.

    Parameters
    ----------
    columns : UserColumns
    background : Table
    asked : callable
        Each way from a row of the background is asked about at one turn.
    used : ndarray of shape (n_columns,), dtype=bool
        Columns that they look at.
    share : float
        Of the members in the blend.
    seed : int
        Draws one order of the columns for each background row; the same for all explained rows,
        so that a row is explained alike whatever comes with it.
    """

    def __init__(
        self,
        columns: UserColumns,
        background: Table,
        asked: Asked,
        used: NDArray[np.bool_],
        share: float,
        seed: int,
    ) -> None:
        self._columns = columns
        self._asked = asked
        self._used = used
        n_rows, n_columns = background.n_rows, len(columns.names)
        bound = MOST_ASKED // (2 * max(1, int(used.sum())))
        wanted = max(LEAST_WALKED, min(bound, int(np.ceil(n_rows * share / FULL_SHARE))))
        self._walked = np.unique(np.linspace(0, n_rows - 1, min(n_rows, wanted)).astype(np.intp))
        self._background = background.take(self._walked)
        self._turns = [[turn] for turn in range(asked.n_turns)]
        if len(self._walked) < LEAST_WAYS * asked.n_turns:
            self._turns = [list(range(asked.n_turns))]
        self._turn_of = np.arange(len(self._walked)) % len(self._turns)
        said = self.ask(background)
        self.values = said.mean(axis=0)
        self._starts = said[self._turn_of, self._walked]
        rng = np.random.default_rng(seed)
        drawn = np.array([rng.permutation(n_columns) for _ in self._walked])
        orders = drawn.reshape(len(self._walked), n_columns)
        self._orders = np.concatenate([orders, orders[:, ::-1]])

    def ask(self, rows: Table) -> Matrix:
        """Return what the members say of rows at each turn, (n_turns, n_rows, n_values)."""
        said = self._asked(rows, range(self._asked.n_turns))
        return np.array([said[turns].mean(axis=0) for turns in self._turns])

    def contributions(self, rows: Table, said: Matrix, weights: Matrix) -> Matrix:
        """Return what each column contributes, summed over background rows with weights.

        Parameters
        ----------
        rows : Table
        said : ndarray of shape (n_turns, n_rows, n_values)
            What the members say of them.
        weights : ndarray of shape (n_rows, n_background, n_values, n_out)

        Returns
        -------
        ndarray of shape (n_rows, n_columns, n_out)
        """
        n_rows, n_background, _, n_out = weights.shape
        n_walked, n_columns = len(self._walked), self._orders.shape[1]
        row = np.repeat(np.arange(n_rows), n_walked)
        pairs = (rows.take(row), self._background.take(np.tile(np.arange(n_walked), n_rows)))
        changes = self._changes(pairs, said[np.tile(self._turn_of, n_rows), row])
        # By order, row of the background and step.
        changes = changes.reshape(n_rows, 2, n_walked, n_columns, -1)
        mine = weights[:, self._walked]
        weighted = np.einsum("nabcv,nbvo->nabco", changes, mine, optimize=True)
        total = np.zeros((n_rows, n_columns, n_out))
        at = (np.arange(n_rows)[:, None], self._orders.ravel())
        np.add.at(total, at, weighted.reshape(n_rows, -1, n_out) / 2.0)
        if n_walked == n_background and len(self._turns) == 1:
            return total
        # What all lack of all rows of the background is known; it goes where what was walked went.
        total *= n_background / n_walked
        lacking = said.mean(axis=0)[:, None] - self.values
        gone = np.einsum("nbv,nbvo->no", lacking, weights, optimize=True)
        size = np.abs(total) + np.finfo(float).tiny * self._used[:, None]
        rest = gone[:, None] - total.sum(axis=1, keepdims=True)
        found: Matrix = total + rest * size / size.sum(axis=1, keepdims=True)
        return found

    def _changes(self, pairs: tuple[Table, Table], values: Matrix) -> Matrix:
        """Return what changes at each step.

        Parameters
        ----------
        pairs : (Table, Table)
            The explained row and the row of the background of each pair, row by row.
        values : ndarray of shape (n_pairs, n_values)
            What the members say of the explained rows.

        Returns
        -------
        ndarray of shape (2 * n_pairs, n_columns, n_values)
            For each explained row its pairs in the orders drawn, then in their reverse.
        """
        n_pairs, n_ways = len(values), len(self._orders)
        n_rows = 2 * n_pairs // n_ways
        order = np.tile(self._orders, (n_rows, 1))
        pair_of = np.tile(np.arange(n_pairs).reshape(n_rows, -1), (1, 2)).ravel()
        differ = (self._columns.differ(*pairs) & self._used)[pair_of]
        turns = np.take_along_axis(differ, order, axis=1)
        taken = np.cumsum(turns, axis=1)
        last = taken == taken[:, -1:]
        # A step that switches an equal cell changes nothing; after the last one it is the row.
        asked = turns & ~last
        found = self._hybrids(pairs, pair_of, order, asked)
        number = np.cumsum(asked.ravel()).reshape(asked.shape) - 1
        n_values = values.shape[1]
        start = np.tile(self._starts, (2 * n_rows, 1))[:, None]
        said = found[np.clip(number, 0, None)] if len(found) else np.zeros((*asked.shape, n_values))
        said = np.where((taken == 0)[:, :, None], start, said)
        said = np.where((last & (taken > 0))[:, :, None], values[pair_of][:, None], said)
        before = np.concatenate([start, said[:, :-1]], axis=1)
        changes: Matrix = said - before
        return changes

    def _hybrids(
        self,
        pairs: tuple[Table, Table],
        pair_of: NDArray[np.intp],
        order: NDArray[np.intp],
        asked: NDArray[np.bool_],
    ) -> Matrix:
        """Return what is said after the steps that are asked about, one after the other."""
        way, step = np.nonzero(asked)
        rank = np.argsort(order, axis=1)
        most = max(1, MOST_CELLS // max(1, order.shape[1]))
        found = np.zeros((len(way), self.values.shape[1]))
        turn_of = self._turn_of[pair_of % len(self._walked)][way]
        for number, turns in enumerate(self._turns):
            mine = np.flatnonzero(turn_of == number)
            for part in np.split(mine, range(most, len(mine), most)):
                switched = rank[way[part]] <= step[part, None]
                rows = self._columns.hybrids(*pairs, pair_of[way[part]], switched)
                found[part] = self._asked(rows, turns).mean(axis=0)
        return found
