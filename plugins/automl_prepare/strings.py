"""Steps for strings of many levels, which read how the levels are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl_prepare.codes import RESERVED, UNSEEN, OneHot, TargetMean, as_slots
from automl_prepare.ngrams import Ngrams
from automl_prepare.texts import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


class Terms:
    """TF-IDF of how the levels of a column are written; the reserved slots have no terms.

    Parameters
    ----------
    levels : sequence of str
    max_terms : int
        Words and pairs of words kept, and as many pieces of words.
    """

    def __init__(self, levels: Sequence[str], max_terms: int) -> None:
        from scipy.sparse import csr_matrix, vstack

        found = Ngrams(max_terms, max_terms, 2).fit_transform(levels)
        slots = vstack([csr_matrix((RESERVED, found.shape[1])), found], format="csr")
        self.n_slots, self.n_terms = slots.shape
        self.data, self.indices, self.starts = slots.data, slots.indices, slots.indptr

    def matrix(self) -> Any:
        """Return the CSR matrix of shape (n_slots, n_terms)."""
        from scipy.sparse import csr_matrix

        shape = (self.n_slots, self.n_terms)
        return csr_matrix((self.data, self.indices, self.starts), shape=shape)


def _slots(column: NDArray[Any], n_slots: int) -> NDArray[np.intp]:
    slots = as_slots(column)
    return np.where(slots < n_slots, slots, UNSEEN)


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
        self.onehot = OneHot(max_levels, max_levels)
        self.terms = [Terms(each, max_terms) for each in levels]

    def fit(self, X: NDArray[Any], y: Any = None) -> StringNgrams:
        """Learn which levels are frequent."""
        self.onehot.fit(X)
        return self

    def transform(self, X: NDArray[Any]) -> Any:
        """Return the matrix."""
        from scipy.sparse import hstack

        read = [
            terms.matrix()[_slots(X[:, j], terms.n_slots)] for j, terms in enumerate(self.terms)
        ]
        return hstack([self.onehot.transform(X), *read], format="csr")

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        read = [(j,) for j, terms in enumerate(self.terms) for _ in range(terms.n_terms)]
        return self.onehot.lineage(n_in) + read


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
        self.written: list[Matrix] = []
        for each in levels if dims else ():
            terms = Terms(each, max_terms).matrix()
            self.written.append(np.asarray(terms @ fold(terms, dims, seed), dtype=np.float64))

    def fit(self, X: NDArray[Any], y: NDArray[Any]) -> StringMean:
        """Learn the means and counts."""
        self.means.fit(X, y)
        return self

    def transform(self, X: NDArray[Any]) -> Matrix:
        """Return means and counts, then the dimensions."""
        read = [table[_slots(X[:, j], len(table))] for j, table in enumerate(self.written)]
        return np.concatenate([self.means.transform(X), *read], axis=1)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        read = [(j,) for j, table in enumerate(self.written) for _ in range(table.shape[1])]
        return self.means.lineage(n_in) + read
