"""The prepared cells of a few rows, each made once for all members that need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.flat import FlatCodes, tables_of
from automl.candidate.matrix import as_numbers, side_by_side
from automl.candidate.preparation import given_to
from automl.data.table import Kind
from automl.model.flat_numbers import FlatNumbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from automl.candidate.preparation import FittedChain, FittedStep, Preparation
    from automl.data.table import Table
    from automl.model.flat_numbers import Line

    Matrix = NDArray[np.float64]
    Key = tuple[Any, ...]


class Cells:
    """The prepared cells that some members need, each made once.

    Parameters
    ----------
    n_levels : mapping of Kind to ndarray of shape (n_columns,)
        As in `FlatCodes`, for columns of codes.
    wanted : mapping of FittedChain keys to (FittedChain, ndarray of int)
        For each chain the columns that are needed of what it gives.
    lines : mapping of FittedChain keys to sequence of Line
        What chains over numbers make of them, where that is known.
    """

    def __init__(
        self,
        n_levels: Mapping[Kind | None, NDArray[np.int64]],
        wanted: dict[Key, tuple[FittedChain, NDArray[np.intp]]],
        lines: Mapping[Key, Sequence[Line]],
    ) -> None:
        self.place: dict[Key, int] = {}
        self.width = 0
        self._flat: list[tuple[Kind, FlatCodes, slice]] = []
        self._made: list[tuple[FittedChain, NDArray[np.intp], slice]] = []
        flat: dict[Kind, list[tuple[Matrix, int]]] = {}
        others = []
        numbers: list[Line] = []
        for key, (_, columns) in wanted.items():
            if key in lines:
                self.place[key] = self._take(len(columns)).start
                numbers += [lines[key][column] for column in columns.tolist()]
        self._n_numbers = len(numbers)
        self._numbers = FlatNumbers(numbers) if numbers else None
        for key, (chain, columns) in wanted.items():
            if key in lines:
                continue
            kind = chain.kind
            tables = tables_of(chain, n_levels[kind], columns) if kind in n_levels else None
            if tables is None or kind is None:
                others.append((key, chain, columns))
            else:
                flat.setdefault(kind, []).extend(tables)
                self.place[key] = len(flat[kind]) - len(tables)
        for kind, tables in flat.items():
            for key, (chain, _) in wanted.items():
                if chain.kind is kind and key in self.place and key not in lines:
                    self.place[key] += self.width
            self._flat.append((kind, FlatCodes(tables, n_levels[kind]), self._take(len(tables))))
        for key, chain, columns in others:
            self.place[key] = self.width
            self._made.append((chain, columns, self._take(len(columns))))

    def _take(self, width: int) -> slice:
        self.width += width
        return slice(self.width - width, self.width)

    def __call__(self, table: Table, blocks: dict[Key, Any]) -> Matrix:
        """Return the cells of a few rows, of shape (n_rows, width).

        Parameters
        ----------
        table : Table
        blocks : dict
            What chains gave for these rows; what is made here is added.
        """
        cells = np.empty((table.n_rows, self.width))
        if self._numbers is not None:
            cells[:, : self._n_numbers] = self._numbers(table.block(Kind.NUMBER))
        for kind, flat, where in self._flat:
            cells[:, where] = flat(table.block(kind))
        for chain, columns, where in self._made:
            block = block_of(chain, table, blocks)
            if isinstance(block, np.ndarray):
                cells[:, where] = block.take(columns, axis=1)
            else:
                _fill(cells[:, where], block, columns)
        return cells


def _fill(cells: Matrix, block: Any, columns: NDArray[np.intp]) -> None:
    """Write down some columns of a CSR matrix, which are given in order."""
    cells[:] = 0.0
    at = np.minimum(np.searchsorted(columns, block.indices), len(columns) - 1)
    wanted = columns.take(at) == block.indices
    rows = np.repeat(np.arange(len(cells)), np.diff(block.indptr))
    np.add.at(cells, (rows[wanted], at[wanted]), block.data[wanted])


def key_of(chain: FittedChain) -> Key:
    """Equal for chains that do the same with the same fitted transformers."""
    return (chain.kind, *(id(step.transformer) for step in chain.steps))


def block_of(chain: FittedChain, table: Table, blocks: dict[Key, Any]) -> Any:
    """Return what a chain gives for some rows, made once."""
    key = key_of(chain)
    if key not in blocks:
        block = _after(chain.kind, chain.steps, table, blocks)
        blocks[key] = as_numbers(block, codes=not chain.steps)
    return blocks[key]


def _after(
    kind: Kind | None, steps: tuple[FittedStep, ...], table: Table, blocks: dict[Key, Any]
) -> Any:
    """Return what steps give; chains may begin alike."""
    if not steps:
        return given_to(kind, table)
    key = ("after", kind, *(id(step.transformer) for step in steps))
    if key not in blocks:
        before = _after(kind, steps[:-1], table, blocks)
        blocks[key] = steps[-1].transformer.transform(before)
    return blocks[key]


def matrix_of(preparation: Preparation, table: Table, blocks: dict[Key, Any]) -> Any:
    """Return what `Preparation.transform` does, from blocks that may be there already."""
    found = [block_of(chain, table, blocks) for chain in preparation.chains]
    return side_by_side(found, sparse=preparation.sparse, n_rows=table.n_rows)
