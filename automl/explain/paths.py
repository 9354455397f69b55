"""Trees as paths to their leaves: exact Shapley values against rows of a background.

Each column of the user is switched from a background row to the explained row (the interventional
game). A leaf is reached by some of the hybrids of two rows if each column on its path leads to it
in one of them; what the leaf then gives each column hangs only on which columns fail in which row
(S. M. Lundberg et al., "From local explanations to global understanding with explainable AI for
trees", Nature Machine Intelligence 2, 2020). Which fail is a number of a few bits for each leaf and
row, so that a row is explained by a few operations on arrays of leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.explain.leaves import Leaves
from automl.plugin.tables import Walker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.plugin.tables import Trees

    Matrix = NDArray[np.float64]

WIDEST = 64
"""Columns on the way to one leaf, which are bits of a number."""

MOST_PAIRS = 1_000_000
"""Leaves times background rows that are looked at together."""


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
        self._bits = (np.uint64(1) << bit.astype(np.uint64)).astype(dtype)[:, None]
        self._asked, self._same = _distinct(self._walker)
        self.background = self.ways(cells)
        tree_of = np.repeat(np.arange(len(trees.sizes)), trees.sizes + 1)
        self._leaves = [
            part
            for output, mine in self._walker.by_output
            for part in _parts(
                output,
                np.flatnonzero(np.isin(tree_of, mine)),
                trees.leaf,
                slots,
                self.background,
            )
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

    @property
    def n_leaves(self) -> int:
        """Of all trees."""
        return self._n_nodes - self._n_splits

    def ways(self, cells: Matrix) -> NDArray[Any]:
        """Return for each leaf and row the bits of columns that do not lead there.

        Parameters
        ----------
        cells : ndarray of shape (n_rows, n_cells)

        Returns
        -------
        ndarray of shape (n_leaves, n_rows), dtype=unsigned
        """
        dtype = self._bits.dtype
        failed = np.zeros((self._n_nodes, len(cells)), dtype=dtype)
        asked = self._asked[:, None]
        turns = self._walker.goes_left(asked, cells.T[self._walker.feature[self._asked]])
        left = turns.astype(dtype)
        for at in self._levels:
            came, bit = failed.take(at, axis=0), self._bits.take(at, axis=0)
            goes = left.take(self._same[at], axis=0) * bit
            failed[self._children[0, at]] = came | goes
            failed[self._children[1, at]] = came | (goes ^ bit)
        return failed[self._n_splits :]

    def outputs(self, ways: NDArray[Any]) -> Matrix:
        """Return the sums of rows, of shape (n_rows, n_outputs), from their ways."""
        trees = self._walker.trees
        n_rows, width = ways.shape[1], trees.leaf.shape[1]
        sums = np.tile(trees.base, (n_rows, 1))
        if len(trees.sizes) == 0:
            return sums
        # Each row reaches one leaf of each tree, and these are found tree by tree.
        reached = np.nonzero((ways == 0).T)[1].reshape(n_rows, len(trees.sizes))
        for first, mine in self._walker.by_output:
            sums[:, first : first + width] += trees.leaf[reached[:, mine]].sum(axis=1)
        return sums

    def contributions(self, ways: NDArray[Any], weights: Matrix) -> Matrix:
        """Return what each column contributes, summed over background rows with weights.

        Parameters
        ----------
        ways : ndarray of shape (n_leaves, n_rows), dtype=unsigned
            Of the explained rows.
        weights : ndarray of shape (n_rows, n_background, n_outputs, n_values)
            How much a difference of an output counts in a value.

        Returns
        -------
        ndarray of shape (n_rows, n_columns, n_values)
        """
        n_rows, n_values = ways.shape[1], weights.shape[3]
        total = np.zeros((n_rows, n_values, self._n_columns))
        failed = np.ascontiguousarray(ways.T)
        asked = np.ascontiguousarray(weights.transpose(0, 2, 3, 1))
        for mine, given, found in zip(failed, asked, total, strict=True):
            for leaves in self._leaves:
                leaves.add(mine, given, found)
        return total.transpose(0, 2, 1)


def _distinct(walker: Walker) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return splits that ask differently, and for each split which of them asks alike."""
    set_of = np.full(len(walker.feature), -1) if walker.set_of is None else walker.set_of
    keys = np.stack([walker.feature, walker.threshold, walker.missing_left, set_of], axis=1)
    _, asked, same = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    return asked, same.reshape(-1)


def _parts(
    output: int,
    leaves: NDArray[np.intp],
    value: Matrix,
    slots: NDArray[np.int64],
    failed: NDArray[Any],
) -> list[Leaves]:
    """Return the leaves that add to the same outputs, so many at a time that memory is bounded."""
    step = max(1, MOST_PAIRS // failed.shape[1])
    return [
        Leaves.of(output, part, value[part], slots[part], failed[part])
        for part in np.split(leaves, range(step, len(leaves), step))
    ]
