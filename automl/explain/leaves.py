"""What some leaves give to the columns of many rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MOST_PATTERNS, MOST_CELLS = 8_192, 131_072
"""Patterns of leaves, and these times rows, at once: about as much as a processor keeps near."""

_MOST_BITS = 64
_FEW_BITS = 8
"""So many have a table of all pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """The ways in which rows of the background fail at leaves.

    Parameters
    ----------
    pattern : ndarray of shape (n_patterns,), dtype=unsigned
        Bits that fail, leaf by leaf.
    leaf_of : ndarray of shape (n_patterns,), dtype=int
    rows : ndarray of shape (n_leaves * n_background,), dtype=int
        Rows of the background, pattern by pattern.
    begins : ndarray of shape (n_patterns + 1,), dtype=int
        Where the rows of each pattern begin.
    n_rows : int
        Of the background.
    """

    pattern: NDArray[Any]
    leaf_of: NDArray[np.intp]
    rows: NDArray[np.intp]
    begins: NDArray[np.intp]
    n_rows: int

    def between(self, first: int, last: int) -> Patterns:
        """Return those of some leaves, which are counted from 0."""
        low, high = np.searchsorted(self.leaf_of, [first, last]).tolist()
        return Patterns(
            pattern=self.pattern[low:high],
            leaf_of=self.leaf_of[low:high] - first,
            rows=self.rows[first * self.n_rows : last * self.n_rows],
            begins=self.begins[low : high + 1] - self.begins[low],
            n_rows=self.n_rows,
        )


