"""How much columns matter over many rows, as a table and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automl.explain.picture import bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much one column matters.

    Parameters
    ----------
    column : str
    importance : float
    low, high : float
        An interval that holds it in 95 of 100 cases, were other rows taken.
    """

    column: str
    importance: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much columns matter over many rows.

    Parameters
    ----------
    rows : tuple of Weight
        The most important column first.
    what : str
        What is measured, in words.
    n_rows : int
        Rows that were looked at.
    """

    rows: tuple[Weight, ...]
    what: str
    n_rows: int

    @classmethod
    def of(
        cls,
        columns: Sequence[str],
        found: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        *,
        what: str,
        n_rows: int,
    ) -> Importance:
        """Return columns in order.

        Parameters
        ----------
        columns : sequence of str
        found, low, high : ndarray of shape (n_columns,), dtype=float64
        what : str
        n_rows : int
        """
        rows = tuple(
            Weight(
                column=columns[place],
                importance=float(found[place]),
                low=float(low[place]),
                high=float(high[place]),
            )
            for place in np.argsort(-found, kind="stable").tolist()
        )
        return cls(rows=rows, what=what, n_rows=n_rows)

    def picture(self) -> str:
        """Return a bar chart as SVG."""
        return bars(
            [(one.column, one.importance, one.low, one.high) for one in self.rows],
            title=f"Importance: {self.what}",
            note=f"{self.n_rows} rows; lines are 95 % intervals",
        )

    def __str__(self) -> str:
        """Return the table for people."""
        width = max((len(one.column) for one in self.rows), default=0)
        lines = [
            f"{one.column:{width}}  {one.importance:.6g}  [{one.low:.6g}, {one.high:.6g}]"
            for one in self.rows
        ]
        return "\n".join([f"{self.what}, {self.n_rows} rows", *lines])
