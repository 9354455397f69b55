"""Trees as paths to their leaves: exact Shapley values against rows of a background.

Each column of the user is switched from a background row to the explained row (the interventional
game). A leaf is reached by some of the hybrids of two rows if each column on its path leads to it
in one of them; what the leaf then gives each column hangs only on which columns fail in which row
(S. M. Lundberg et al., "From local explanations to global understanding with explainable AI for
trees", Nature Machine Intelligence 2, 2020). Background rows that fail alike at a leaf are taken
together, so that a row is explained by a few operations on long arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.tables import Walker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin.tables import Trees

    Matrix = NDArray[np.float64]

WIDEST = 64
"""Columns on the way to one leaf, which are bits of a number."""


class Paths:
    """The trees of one member, looked at from their leaves.

    Parameters
    ----------
    trees : Trees
    owners : ndarray of shape (n_cells,), dtype=int
        The user's column that each cell was made of, by number.
    cells : ndarray of shape (n_background, n_cells), dtype=float64
        The cells of the background.
    n_columns : int
        Of the user.

    Raises
    ------
    ValueError
        More than `WIDEST` columns of the user are on the way to one leaf.
    """

    def __init__(
        self, trees: Trees, owners: NDArray[np.intp], cells: Matrix, n_columns: int
    ) -> None:
        self._walker = Walker(trees)
        self._n_splits = len(trees.feature)
        self._n_nodes = self._n_splits + len(trees.leaf)
        first = np.repeat(trees.first_leaves, trees.sizes)
        # Splits and leaves share one numbering: leaves come after all splits.
        self._children = np.where(
            self._walker.children >= 0,
            self._walker.children,
            self._n_splits + first - 1 - self._walker.children,
        )
        self._levels: list[NDArray[np.int64]] = []
        bit, slots = self._number(owners[trees.feature])
        dtype = np.min_scalar_type(2 ** slots.shape[1] - 1)
        self._bits = (np.uint64(1) << bit.astype(np.uint64)).astype(dtype)
        failed = self._failed(cells)
        tree_of = np.repeat(np.arange(len(trees.sizes)), trees.sizes + 1)
        self._groups = [
            _Group.of(output, np.flatnonzero(np.isin(tree_of, mine)), trees.leaf, slots, failed)
            for output, mine in self._walker.by_output
        ]
        self._n_columns = n_columns

    def _number(self, owner: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give each column on the way to a leaf a bit.

        Returns
        -------
        ndarray of shape (n_splits,), ndarray of shape (n_leaves, most columns on a way)
            The bit of each split; the column of each bit at each leaf, or -1.
        """
        bit = np.zeros(self._n_splits, dtype=np.int64)
        n_leaves = self._n_nodes - self._n_splits
        ends: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        at = self._walker.roots[self._walker.roots >= 0]
        ways = np.full((len(at), 1), -1, dtype=np.int64)
        while at.size:
            self._levels.append(at)
            column = owner[at]
            known = ways == column[:, None]
            there = known.any(axis=1)
            bit[at] = np.where(there, known.argmax(axis=1), (ways >= 0).sum(axis=1))
            if bit[at].max() >= ways.shape[1]:
                ways = np.pad(ways, ((0, 0), (0, 1)), constant_values=-1)
            ways[np.arange(len(at)), bit[at]] = column
            at, ways = self._children[:, at].ravel(), np.tile(ways, (2, 1))
            leaf = at >= self._n_splits
            ends.append((at[leaf] - self._n_splits, ways[leaf]))
            at, ways = at[~leaf], ways[~leaf]
        width = max((found.shape[1] for _, found in ends), default=1)
        if width > WIDEST:
            raise ValueError(f"{width} columns are on the way to a leaf")
        slots = np.full((n_leaves, width), -1, dtype=np.int64)
        for leaves, found in ends:
            slots[leaves, : found.shape[1]] = found
        return bit, slots

    def _failed(self, cells: Matrix) -> NDArray[Any]:
        """Return for each leaf and row the bits of columns that do not lead there.

        Parameters
        ----------
        cells : ndarray of shape (n_rows, n_cells)

        Returns
        -------
        ndarray of shape (n_leaves, n_rows), dtype=unsigned
        """
        failed = np.zeros((self._n_nodes, len(cells)), dtype=self._bits.dtype)
        splits = np.arange(self._n_splits)
        left = np.stack(
            [self._walker.goes_left(splits, row[self._walker.feature]) for row in cells], axis=1
        )
        bits = self._bits[:, None]
        nothing = bits.dtype.type(0)
        for at in self._levels:
            came, goes, bit = failed[at], left[at], bits[at]
            failed[self._children[0, at]] = came | np.where(goes, bit, nothing)
            failed[self._children[1, at]] = came | np.where(goes, nothing, bit)
        return failed[self._n_splits :]

    def contributions(self, row: Matrix, weights: Matrix) -> Matrix:
        """Return what each column contributes, summed over background rows with weights.

        Parameters
        ----------
        row : ndarray of shape (n_cells,)
        weights : ndarray of shape (n_background, n_outputs, n_values)
            How much a difference of an output counts in a value.

        Returns
        -------
        ndarray of shape (n_columns, n_values)
        """
        failed = self._failed(row[None])[:, 0]
        total = np.zeros((self._n_columns, weights.shape[2]))
        for group in self._groups:
            group.add(failed, weights, total)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The leaves that add to the same outputs, with the ways in which background rows fail there.

    Parameters
    ----------
    output : int
        The first output that they add to.
    leaves : ndarray of shape (n_leaves,), dtype=int
        Among all leaves.
    value : ndarray of shape (n_leaves, width)
    slots : ndarray of shape (n_leaves, n_slots), dtype=int
        The column of each bit.
    pattern : ndarray of shape (n_patterns,), dtype=unsigned
        Bits that fail, leaf by leaf.
    leaf_of : ndarray of shape (n_patterns,), dtype=int
        Among these leaves.
    rows : csr_matrix of shape (n_patterns, n_background)
        Which background rows fail so.
    columns : csr_matrix of shape (n_patterns, n_columns)
        Which columns fail, up to the highest number of one.
    """

    output: int
    leaves: NDArray[np.intp]
    value: Matrix
    slots: NDArray[np.int64]
    pattern: NDArray[Any]
    leaf_of: NDArray[np.int32]
    rows: Any
    columns: Any

    @classmethod
    def of(
        cls,
        output: int,
        leaves: NDArray[np.intp],
        value: Matrix,
        slots: NDArray[np.int64],
        failed: NDArray[Any],
    ) -> _Group:
        """Take background rows together that fail alike."""
        from scipy.sparse import csr_matrix

        mine, slots = failed[leaves], slots[leaves]
        n_rows = mine.shape[1]
        order = np.argsort(mine, axis=1, kind="stable")
        ordered = np.take_along_axis(mine, order, axis=1)
        new = np.ones(ordered.shape, dtype=bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        begins = np.flatnonzero(new)
        pattern, leaf_of = ordered.ravel()[begins], (begins // n_rows).astype(np.int32)
        rows = csr_matrix(
            (np.ones(mine.size, dtype=np.int8), order.ravel(), np.append(begins, mine.size)),
            shape=(len(begins), n_rows),
        )
        found = [
            (slots[leaf_of[has], slot], has)
            for slot in range(slots.shape[1])
            for has in [np.flatnonzero(_bit(pattern, slot))]
        ]
        column = np.concatenate([column for column, _ in found])
        where = np.concatenate([has for _, has in found])
        columns = csr_matrix(
            (np.ones(len(column), dtype=np.int8), (where, column)),
            shape=(len(pattern), int(slots.max(initial=0)) + 1),
        )
        return cls(
            output=output,
            leaves=leaves,
            value=value[leaves],
            slots=slots,
            pattern=pattern,
            leaf_of=leaf_of,
            rows=rows,
            columns=columns,
        )

    def add(self, failed: NDArray[Any], weights: Matrix, total: Matrix) -> None:
        """Add what each column contributes to ``total``.

        Parameters
        ----------
        failed : ndarray of shape (n_all_leaves,), dtype=unsigned
            Bits of the columns of the explained row that fail at each leaf.
        weights : ndarray of shape (n_background, n_outputs, n_values)
        total : ndarray of shape (n_columns, n_values)
        """
        mine = failed[self.leaves]
        theirs = mine[self.leaf_of]
        hit = np.flatnonzero((self.pattern & theirs) == 0)
        leaf = self.leaf_of[hit]
        width, n_values = self.value.shape[1], weights.shape[2]
        asked = weights[:, self.output : self.output + width].reshape(len(weights), -1)
        summed = (self.rows[hit] @ asked).reshape(-1, width, n_values)
        count = np.einsum("uw,uwv->uv", self.value[leaf], summed)
        n_x, n_z = np.bitwise_count(self.pattern[hit]), np.bitwise_count(theirs[hit])
        gained = self.columns[hit].T @ (count * _GAINED[n_x, n_z, None])
        total[: len(gained)] += gained
        lost = count * _GAINED[n_z, n_x, None]
        for value in range(n_values):
            by_leaf = np.bincount(leaf, lost[:, value], len(mine))
            for slot in range(self.slots.shape[1]):
                has = np.flatnonzero((_bit(mine, slot) != 0) & (by_leaf != 0.0))
                total[:, value] -= np.bincount(self.slots[has, slot], by_leaf[has], len(total))


def _bit(numbers: NDArray[Any], slot: int) -> NDArray[Any]:
    has: NDArray[Any] = numbers & numbers.dtype.type(1 << slot)
    return has


_GAINED = np.array(
    [
        [1.0 / (own * comb(own + other, own)) if own else 0.0 for other in range(WIDEST + 1)]
        for own in range(WIDEST + 1)
    ]
)
"""What a leaf gives to each of ``own`` columns that lead there in the explained row alone, where
``other`` columns lead there in the background row alone: ``(own - 1)! other! / (own + other)!``."""
