"""Chains over numbers that fill, scale and cut: all of their columns at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from automl.plugin.formulas import Affine, Clip, Fill, IsMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from automl.plugin.formulas import Formula, Operation

    Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One column: a cell, or whether it is missing; filled, then scaled, then cut.

    Parameters
    ----------
    source : int
        The column of numbers that it is made of.
    missing : bool, default=False
        Whether it is 1 where the cell is missing and else 0.
    fill : float or None, default=None
    scale : (float, float) or None, default=None
        What is subtracted, and what it is divided by then.
    ends : (float, float) or None, default=None
    """

    source: int
    missing: bool = False
    fill: float | None = None
    scale: tuple[float, float] | None = None
    ends: tuple[float, float] | None = None


def lines_of(formulas: Iterable[Formula], n_columns: int) -> list[Line] | None:
    """Return what comes out of formulas one after the other; None where there is more to it."""
    lines = [Line(source=column) for column in range(n_columns)]
    for formula in formulas:
        known = lines[: formula.n_in]
        for operation in formula.operations:
            made = _made(operation, known)
            if made is None:
                return None
            known += made
        lines = [known[column] for column in formula.out.tolist()]
    return lines


def _made(operation: Operation, known: Sequence[Line]) -> list[Line] | None:
    if not isinstance(operation, Fill | IsMissing | Affine | Clip):
        return None
    found = []
    for place, column in enumerate(operation.columns.tolist()):
        line = known[column]
        if isinstance(operation, Fill):
            later = line.missing or line.fill is not None or line.scale or line.ends
            made = None if later else replace(line, fill=float(operation.values[place]))
        elif isinstance(operation, IsMissing):
            made = replace(line, missing=True) if line == Line(source=line.source) else None
        elif isinstance(operation, Affine):
            scale = float(operation.center[place]), float(operation.scale[place])
            made = None if line.scale or line.ends else replace(line, scale=scale)
        else:
            ends = float(operation.low), float(operation.high)
            made = None if line.ends else replace(line, ends=ends)
        if made is None:
            return None
        found.append(made)
    return found


class FlatNumbers:
    """What comes out of numbers.

    Parameters
    ----------
    lines : sequence of Line
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._source = np.array([one.source for one in lines], dtype=np.intp)
        self._missing = np.array([one.missing for one in lines], dtype=bool)
        self._fill = np.array([np.nan if one.fill is None else one.fill for one in lines])
        self._center, self._scale = np.array([one.scale or (0.0, 1.0) for one in lines]).T
        self._low, self._high = np.array([one.ends or (-np.inf, np.inf) for one in lines]).T

    def __call__(self, numbers: Matrix) -> Matrix:
        """Return the columns of rows, of shape (n_rows, n_lines)."""
        cells = numbers.take(self._source, axis=1)
        gone = np.isnan(cells)
        np.copyto(cells, self._fill, where=gone)
        np.copyto(cells, gone, where=self._missing)
        cells -= self._center
        cells /= self._scale
        np.maximum(cells, self._low, out=cells)
        np.minimum(cells, self._high, out=cells)
        return cells