def patterns(failed: NDArray[Any]) -> Patterns:
    """Take background rows together that fail alike.

    Parameters
    ----------
    failed : ndarray of shape (n_leaves, n_background), dtype=unsigned
        Bits that fail.
    """
    n_rows = failed.shape[1]
    order = np.argsort(failed, axis=1, kind="stable")
    ordered = np.take_along_axis(failed, order, axis=1)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begins = np.flatnonzero(new)
    return Patterns(
        pattern=ordered.ravel()[begins],
        leaf_of=begins // n_rows,
        rows=order.ravel(),
        begins=np.append(begins, failed.size),
        n_rows=n_rows,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """Some leaves that add to the same outputs.

    Parameters
    ----------
    output : int
        The first output that they add to.
    leaves : ndarray of shape (n_leaves,), dtype=int
        Among all leaves.
    value : ndarray of shape (n_patterns, width)
        What the leaf of a pattern adds.
    pattern, leaf_of : ndarray of shape (n_patterns,)
        As in `Patterns`.
    starts : ndarray of shape (n_leaves,), dtype=int
        The first pattern of each leaf.
    rows : csr_matrix of shape (n_patterns, n_background)
        Which background rows fail so.
    gain : csc_matrix of shape (n_columns, n_patterns)
        One by their number for columns that fail, up to the highest number of one.
    lose : csc_matrix of shape (n_columns, n_leaves * n_bits)
        Which column each bit of each leaf stands for.
    """

    output: int
    leaves: NDArray[np.intp]
    value: Matrix
    pattern: NDArray[Any]
    leaf_of: NDArray[np.intp]
    starts: NDArray[np.intp]
    rows: Any
    gain: Any
    lose: Any

    @classmethod
    def of(
        cls,
        output: int,
        leaves: NDArray[np.intp],
        value: Matrix,
        slots: NDArray[np.int64],
        found: Patterns,
    ) -> Leaves:
        """Return leaves with the patterns of the background at them.

        Parameters
        ----------
        output, leaves
            As above.
        value : ndarray of shape (n_leaves, width)
        slots : ndarray of shape (n_leaves, n_bits), dtype=int
            The column of each bit, or -1.
        found : Patterns
        """
        from scipy.sparse import csc_matrix, csr_matrix

        n_patterns, n_columns = len(found.pattern), int(slots.max(initial=0)) + 1
        rows = csr_matrix(
            (np.ones(len(found.rows)), found.rows, found.begins),
            shape=(n_patterns, found.n_rows),
        )
        bits = _bits(slots.shape[1], found.pattern.dtype)
        which, bit = np.nonzero(found.pattern[:, None] & bits)
        n_bits = np.bitwise_count(found.pattern)
        gain = csc_matrix(
            (
                _ONE_BY[n_bits[which]],
                slots[found.leaf_of[which], bit],
                np.concatenate([[0], np.cumsum(n_bits, dtype=np.intp)]),
            ),
            shape=(n_columns, n_patterns),
        )
        known = slots.ravel() >= 0
        lose = csc_matrix(
            (
                np.ones(int(known.sum())),
                slots.ravel()[known],
                np.concatenate([[0], np.cumsum(known, dtype=np.intp)]),
            ),
            shape=(n_columns, slots.size),
        )
        return cls(
            output=output,
            leaves=leaves,
            value=value[found.leaf_of],
            pattern=found.pattern,
            leaf_of=found.leaf_of,
            starts=np.searchsorted(found.leaf_of, np.arange(len(leaves))),
            rows=rows,
            gain=gain,
            lose=lose,
        )

    def add(self, failed: NDArray[Any], weights: Matrix, total: Matrix) -> None:
        """Add what each column contributes to ``total``.

        Parameters
        ----------
        failed : ndarray of shape (n_all_leaves, n_rows), dtype=unsigned
            Bits of the columns of the explained rows that fail at each leaf.
        weights : ndarray of shape (n_outputs, n_background, n_values, n_rows)
        total : ndarray of shape (n_columns, n_values, n_rows)
        """
        mine = failed.take(self.leaves, axis=0)
        counts = self._counts(weights)
        counts *= self._parts(mine)[:, None]
        n_columns, shape = self.gain.shape[0], weights.shape[2:]
        gained = self.gain @ counts.reshape(len(counts), -1)
        total[:n_columns] += gained.reshape(n_columns, *shape)
        lost = np.add.reduceat(counts, self.starts, axis=0)
        lost *= _ONE_BY.take(np.bitwise_count(mine))[:, None]
        bits = _bits(self.lose.shape[1] // len(mine), mine.dtype)[:, None]
        given = lost[:, None] * ((mine[:, None] & bits) != 0)[:, :, None]
        gone = self.lose @ given.reshape(self.lose.shape[1], -1)
        total[:n_columns] -= gone.reshape(n_columns, *shape)

    def _counts(self, weights: Matrix) -> Matrix:
        """Return what the leaves add in the hybrids of rows with those that fail alike.

        Returns
        -------
        ndarray of shape (n_patterns, n_values, n_rows)
        """
        counts: Any = None
        for place in range(self.value.shape[1]):
            mine = weights[self.output + place]
            summed = self.rows @ mine.reshape(len(mine), -1)
            summed *= self.value[:, place, None]
            counts = summed if counts is None else counts + summed
        found: Matrix = counts.reshape(len(counts), *weights.shape[2:])
        return found

    def _parts(self, mine: NDArray[Any]) -> Matrix:
        """Return ``own! other! / (own + other)!`` of the columns that fail in one row alone.

        Divided by ``own`` it is what a leaf gives to each of ``own`` columns, where ``other``
        columns fail in the other row. It is 0 where a column fails in both: no hybrid comes there.
        """
        n_bits = self.lose.shape[1] // len(mine)
        if n_bits <= _FEW_BITS:
            index = mine.astype(np.intp).take(self.leaf_of, axis=0)
            index |= self.pattern.astype(np.intp)[:, None] << n_bits
            return _by_bits(n_bits).take(index)
        index = np.bitwise_count(mine).astype(np.intp).take(self.leaf_of, axis=0)
        index += np.bitwise_count(self.pattern).astype(np.intp)[:, None] * (_MOST_BITS + 1)
        parts: Matrix = _PARTS.take(index)
        parts *= (mine.take(self.leaf_of, axis=0) & self.pattern[:, None]) == 0
        return parts


def _bits(n_bits: int, dtype: Any) -> NDArray[Any]:
    found: NDArray[Any] = (np.uint64(1) << np.arange(n_bits, dtype=np.uint64)).astype(dtype)
    return found


@cache
def _by_bits(n_bits: int) -> Matrix:
    """Return what `Leaves._parts` does for all pairs of numbers of so many bits."""
    number = np.arange(1 << n_bits, dtype=np.uint8)
    count = np.bitwise_count(number)
    parts = _PARTS[count[:, None], count]
    found: Matrix = np.where(number[:, None] & number, 0.0, parts).ravel()
    return found


_ONE_BY = np.concatenate([[0.0], 1.0 / np.arange(1, _MOST_BITS + 1)])

_PARTS = np.array(
    [
        [1.0 / comb(own + other, own) for other in range(_MOST_BITS + 1)]
        for own in range(_MOST_BITS + 1)
    ]
)
