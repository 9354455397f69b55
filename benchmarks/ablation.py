"""What each part of a contender brings, by races in which one part after the other is off.

Variants are called `CONTENDER-no-PART`. A part that cannot matter on a table (looks at samples of a
small one) still differs from run to run, since the clock decides what is tried: the smallest
differences of the table say how large that noise is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.compare import compare
from benchmarks.rows import Row, latest, read

HEAD = (
    *("part", "tables", "error without it", "standard error", "worse without", "most on"),
    *("predict s without", "row ms without", "model MB without"),
)
EVEN = 0.005
"""Relative difference of two errors from which on a table counts as better or worse."""


def ablation(folder: Path, contender: str = "automl") -> list[tuple[str, ...]]:
    """Return a line for each part that was off, under `HEAD`.

    Parameters
    ----------
    folder : Path
        Folder that a race has written.
    contender : str, default="automl"
        The one with all parts on.

    Raises
    ------
    ValueError
        No variant answered a question that the contender has answered.
    """
    rows = latest(read(folder))
    names = dict.fromkeys(row.contender for row in rows)
    variants = [name for name in names if name.startswith(f"{contender}-no-")]
    if not variants:
        raise ValueError(f"{str(folder)!r} has no contender called {contender}-no-PART.")
    return [_line(folder, rows, contender, variant) for variant in variants]


def text(lines: list[tuple[str, ...]]) -> str:
    """Return the lines as a table of Markdown."""
    said = [HEAD, ("--", *["--:"] * (len(HEAD) - 1)), *lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in said)


def _line(folder: Path, rows: list[Row], contender: str, variant: str) -> tuple[str, ...]:
    found = compare(folder, folder, contender, variant)
    changes = np.array([line[4] for line in found.lines])
    spread = changes.std(ddof=1) / np.sqrt(len(changes)) if len(changes) > 1 else np.nan
    most = found.lines[int(np.abs(changes).argmax())]
    better, worse = int((changes < -EVEN).sum()), int((changes > EVEN).sum())
    costs = (lambda row: row.predict_s, lambda row: row.row_ms, lambda row: row.model_mb)
    return (
        variant.removeprefix(f"{contender}-no-"),
        str(len(changes)),
        f"{changes.mean():+.2%}",
        f"{spread:.2%}",
        f"{worse} of {len(changes)}, better {better}",
        f"{most[0]} {most[4]:+.1%}",
        *(f"x {_ratio(rows, contender, variant, cost):.2f}" for cost in costs),
    )


def _ratio(rows: list[Row], first: str, second: str, cost: Callable[[Row], float]) -> float:
    """Return the median over tables of what the second takes in what the first takes."""
    taken = {
        name: {r.table: cost(r) for r in rows if r.contender == name} for name in (first, second)
    }
    shared = taken[first].keys() & taken[second].keys()
    return float(np.median([taken[second][table] / taken[first][table] for table in shared]))
