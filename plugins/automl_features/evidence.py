"""Which made columns say something that single columns do not: a cheap look at a sample of rows.

What an additive model of binned columns leaves over is what trees need several splits for. A made
column is worth as much of that as the means of its bins explain, each row judged without itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]

SAMPLE = 3_000
"""Rows looked at, at most."""

BINS = 16
"""Bins of equal numbers of rows that a column is cut into."""

ADDITIVE = 40
"""Columns in the additive model: with more of them than rows nothing would be left over."""

SWEEPS = 3
"""Times that the additive model goes over all columns."""

SMOOTH = 10.0
"""Rows that the overall mean counts for in the mean of a bin."""

NOISE = 4.0
"""Gain times rows that is asked of a column; of noise it is below 0 nearly always."""

ALIKE = 0.97
"""Rank correlation above which two columns say the same."""


def sample_of(n_rows: int, seed: int) -> NDArray[np.intp]:
    """Return rows in random order."""
    return np.random.default_rng(seed).permutation(n_rows)[:SAMPLE]


def bins_of(x: Matrix) -> Codes:
    """Return the bin of each cell; rows of equal cells are spread as they come."""
    found = np.empty(len(x), dtype=np.int64)
    found[np.argsort(x)] = np.arange(len(x)) * BINS // max(1, len(x))
    return found


def residual_of(columns: Iterable[Codes], targets: Matrix) -> Matrix:
    """Return what an additive model of columns of codes leaves of the targets.

    Parameters
    ----------
    columns : iterable of ndarray of shape (n_rows,)
    targets : ndarray of shape (n_rows, n_targets)

    Returns
    -------
    ndarray of shape (n_rows, n_targets)
        Each column less its mean, and of length 1.
    """
    left = targets - targets.mean(axis=0)
    looked = list(columns)
    for _ in range(SWEEPS):
        for codes in looked:
            left -= _means(codes, left)[codes]
    left -= left.mean(axis=0)
    length = np.sqrt((left**2).sum(axis=0))
    scaled: Matrix = np.divide(left, length, out=np.zeros_like(left), where=length > 1e-9)
    return scaled


def judge(columns: Sequence[Codes], targets: Matrix) -> tuple[list[int], Matrix]:
    """Return the numbers of the columns, those that say most alone first, and what they leave.

    Parameters
    ----------
    columns : sequence of ndarray of shape (n_rows,)
    targets : ndarray of shape (n_rows, n_targets)
    """
    whole = residual_of([], targets)
    order = sorted(range(len(columns)), key=lambda j: (-gain_of(columns[j], whole), j))
    return order, residual_of([columns[j] for j in order[:ADDITIVE]], targets)


def gain_of(codes: Codes, residual: Matrix) -> float:
    """Return the share of a residual that the means of cells explain, each row without itself.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
    residual : ndarray of shape (n_rows, n_targets)
        Columns of length 1.
    """
    counts = np.bincount(codes)
    there = counts[codes][:, None]
    sums = np.stack([np.bincount(codes, column) for column in residual.T], axis=1)[codes]
    without = (sums - residual) / (there - 1 + SMOOTH)
    return float((2 * residual * without - without**2).sum() / residual.shape[1])


def best_of(made: Iterator[tuple[Any, Matrix]], residual: Matrix, most: int) -> list[Any]:
    """Return which made columns explain most, leaving out what others say as well.

    Parameters
    ----------
    made : iterator of (key, ndarray of shape (n_rows,))
    residual : ndarray of shape (n_rows, n_targets)
    most : int
    """
    floor = NOISE / max(1, len(residual))
    judged: list[tuple[float, int, Any, Codes]] = []
    for key, x in made:
        codes = bins_of(x)
        gain = gain_of(codes, residual)
        if gain > floor:
            judged.append((gain, len(judged), key, codes))
    judged.sort(key=lambda one: (-one[0], one[1]))
    kept: list[Any] = []
    ranks: list[Matrix] = []
    for _, _, key, codes in judged:
        rank = codes - codes.mean()
        rank /= np.sqrt((rank**2).sum()) or 1.0
        if all(abs(float(rank @ other)) < ALIKE for other in ranks):
            kept.append(key)
            ranks.append(rank)
        if len(kept) == most:
            break
    return kept


def _means(codes: Codes, values: Matrix) -> Matrix:
    counts = np.bincount(codes) + SMOOTH
    return np.stack([np.bincount(codes, column) for column in values.T], axis=1) / counts[:, None]
