"""What about a target makes its scores hard to trust: said before anything is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.rules import finding
from automl.data.table import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.finding import Finding
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.data.target import Target

FEW_ROWS = 50
"""With fewer rows no score can be trusted."""

RARE_ROWS = 5
"""A class with fewer rows is rare."""

RARE_SHARE = 0.05
"""Classes are imbalanced where the rarest has a smaller share."""

LEAK = 0.99
"""Share of what the best constant gets wrong that one column alone gets right."""

LEAK_CORRELATION = 0.999
"""Correlation (Pearson's or Spearman's) of one column with a number to predict."""

_ROWS = 2000
_BINS = 40


def suspect(
    schema: Schema, table: Table, name: str, y: NDArray[Any], n_classes: int
) -> tuple[Finding, ...]:
    """Return what is suspicious about a target and its columns; nothing is left out for it.

    Parameters
    ----------
    schema : Schema
    table : Table
    name : str
        Name of the target.
    y : ndarray of shape (n_rows,)
        Class codes 0 .. ``n_classes - 1``, or numbers.
    n_classes : int
        0 where the target is a number.
    """
    findings = []
    distinct = np.unique(y)
    if len(distinct) == 1:
        findings.append(finding("W_DATA_ONE_CLASS", [name]))
    if len(y) < FEW_ROWS:
        findings.append(finding("W_DATA_FEW_ROWS", (), len(y)))
    if n_classes:
        counts = np.bincount(y, minlength=n_classes)
        n_rare = int(np.count_nonzero(counts < RARE_ROWS))
        if n_rare:
            findings.append(finding("W_DATA_RARE_CLASS", [name], n_rare))
        if n_classes > 1 and counts.min() < RARE_SHARE * len(y) and n_classes * RARE_SHARE < 1:
            findings.append(finding("W_DATA_IMBALANCE", [name], int(counts.min())))
    if len(distinct) > 1 and len(y) >= FEW_ROWS:
        leaks = _leaks(schema, table, y, n_classes)
        if leaks:
            findings.append(finding("W_DATA_LEAK", leaks, len(leaks)))
    return tuple(findings)


def taken_as(target: Target, n_classes: int) -> tuple[Finding, ...]:
    """Say whether the numbers of a target are taken as classes or predicted as numbers."""
    if not target.numeric or target.n_distinct < 2:
        return ()
    code = "W_DATA_TARGET_CLASSES" if n_classes else "W_DATA_TARGET_NUMBER"
    return (finding(code, [target.name], target.n_distinct),)


def _leaks(schema: Schema, table: Table, y: NDArray[Any], n_classes: int) -> list[str]:
    rows = np.unique(np.linspace(0, len(y) - 1, min(len(y), _ROWS)).astype(np.intp))
    sample, y = table.take(rows), y[rows]
    names = []
    for kind, block in sample.blocks().items():
        if kind is Kind.TEXT:
            continue
        for position, feature in enumerate(schema.of(kind)):
            values = block[:, position]
            told = _tells_class(values, kind, y) if n_classes else _tells_number(values, kind, y)
            if told:
                names.append(feature.name)
    return names


def _tells_class(values: NDArray[Any], kind: Kind, y: NDArray[np.int64]) -> bool:
    """Whether rows with equal (or near) cells are nearly always of one class."""
    counts = np.bincount(y)
    best = int(counts.max())
    alone = np.count_nonzero(counts == 1)
    # A class of one row is told by any column that tells the row.
    if len(y) - best < RARE_ROWS or 2 * alone > len(y):
        return False
    if kind in {Kind.NUMBER, Kind.DATE}:
        return _agrees(values, y, best) or _separates(_binned(values), y, best)
    return _separates(values, y, best)


def _agrees(values: NDArray[np.float64], y: NDArray[np.int64], best: int) -> bool:
    """Whether neighbours on the line of numbers are nearly always of one class."""
    # Shuffled first, so that equal numbers do not keep the order of the rows.
    mixed = np.random.default_rng(0).permutation(len(y))
    order = mixed[np.argsort(values[mixed], kind="stable")]
    right = np.count_nonzero(y[order[1:]] == y[order[:-1]]) + int(y.max())
    return bool((right - best) >= LEAK * (len(y) - best))


def _separates(cells: NDArray[Any], y: NDArray[np.int64], best: int) -> bool:
    """Whether rows with equal cells are nearly always of one class."""
    _, cells = np.unique(cells, return_inverse=True)
    counts = np.zeros((int(cells.max()) + 1, int(y.max()) + 1))
    np.add.at(counts, (cells, y), 1)
    alone = counts.sum(axis=1) == 1
    # A cell that nobody shares says nothing: it is as good as the best constant.
    right = counts[~alone].max(axis=1).sum() + np.count_nonzero(alone) * best / len(y)
    return bool((right - best) >= LEAK * (len(y) - best))


def _binned(values: NDArray[np.float64]) -> NDArray[np.int64]:
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    if len(distinct) > _BINS:
        distinct = np.unique(np.quantile(present, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(distinct, values, side="left")
    bins[np.isnan(values)] = -1
    return bins


def _tells_number(values: NDArray[Any], kind: Kind, y: NDArray[np.float64]) -> bool:
    if kind not in {Kind.NUMBER, Kind.DATE}:
        return False
    present = ~np.isnan(values)
    if np.count_nonzero(present) < max(FEW_ROWS, len(y) // 2):
        return False
    x, y = values[present], y[present]
    return _correlation(x, y) >= LEAK_CORRELATION or (
        _correlation(_ranks(x), _ranks(y)) >= LEAK_CORRELATION
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts).astype(np.float64)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return abs(float(x @ y)) / size if size > 0 else 0.0
