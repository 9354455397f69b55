"""The canonical table: one matrix per kind of column, what every room below works on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MISSING = -1
"""Code of a missing cell in a block of codes."""

UNSEEN = -2
"""Code of a level that the schema does not know."""


class Kind(StrEnum):
    """What a canonical column holds.

    Attributes
    ----------
    NUMBER : float64, NaN where missing. Booleans are 0 and 1.
    CATEGORY : int32 codes into the schema's levels, few levels.
    STRING : int32 codes into the schema's levels, many levels.
    TEXT : object, a str or None.
    DATE : float64, seconds since 1970-01-01 UTC, NaN where missing.
    """

    NUMBER = "number"
    CATEGORY = "category"
    STRING = "string"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows in canonical form: one C-ordered matrix per kind, columns in schema order.

    Parameters
    ----------
    number, date : ndarray of shape (n_rows, n_columns_of_kind), dtype=float64
    category, string : ndarray of shape (n_rows, n_columns_of_kind), dtype=int32
        Codes into the levels of the schema's feature; ``MISSING`` and ``UNSEEN`` are negative.
    text : ndarray of shape (n_rows, n_columns_of_kind), dtype=object
    """

    number: NDArray[np.float64]
    category: NDArray[np.int32]
    string: NDArray[np.int32]
    text: NDArray[np.object_]
    date: NDArray[np.float64]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.number.shape[0])

    def block(self, kind: Kind) -> NDArray[Any]:
        """Return the matrix of one kind."""
        block: NDArray[Any] = getattr(self, kind.value)
        return block

    def blocks(self) -> Mapping[Kind, NDArray[Any]]:
        """Return the matrices of all kinds that have columns."""
        return {kind: self.block(kind) for kind in Kind if self.block(kind).shape[1]}

    def take(self, rows: NDArray[np.intp] | slice) -> Table:
        """Return the rows asked for, in that order."""
        return Table(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})
