"""Chains over columns of codes as one flat table, for a few rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.lineage import sources_of, through
from automl.candidate.matrix import as_numbers
from automl.data.table import MISSING, UNSEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.candidate.lineage import Sources
    from automl.candidate.preparation import FittedChain

RESERVED = -min(UNSEEN, MISSING)
"""Codes that are no level stand before the levels."""

MOST_CELLS = 2_000_000
"""A larger table would take more memory than the model."""


class FlatCodes:
    """What chains make of codes, read from one table instead of computed.

    Parameters
    ----------
    tables : sequence of (ndarray of shape (n_levels,), int)
        For each column that comes out its values, for the codes from `UNSEEN` on, and the column
        of codes that it was made of.
    n_levels : ndarray of shape (n_columns,)
        Levels of each column of codes, the reserved codes included.
    """

    def __init__(
        self, tables: Sequence[tuple[NDArray[np.float64], int]], n_levels: NDArray[np.int64]
    ) -> None:
        sizes = np.array([len(values) for values, _ in tables], dtype=np.int64)
        self._source = np.array([source for _, source in tables], dtype=np.int64)
        self._start = np.cumsum(sizes) - sizes + RESERVED
        self._flat = np.concatenate([values for values, _ in tables]) if tables else np.zeros(0)
        self._last = n_levels - RESERVED - 1

    def __call__(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the columns that come out, of shape (n_rows, n_columns)."""
        known = np.where(codes <= self._last, codes, UNSEEN)
        found: NDArray[np.float64] = self._flat[known[:, self._source] + self._start]
        return found


def tables_of(
    chain: FittedChain, n_levels: NDArray[np.int64], wanted: NDArray[np.intp]
) -> list[tuple[NDArray[np.float64], int]] | None:
    """Return the tables of a chain over columns of codes; None where it has none.

    It has where each column that comes out was made of one column of codes.

    Parameters
    ----------
    chain : FittedChain
    n_levels : ndarray of shape (n_columns,)
        As in `FlatCodes`.
    wanted : ndarray of int
        The columns that are asked for, of those that come out.
    """
    n_rows = int(n_levels.max(initial=0))
    if n_rows * max(1, len(wanted)) > MOST_CELLS:
        return None
    slots = np.arange(n_rows, dtype=np.int32)[:, None] - np.int32(RESERVED)
    block: Any = np.where(slots < n_levels - RESERVED, slots, UNSEEN).astype(np.int32)
    sources: tuple[Sources, ...] = tuple((j,) for j in range(block.shape[1]))
    for step in chain.steps:
        width = block.shape[1]
        block = step.transformer.transform(block)
        sources = through(sources, sources_of(step.transformer, width, block.shape[1]))
    if any(len(sources[column]) != 1 for column in wanted.tolist()):
        return None
    made = as_numbers(block, codes=not chain.steps)
    made = made[:, wanted] if isinstance(made, np.ndarray) else made.tocsc()[:, wanted].toarray()
    return [
        (made[: n_levels[source], place].astype(np.float64), source)
        for place, source in enumerate(sources[column][0] for column in wanted.tolist())
    ]
