"""What some leaves give to the columns of a row."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_MOST_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """Sets of small numbers, one after the other.

    Parameters
    ----------
    items : ndarray of shape (n_items,), dtype=unsigned
    begins : ndarray of shape (n_sets + 1,), dtype=int
        Where the items of each set begin.
    """

    items: NDArray[Any]
    begins: NDArray[np.intp]

    def distinct(self) -> tuple[Sets, NDArray[np.intp]]:
        """Return the distinct sets, and which of them each set is."""
        number = np.zeros(len(self.begins) - 1, dtype=np.int64)
        for start in range(0, int(self.items.max(initial=0)) + 1, _MOST_BITS):
            item = self.items.astype(np.int64) - start
            inside = (item >= 0) & (item < _MOST_BITS)
            bits = np.where(inside, _ONE << np.where(inside, item, 0).astype(np.uint64), _NONE)
            # Differences of sums are exact, even of those that have run over.
            sums = np.concatenate([[_NONE], np.cumsum(bits, dtype=np.uint64)])
            word = sums[self.begins[1:]] - sums[self.begins[:-1]]
            words, found = np.unique(word, return_inverse=True)
            number = number * len(words) + found.reshape(-1)
            _, first, number = np.unique(number, return_index=True, return_inverse=True)
            number = number.reshape(-1)
        return self.take(first), number

    def take(self, which: NDArray[np.intp]) -> Sets:
        """Return some of the sets."""
        starts = self.begins.take(which)
        lengths = self.begins.take(which + 1) - starts
        begins = np.concatenate([[0], np.cumsum(lengths)])
        at = np.repeat(starts - begins[:-1], lengths)
        at += np.arange(len(at))
        return Sets(items=self.items.take(at), begins=begins)

    def sums(self, weights: Matrix) -> Matrix:
        """Return the sum of the weights of the items of each set; no set is empty."""
        found: Matrix = np.add.reduceat(weights.take(self.items), self.begins[:-1])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """Some leaves that add to the same outputs, with the ways in which a background fails there.

    Parameters
    ----------
    output : int
        The first output that they add to.
    leaves : ndarray of shape (n_leaves,), dtype=int
        Among all leaves.
    value : ndarray of shape (n_leaves, width)
        What they add.
    slots : ndarray of shape (n_leaves, n_bits), dtype=int
        The column that each bit stands for; 0 where there is none.
    pattern : ndarray of shape (n_patterns,), dtype=unsigned
        Bits that fail in some rows of the background, leaf by leaf.
    leaf_of : ndarray of shape (n_patterns,), dtype=int
    rows_of, columns_of : ndarray of shape (n_patterns,), dtype=int
        Which set of rows fails so, and which set of columns that is.
    rows, columns : Sets
    """

    output: int
    leaves: NDArray[np.intp]
    value: Matrix
    slots: NDArray[np.intp]
    pattern: NDArray[Any]
    leaf_of: NDArray[np.intp]
    rows_of: NDArray[np.intp]
    columns_of: NDArray[np.intp]
    rows: Sets
    columns: Sets

    @classmethod
    def of(
        cls,
        output: int,
        leaves: NDArray[np.intp],
        value: Matrix,
        slots: NDArray[np.int64],
        failed: NDArray[Any],
    ) -> Leaves:
        """Take background rows together that fail alike, leaf by leaf.

        Parameters
        ----------
        output, leaves, value
            As above.
        slots : ndarray of shape (n_leaves, n_bits), dtype=int
            The column of each bit, or -1.
        failed : ndarray of shape (n_leaves, n_background), dtype=unsigned
            Bits that fail.
        """
        n_rows = failed.shape[1]
        order = np.argsort(failed, axis=1, kind="stable")
        ordered = np.take_along_axis(failed, order, axis=1)
        new = np.ones(ordered.shape, dtype=bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        begins = np.flatnonzero(new)
        pattern, leaf_of = ordered.ravel()[begins], begins // n_rows
        rows = Sets(
            items=order.ravel().astype(np.min_scalar_type(n_rows)),
            begins=np.append(begins, failed.size),
        )
        which, bit = np.nonzero(pattern[:, None] & _bits(slots.shape[1], pattern.dtype))
        column = slots[leaf_of[which], bit]
        ends = np.cumsum(np.bitwise_count(pattern), dtype=np.intp)
        columns = Sets(
            items=column.astype(np.min_scalar_type(int(column.max(initial=0)))),
            begins=np.concatenate([[0], ends]),
        )
        distinct_rows, rows_of = rows.distinct()
        distinct_columns, columns_of = columns.distinct()
        return cls(
            output=output,
            leaves=leaves,
            value=value,
            slots=np.asfortranarray(np.maximum(slots, 0)),
            pattern=pattern,
            leaf_of=leaf_of,
            rows_of=rows_of,
            columns_of=columns_of,
            rows=distinct_rows,
            columns=distinct_columns,
        )

    def add(self, failed: NDArray[Any], weights: Matrix, total: Matrix) -> None:
        """Add what each column of a row contributes to ``total``.

        Of a leaf that ``own`` columns miss in the explained row alone and ``other`` columns in a
        row of the background alone, each of the former takes ``(own - 1)! other! / (own + other)!``
        away, each of the latter brings ``own! (other - 1)! / (own + other)!``.

        Parameters
        ----------
        failed : ndarray of shape (n_all_leaves,), dtype=unsigned
            Bits of the columns of the explained row that fail at each leaf.
        weights : ndarray of shape (n_outputs, n_values, n_background)
        total : ndarray of shape (n_values, n_columns)
        """
        mine = failed.take(self.leaves)
        # No hybrid of two rows comes to a leaf where a column fails in both.
        here = np.flatnonzero((mine.take(self.leaf_of) & self.pattern) == 0)
        leaf, columns = self.leaf_of.take(here), self.columns_of.take(here)
        own = np.bitwise_count(mine).astype(np.intp)
        other = np.bitwise_count(self.pattern.take(here)).astype(np.intp)
        parts = _PARTS.take(own.take(leaf) * (_MOST_BITS + 1) + other)
        to_each = _ONE_BY.take(other)
        n_columns = total.shape[1]
        column_sets = np.repeat(
            np.arange(len(self.columns.begins) - 1), np.diff(self.columns.begins)
        )
        at, failing = self._failing(leaf, mine)
        for value, added in enumerate(self._counts(here, leaf, weights)):
            counts = added * parts
            brought = np.bincount(columns, counts * to_each, len(self.columns.begins) - 1)
            total[value] += np.bincount(self.columns.items, brought.take(column_sets), n_columns)
            taken = np.bincount(leaf, counts, len(mine)) * _ONE_BY.take(own)
            total[value] -= np.bincount(failing, taken.take(at), n_columns)

    def _failing(
        self, leaf: NDArray[np.intp], mine: NDArray[Any]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return leaves, which are given in order, with each column that fails there."""
        once = leaf[np.append(True, leaf[1:] != leaf[:-1])] if len(leaf) else leaf
        bits = mine.take(once)
        n_bits = self.slots.shape[1]
        at = [once[(bits & bit) != 0] for bit in _bits(n_bits, bits.dtype)]
        columns = [self.slots[:, bit].take(at[bit]) for bit in range(n_bits)]
        return np.concatenate(at), np.concatenate(columns)

    def _counts(self, here: NDArray[np.intp], leaf: NDArray[np.intp], weights: Matrix) -> Matrix:
        """Return what leaves add in rows that fail in some patterns, for each value."""
        rows = self.rows_of.take(here)
        there = np.zeros(len(self.rows.begins) - 1, dtype=bool)
        there[rows] = True
        asked = np.flatnonzero(there)
        sets = self.rows.take(asked)
        counts = np.zeros((weights.shape[1], len(here)))
        sums = np.zeros(len(there))
        for place in range(self.value.shape[1]):
            added = self.value[:, place].take(leaf)
            for value, given in enumerate(weights[self.output + place]):
                sums[asked] = sets.sums(given)
                counts[value] += sums.take(rows) * added
        return counts


def _bits(n_bits: int, dtype: Any) -> NDArray[Any]:
    found: NDArray[Any] = (_ONE << np.arange(n_bits, dtype=np.uint64)).astype(dtype)
    return found


_ONE, _NONE = np.uint64(1), np.uint64(0)

_ONE_BY = np.concatenate([[0.0], 1.0 / np.arange(1, _MOST_BITS + 1)])

_PARTS = np.array(
    [
        [1.0 / comb(own + other, own) for other in range(_MOST_BITS + 1)]
        for own in range(_MOST_BITS + 1)
    ]
)
"""``own! other! / (own + other)!``."""
