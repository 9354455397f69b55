"""What changed between two races of ours, table by table, and whether it is more than chance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path

import numpy as np

from benchmarks.analysis import error
from benchmarks.rows import Row, latest, read

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two races on the questions that both have answered.

    Parameters
    ----------
    lines : tuple of (table, budget, error before, error after, change)
        Means over the folds; the change is relative to the larger one, negative where it got
        better.
    p_worse, p_better : float
        One-sided p-values of Wilcoxon's signed-rank test over the tables' relative changes; NaN
        where no table has changed.
    """

    lines: tuple[tuple[str, float, float, float, float], ...]
    p_worse: float
    p_better: float

    @property
    def worse(self) -> bool:
        """Whether the second race is significantly worse."""
        return self.p_worse < ALPHA

    def text(self) -> str:
        """Return the comparison for people."""
        said = [f"{'table':<28}{'s':>6}{'before':>12}{'after':>12}{'change':>9}"]
        said += [
            f"{table:<28}{budget:>6g}{before:>12.5g}{after:>12.5g}{change:>+9.1%}"
            for table, budget, before, after, change in self.lines
        ]
        changes = [line[4] for line in self.lines]
        ahead, equal = sum(c < 0 for c in changes), sum(c == 0 for c in changes)
        said.append(
            f"{ahead} better, {equal} equal, {len(changes) - ahead - equal} worse; "
            f"median change {np.median(changes) if changes else nan:+.2%}."
        )
        if isnan(self.p_worse):
            return "\n".join([*said, "Nothing has changed."])
        verdict = "significantly worse" if self.worse else "no significant loss"
        said.append(
            f"Wilcoxon's signed-rank test over tables: p = {self.p_worse:.3g} for worse, "
            f"{self.p_better:.3g} for better: {verdict}."
        )
        return "\n".join(said)


def compare(before: Path, after: Path, contender: str, other: str | None = None) -> Comparison:
    """Compare a contender in two folders of results.

    Parameters
    ----------
    before, after : Path
        Folders that a race has written.
    contender : str
        Name of the contender, as in the rows.
    other : str or None, default=None
        Its name in the second folder, where it is another.

    Raises
    ------
    ValueError
        There is no question that both have answered.
    """
    first = _questions(latest(read(before)), contender)
    second = _questions(latest(read(after)), other or contender)
    errors: dict[tuple[str, float], list[tuple[float, float]]] = defaultdict(list)
    for asked in sorted(first.keys() & second.keys()):
        table, _, budget, _ = asked
        errors[table, budget].append((first[asked], second[asked]))
    if not errors:
        raise ValueError(
            f"No question was answered by {contender!r} in {str(before)!r} and by "
            f"{other or contender!r} in {str(after)!r}: same tables, splits, budget and cores."
        )
    lines = []
    for (table, budget), pairs in errors.items():
        was, now = np.mean(pairs, axis=0)
        scale = max(abs(was), abs(now))
        lines.append((table, budget, float(was), float(now), (now - was) / scale if scale else 0.0))
    changes = np.array([line[4] for line in lines])
    p_worse, p_better = _test(changes)
    return Comparison(lines=tuple(lines), p_worse=p_worse, p_better=p_better)


def _questions(rows: list[Row], contender: str) -> dict[tuple[str, str, float, int], float]:
    """Return the error by table, split, budget and cores."""
    return {
        (row.table, row.split, row.budget, row.cores): error(row)
        for row in rows
        if row.contender == contender and not isnan(error(row))
    }


def _test(changes: np.ndarray) -> tuple[float, float]:
    from scipy.stats import wilcoxon

    if not changes.any():
        return nan, nan
    worse = float(wilcoxon(changes, alternative="greater").pvalue)
    better = float(wilcoxon(changes, alternative="less").pvalue)
    return worse, better
