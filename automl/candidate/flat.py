"""Chains over columns of codes as tables: what comes out is known for every code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.lineage import sources_of, through
from automl.candidate.matrix import as_numbers
from automl.data.table import MISSING, UNSEEN
from automl.plugin.formulas import Formula, Lookup, Sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.candidate.lineage import Sources
    from automl.candidate.preparation import FittedChain, FittedStep

RESERVED = -min(UNSEEN, MISSING)
"""Codes that are no level stand before the levels."""

MOST_CELLS = 2_000_000
"""A larger table would take more memory than the model."""


LARGEST = 50_000_000
"""Cells of dense tables that are written down, at most."""

SMALL = 4_096
"""Cells of a table that is not worth to be sparse."""


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
    block: Any = _every_code(n_levels)
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


def formula_of(
    chain: FittedChain, counts: Sequence[int]
) -> tuple[Formula | None, tuple[FittedStep, ...]]:
    """Return what the first steps of a chain make of codes, and the steps that are left.

    As many steps as possible are taken together: what comes out of them is read off for each code,
    where each column was made of one column of codes. Nothing is computed on the way.

    Parameters
    ----------
    chain : FittedChain
        Behind columns of codes.
    counts : sequence of int
        Levels of each column.
    """
    n_levels = np.array(counts, dtype=np.int64) + RESERVED
    for end in range(len(chain.steps), 0, -1):
        formula = _read_off(chain.steps[:end], n_levels)
        if formula is not None:
            return formula, chain.steps[end:]
    return (None, chain.steps) if chain.steps else (_as_they_are(n_levels), ())


def _read_off(steps: Sequence[FittedStep], n_levels: NDArray[np.int64]) -> Formula | None:
    block: Any = _every_code(n_levels)
    sources: tuple[Sources, ...] = tuple((j,) for j in range(block.shape[1]))
    for step in steps:
        width = block.shape[1]
        block = step.transformer.transform(block)
        sources = through(sources, sources_of(step.transformer, width, block.shape[1]))
    dense = isinstance(block, np.ndarray)
    if any(len(one) != 1 for one in sources) or (dense and block.size > LARGEST):
        return None
    of = np.array([one[0] for one in sources], dtype=np.int64)
    block = as_numbers(block, codes=False) if dense else block.tocsc()
    lookups, places = [], np.empty(len(of), dtype=np.int64)
    start = len(n_levels)
    for source, n_rows in enumerate(n_levels.tolist()):
        mine = np.flatnonzero(of == source)
        if len(mine):
            lookups.append(Lookup(column=source, table=_table(block[:, mine][:n_rows])))
            places[mine] = start + np.arange(len(mine))
            start += len(mine)
    return Formula(n_in=len(n_levels), operations=tuple(lookups), out=places)


def _table(block: Any) -> NDArray[np.float64] | Sparse:
    if isinstance(block, np.ndarray):
        return np.ascontiguousarray(block)
    if block.shape[0] * block.shape[1] <= SMALL:
        return np.asarray(block.toarray(), dtype=np.float64)
    rows = block.tocsr()
    rows.sum_duplicates()
    return Sparse(
        data=rows.data.astype(np.float64),
        indices=rows.indices.astype(np.int64),
        starts=rows.indptr.astype(np.int64),
        n_columns=rows.shape[1],
    )


def _as_they_are(n_levels: NDArray[np.int64]) -> Formula:
    """Return codes as numbers, NaN where there is no level."""
    lookups = []
    for column, n_rows in enumerate(n_levels.tolist()):
        table = np.arange(-RESERVED, n_rows - RESERVED, dtype=np.float64)[:, None]
        table[:RESERVED] = np.nan
        lookups.append(Lookup(column=column, table=table))
    out = len(n_levels) + np.arange(len(n_levels))
    return Formula(n_in=len(n_levels), operations=tuple(lookups), out=out)


def _every_code(n_levels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return a row for each slot; columns with fewer are unseen in the last ones."""
    slots = np.arange(int(n_levels.max(initial=0)), dtype=np.int32)[:, None] - np.int32(RESERVED)
    return np.where(slots < n_levels - RESERVED, slots, UNSEEN).astype(np.int32)
