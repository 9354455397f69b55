"""The user's columns in a canonical table: where they stand, and rows with cells of two rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automl.data.table import Kind, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from automl.candidate.preparation import Preparation
    from automl.data.schema import Schema


class UserColumns:
    """The columns that are learned from, by number; one may stand in several blocks.

    Parameters
    ----------
    schema : Schema

    Attributes
    ----------
    names : tuple of str
    number : dict of str to int
    """

    def __init__(self, schema: Schema) -> None:
        self.names = schema.learned
        self.number = {name: number for number, name in enumerate(self.names)}
        self._blocks = {
            kind: np.array([self.number[one.name] for one in schema.of(kind)], dtype=np.intp)
            for kind in Kind
        }

    def differ(self, rows: Table, others: Table) -> NDArray[np.bool_]:
        """Return which cells of rows differ from those of as many others.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), dtype=bool
        """
        found = np.zeros((others.n_rows, len(self.names)), dtype=bool)
        for kind, numbers in self._blocks.items():
            one, other = rows.block(kind), others.block(kind)
            apart = one != other
            if one.dtype.kind == "f":
                apart &= ~(np.isnan(one) & np.isnan(other))
            for place, number in enumerate(numbers.tolist()):
                found[:, number] |= apart[:, place].astype(bool)
        return found

    def hybrids(
        self, rows: Table, others: Table, which: NDArray[np.intp], taken: NDArray[np.bool_]
    ) -> Table:
        """Return rows that have some cells of one row and the rest of another.

        Parameters
        ----------
        rows, others : Table
            Of as many rows.
        which : ndarray of shape (n,), dtype=int
            The rows of both that each hybrid is made of.
        taken : ndarray of shape (n, n_columns), dtype=bool
            Columns whose cells are those of ``rows``.
        """
        return Table(
            **{
                kind.value: np.where(
                    taken[:, numbers], rows.block(kind)[which], others.block(kind)[which]
                )
                for kind, numbers in self._blocks.items()
            }
        )

    def permuted(self, table: Table, column: int, order: NDArray[np.intp]) -> Table:
        """Return the table with the cells of one column in another order."""
        blocks = {kind.value: table.block(kind) for kind in Kind}
        for kind, numbers in self._blocks.items():
            mine = np.flatnonzero(numbers == column)
            if len(mine):
                block = table.block(kind).copy()
                block[:, mine] = block[order][:, mine]
                blocks[kind.value] = block
        return Table(**blocks)

    def owners(self, preparation: Preparation, cells: NDArray[np.intp]) -> NDArray[np.intp] | None:
        """Return the one column that each cell of a matrix was made of, by number.

        Parameters
        ----------
        preparation : Preparation
        cells : ndarray of shape (n_cells,), dtype=int
            Columns of its matrix.

        Returns
        -------
        ndarray of shape (n_cells,), dtype=int, or None
            None where a cell was made of several columns, or nothing is known.
        """
        lineage = preparation.lineage
        if len(cells) and int(cells.max()) >= len(lineage):
            return None
        sources = [lineage[cell] for cell in cells.tolist()]
        if any(len(one) != 1 or one[0] not in self.number for one in sources):
            return None
        return np.array([self.number[one[0]] for one in sources], dtype=np.intp)

    def used_by(self, preparations: Iterable[Preparation]) -> NDArray[np.bool_]:
        """Return which columns matrices are made of, of shape (n_columns,)."""
        used = np.zeros(len(self.names), dtype=bool)
        for one in preparations:
            if len(one.lineage) < len(one.names):  # saved before lines were kept
                used[:] = True
            for sources in one.lineage:
                used[[self.number[name] for name in sources if name in self.number]] = True
        return used
