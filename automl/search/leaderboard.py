"""Every outcome of a run as a row, failures included."""

from __future__ import annotations

import html
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN = (
    *("rank", "algorithm", "status", "cv_score", "weight", "seconds"),
    *("latency_ms", "n_bytes", "giver"),
)
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
        ``complete``, ``sample`` (fitted on a part of the training rows, judged as all others),
        ``partial`` (not all folds were done in time), ``pruned``, ``skipped``, or
        ``failed (reason)``.
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
        The first cause of a failure, the rows of a sample, or what is missing.
    latency_ms : float or None, default=None
        Milliseconds of a single row, by the fitted pipelines of all folds one after the other, as
        the worker measured it; a predictor that is ready (`Predictor.ready`) is quicker.
    n_bytes : int or None, default=None
        Size of these pipelines as files.
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
    latency_ms: float | None = None
    n_bytes: int | None = None


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
        named = {
            "cv_score": f"cv_score ({self.metric})",
            "latency_ms": "ms a row",
            "n_bytes": "size",
        }
        return tuple(named.get(name, name) for name in SHOWN)

    def _cells(self, row: Row) -> list[str]:
        return [
            _size(row.n_bytes) if name == "n_bytes" else _cell(getattr(row, name)) for name in SHOWN
        ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}" if math.isfinite(value) else str(value)
    return str(value)


def _size(n_bytes: int | None) -> str:
    if n_bytes is None:
        return "-"
    return f"{n_bytes / 1e6:.3g} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.3g} kB"
