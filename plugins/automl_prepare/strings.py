"""Steps for strings of many levels, which read how the levels are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl_prepare.codes import RESERVED, UNSEEN, Lookup, OneHot, TargetMean, as_slots
from automl_prepare.ngrams import Ngrams
from automl_prepare.texts import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def read(levels: Sequence[str], max_terms: int, n_slots: int = 0) -> Any:
    """Return TF-IDF of how levels are written, a row for each slot; the reserved ones have none."""
    from scipy.sparse import csr_matrix, vstack

    terms = Ngrams(max_terms, max_terms, 2).fit_transform(levels)
    width = terms.shape[1]
    after = max(0, n_slots - RESERVED - len(levels))
    return vstack([csr_matrix((RESERVED, width)), terms, csr_matrix((after, width))], format="csr")


class StringNgrams:
    """Indicators of frequent levels, then TF-IDF of how the levels are written, as a CSR matrix.

    Parameters
    ----------
    levels : sequence of sequence of str
        Levels of each column.
    max_terms : int
        Words kept for a column, and as many pieces of words.
    max_levels : int, default=2000
        Levels in all that get an indicator.
    """

    def __init__(
        self, levels: Sequence[Sequence[str]], max_terms: int, *, max_levels: int = 2000
    ) -> None:
        self._levels = levels
        self.max_terms = max_terms
        self.max_levels = max_levels

    place: Lookup
    data: Matrix
    indices: NDArray[np.int32]
    starts: NDArray[np.int32]
    sources: list[int]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_levels"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

    def fit(self, X: NDArray[Any], y: Any = None) -> StringNgrams:
        """Learn which levels are frequent; make a row of terms for each slot of each column."""
        from scipy.sparse import block_diag, csr_matrix, hstack

        onehot = OneHot(self.max_levels, self.max_levels).fit(X)
        tables = onehot.lookup.tables()
        sizes = [max(len(t), RESERVED + len(e)) for t, e in zip(tables, self._levels, strict=True)]
        terms = [read(e, self.max_terms, n) for e, n in zip(self._levels, sizes, strict=True)]
        firsts = np.cumsum([0, *sizes])
        # Slot 0 of each column is the unseen level, whose row is empty.
        self.place = Lookup([firsts[j] + np.arange(n) for j, n in enumerate(sizes)])
        rows = np.concatenate([firsts[j] + np.flatnonzero(t >= 0) for j, t in enumerate(tables)])
        columns = np.concatenate([t[t >= 0] for t in tables])
        shape = (int(firsts[-1]), len(onehot.sources))
        own = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        whole = hstack([own, block_diag(terms)], format="csr")
        self.data, self.indices, self.starts = whole.data, whole.indices, whole.indptr
        written = [j for j, each in enumerate(terms) for _ in range(each.shape[1])]
        self.sources = onehot.sources + written
        return self

    def transform(self, X: NDArray[Any]) -> Any:
        """Return the matrix: the rows of all slots of a row, added up."""
        from scipy.sparse import csr_matrix

        n_slots = len(self.starts) - 1
        table = csr_matrix((self.data, self.indices, self.starts), (n_slots, len(self.sources)))
        at = self.place(X)
        each = np.arange(0, at.size + 1, X.shape[1])
        chosen = csr_matrix((np.ones(at.size), at.reshape(-1), each), (len(X), n_slots))
        out = chosen @ table
        out.sort_indices()
        return out

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in self.sources]


def _slots(column: NDArray[Any], n_slots: int) -> NDArray[np.intp]:
    slots = as_slots(column)
    return np.where(slots < n_slots, slots, UNSEEN)


class StringMean:
    """Means of the target and counts by level, then how the levels are written in few dimensions.

    The dimensions come from the levels alone, so they are the same in each fold.

    Parameters
    ----------
    means : TargetMean
    levels : sequence of sequence of str
        Levels of each column.
    dims : int
        Dimensions of each column; 0 for none.
    max_terms : int
    seed : int
    """

    def __init__(
        self,
        means: TargetMean,
        levels: Sequence[Sequence[str]],
        *,
        dims: int,
        max_terms: int,
        seed: int,
    ) -> None:
        self.means = means
        self.dims = dims
        self.max_terms = max_terms
        self.seed = seed
        self.written: list[Matrix] = []
        for each in levels if dims else ():
            terms = read(each, max_terms)
            self.written.append(np.asarray(terms @ fold(terms, dims, seed), dtype=np.float64))

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> StringMean:
        """Learn the means and counts."""
        self.means.fit(X, y)
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return means and counts, then the dimensions."""
        written = [table[_slots(X[:, j], len(table))] for j, table in enumerate(self.written)]
        return np.concatenate([self.means.transform(X), *written], axis=1)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        written = [(j,) for j, table in enumerate(self.written) for _ in range(table.shape[1])]
        return self.means.lineage(n_in) + written
