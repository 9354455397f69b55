"""Every outcome of a run as a row, failures included."""

from __future__ import annotations

import html
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN = ("rank", "algorithm", "status", "cv_score", "weight", "seconds", "giver")
"""Columns of the short form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate.

    Parameters
    ----------
    rank : int or None
        1 is the best by ``cv_score``; None without a score.
    number : int
        Number of the trial; 0 is the constant baseline.
    algorithm : str
    status : str
        ``complete``, ``pruned``, ``skipped``, or ``failed (reason)``.
    cv_score : float or None
        Score of the out-of-fold values, used for choosing, hence optimistic for the best rows.
    weight : float
        Share in the final predictor; 0 for what is not in it.
    seconds : float
        Seconds of fitting and judging all folds together.
    giver : str
        Distribution and version that brought the algorithm.
    params, preparation : mapping
    message : str
        The first cause of a failure.
    """

    rank: int | None
    number: int
    algorithm: str
    status: str
    cv_score: float | None
    weight: float
    seconds: float
    giver: str
    params: Mapping[str, Any]
    preparation: Mapping[str, Any]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Leaderboard:
    """All rows, best first.

    Parameters
    ----------
    metric : str
    greater_is_better : bool
    rows : tuple of Row
    """

    metric: str
    greater_is_better: bool
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as plain JSON values."""
        return [asdict(row) for row in self.rows]

    def __repr__(self) -> str:
        cells = [list(self._header()), *(self._cells(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(SHOWN))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._header())
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in self._cells(row)) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _header(self) -> tuple[str, ...]:
        return tuple(f"cv_score ({self.metric})" if n == "cv_score" else n for n in SHOWN)

    def _cells(self, row: Row) -> list[str]:
        return [_cell(getattr(row, name)) for name in SHOWN]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}" if math.isfinite(value) else str(value)
    return str(value)
