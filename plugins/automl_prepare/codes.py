"""Steps for columns of codes: one-hot, ordinal, counts, means of the target, fewer levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.intp]

RESERVED = 2
"""Codes -2 (unseen) and -1 (missing) come before the levels."""

UNSEEN, MISSING = 0, 1
"""Slots of the reserved codes."""


def as_slots(X: NDArray[Any]) -> Codes:
    """Return each cell's slot: 0 unseen, 1 missing, 2 the first level, and so on."""
    if X.dtype.kind == "f":
        X = np.where(np.isnan(X), -1, X)
    slots: Codes = X.astype(np.intp) + RESERVED
    return slots


class Lookup:
    """For each column a table from slot to something; slots beyond it are unseen.

    Parameters
    ----------
    tables : list of ndarray of shape (n_slots,) or (n_slots, width)
    """

    def __init__(self, tables: list[NDArray[Any]]) -> None:
        self.sizes = np.array([len(table) for table in tables], dtype=np.intp)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.intp)
        self.flat = np.concatenate(tables)

    def tables(self) -> list[NDArray[Any]]:
        """Return the table of each column."""
        return np.split(self.flat, self.starts[1:])

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return what the tables hold, of shape (n_rows, n_columns) or with width behind."""
        slots = as_slots(X)
        slots = np.where(slots < self.sizes, slots, UNSEEN)
        found: NDArray[Any] = self.flat[slots + self.starts]
        return found


def _counts(X: NDArray[Any]) -> list[NDArray[np.int64]]:
    slots = as_slots(X)
    return [np.bincount(slots[:, j], minlength=RESERVED) for j in range(X.shape[1])]


class OneHot:
    """A column for each frequent level, one for the rare ones, one for missing; unseen is all zero.

    Parameters
    ----------
    max_levels : int
        Levels of a column that get a column of their own.
    min_count : int, default=2
        Rows that such a level needs.
    max_columns : int
        Columns in all; the limit on levels shrinks where there are many columns.
    sparse : bool
        Whether a CSR matrix comes out.
    """

    def __init__(
        self, max_levels: int, max_columns: int, *, min_count: int = 2, sparse: bool = True
    ) -> None:
        self.max_levels = max_levels
        self.max_columns = max_columns
        self.min_count = min_count
        self.sparse = sparse

    lookup: Lookup
    sources: list[int]

    def fit(self, X: NDArray[Any], y: Any = None) -> OneHot:
        """Learn which levels get a column."""
        limit = max(2, min(self.max_levels, self.max_columns // max(1, X.shape[1])))
        tables: list[NDArray[Any]] = []
        self.sources = []
        for j, counts in enumerate(_counts(X)):
            table = np.full(len(counts), -1, dtype=np.intp)
            seen = np.flatnonzero(counts > 0)
            levels = seen[seen >= RESERVED]
            own = levels[counts[levels] >= self.min_count]
            own = np.sort(own[np.argsort(-counts[own], kind="stable")][:limit])
            rare = np.setdiff1d(levels, own)
            start = len(self.sources)
            table[own] = start + np.arange(len(own))
            width = len(own)
            for slots in (rare, seen[seen == MISSING]):
                if len(slots):
                    table[slots] = start + width
                    width += 1
            self.sources += [j] * width
            tables.append(table)
        self.lookup = Lookup(tables)
        return self

    def transform(self, X: NDArray[Any]) -> Any:
        """Return the indicator columns."""
        at = self.lookup(X)
        there = at >= 0
        shape = (X.shape[0], len(self.sources))
        if not self.sparse:
            out = np.zeros(shape)
            out[np.nonzero(there)[0], at[there]] = 1.0
            return out
        from scipy.sparse import csr_matrix

        starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        indices = at[there]
        return csr_matrix((np.ones(len(indices)), indices, starts), shape=shape)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in self.sources]


class Ordinal:
    """The code itself as a number, in the order of the levels; -1 where missing or unseen."""

    def fit(self, X: NDArray[Any], y: Any = None) -> Ordinal:
        """Learn nothing."""
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return the codes."""
        return np.maximum(as_slots(X) - RESERVED, -1).astype(np.float64)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in)]


class Frequency:
    """The logarithm of one plus the number of training rows with the cell's level."""

    lookup: Lookup

    def fit(self, X: NDArray[Any], y: Any = None) -> Frequency:
        """Count the levels."""
        self.lookup = Lookup([np.log1p(counts) for counts in _counts(X)])
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return the logarithms of the counts."""
        return np.asarray(self.lookup(X), dtype=np.float64)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in)]


class AsCategory:
    """Keep the frequent levels as a category and throw the others together.

    Codes come out as floats 0, 1, ... by falling frequency, the last one for all rare levels;
    missing and unseen cells are NaN.

    Parameters
    ----------
    max_levels : int
        Levels that are kept.
    min_count : int
        Rows that a level needs.
    """

    def __init__(self, max_levels: int, min_count: int) -> None:
        self.max_levels = max_levels
        self.min_count = min_count

    lookup: Lookup

    def fit(self, X: NDArray[Any], y: Any = None) -> AsCategory:
        """Learn which levels are kept."""
        tables: list[NDArray[Any]] = []
        for counts in _counts(X):
            table = np.full(len(counts), np.nan)
            levels = np.flatnonzero(counts > 0)
            levels = levels[levels >= RESERVED]
            levels = levels[np.argsort(-counts[levels], kind="stable")]
            kept = min(int((counts[levels] >= self.min_count).sum()), self.max_levels)
            table[levels] = np.minimum(np.arange(len(levels)), kept)
            tables.append(table)
        self.lookup = Lookup(tables)
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return the new codes."""
        return np.asarray(self.lookup(X), dtype=np.float64)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in)]


def targets_of(y: NDArray[Any], n_classes: int, max_classes: int) -> Matrix:
    """Return numbers as they are, class 1 of two, or the most frequent classes, in columns."""
    if not n_classes:
        return np.asarray(y, dtype=np.float64)[:, None]
    if n_classes <= 2:
        return np.asarray(y == 1, dtype=np.float64)[:, None]
    counts = np.bincount(y, minlength=n_classes)
    kept = np.sort(np.argsort(-counts, kind="stable")[:max_classes])
    chosen: Matrix = (y[:, None] == kept).astype(np.float64)
    return chosen


class TargetMean:
    """The mean of the target in the cell's level, pulled to the overall mean where rows are few.

    For classes the share of each class (two classes: of the second). Missing cells are a level of
    their own; an unseen one gets the overall mean. The estimate is (sum + m * mean) / (n + m) (D.
    Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes", 2001).

    Parameters
    ----------
    n_classes : int
        0 where the target is a number.
    smooth : float
        The m above: rows that the overall mean counts for.
    count : bool
        Whether the logarithm of the level's number of rows comes behind the means.
    max_classes : int
        Classes that get a column; the most frequent ones.
    """

    def __init__(
        self, n_classes: int, smooth: float, *, count: bool, max_classes: int = 10
    ) -> None:
        self.n_classes = n_classes
        self.smooth = smooth
        self.count = count
        self.max_classes = max_classes

    lookup: Lookup

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> TargetMean:
        """Learn the means."""
        targets = targets_of(y, self.n_classes, self.max_classes)
        overall = targets.mean(axis=0)
        slots = as_slots(X)
        tables: list[NDArray[Any]] = []
        for j in range(X.shape[1]):
            column = slots[:, j]
            counts = np.bincount(column, minlength=RESERVED).astype(np.float64)
            sums = np.stack(
                [np.bincount(column, t, minlength=len(counts)) for t in targets.T], axis=1
            )
            table = (sums + self.smooth * overall) / (counts + self.smooth)[:, None]
            table[UNSEEN] = overall
            if self.count:
                table = np.column_stack([table, np.log1p(counts)])
            tables.append(table)
        self.lookup = Lookup(tables)
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return the means, all of the first column, then of the second, and so on."""
        return np.asarray(self.lookup(X), dtype=np.float64).reshape(len(X), -1)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in) for _ in range(self.lookup.flat.shape[1])]
