"""From cells to what a network reads: robust numbers, flags of cells, codes of embeddings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]
    Codes = NDArray[np.int64]

MOST_FLAGS = 9
"""Categories with more levels are embedded, others become a flag for each level (RealMLP)."""

EMBEDDING = 8
"""Width of an embedded category (RealMLP)."""

N_BINS, STEP_WIDTH = 48, 8
"""Bins of each number, and cells that they are mixed to (TabM: 48 and 16)."""

N_WAVES, WAVE_WIDTH = 16, 3
"""Waves of each number, and cells that they are mixed to beside the number (RealMLP)."""

MOST_CELLS = 2_048
"""Cells that all numbers together are mixed to at most."""

REACH = 3.0
"""What scaled numbers are pulled towards, smoothly, however far out they are (RealMLP)."""

FAR = 1e9
"""Scaled numbers beyond are cut, so that their squares are finite."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoding:
    """How cells are read, as plain arrays.

    Parameters
    ----------
    numbers : ndarray of shape (n_numbers,), dtype=int64
        Columns of numbers.
    center, spread : ndarray of shape (n_numbers,), dtype=float64
        Medians, and what a cell less the median is divided by: infinite in a flat column.
    holes : ndarray of shape (n_holes,), dtype=int64
        Columns of numbers in which training missed cells: they get a flag.
    flags, levels : ndarray of shape (n_flags,), dtype=int64
        Column and code of each flag of a category.
    embedded, n_codes : ndarray of shape (n_embedded,), dtype=int64
        Columns of codes, and the number of their levels.
    """

    numbers: Codes
    center: Matrix
    spread: Matrix
    holes: Codes
    flags: Codes
    levels: Codes
    embedded: Codes
    n_codes: Codes

    def read(self, X: Matrix) -> tuple[Matrix, Matrix, Codes]:
        """Return scaled numbers, flags, and codes + 1 (0: missing or not seen in training)."""
        cells = X[:, self.numbers]
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (cells - self.center) / self.spread
        scaled = np.clip(np.where(np.isnan(scaled), 0.0, scaled), -FAR, FAR)
        scaled /= np.sqrt(1.0 + (scaled / REACH) ** 2)
        holes, same = np.isnan(X[:, self.holes]), X[:, self.flags] == self.levels
        codes = X[:, self.embedded]
        known = (codes >= 0) & (codes < self.n_codes)
        places = np.where(known, codes, -1.0).astype(np.int64) + 1
        return scaled, np.hstack((holes, same)).astype(np.float64), places

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it is."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @staticmethod
    def of_arrays(arrays: Mapping[str, NDArray[Any]]) -> Encoding:
        """Return what `arrays` gave."""
        return Encoding(**{one.name: arrays[one.name] for one in fields(Encoding)})


def encoding_of(X: Matrix, categories: tuple[int, ...], n_levels: tuple[int, ...]) -> Encoding:
    """Return how to read cells as those of training rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns), dtype=float64
    categories, n_levels : tuple of int
        As in `Context`.

    Notes
    -----
    Numbers are scaled by the distance of their quartiles, or where there is none by half their
    range, as in RealMLP (Holzmüller, Grinsztajn and Steinwart, arXiv 2407.04491).
    """
    numbers = np.delete(np.arange(X.shape[1]), list(categories))
    cells = X[:, numbers]
    gone = np.isnan(cells)
    full = np.where(gone.all(axis=0), 0.0, cells)
    marks = np.nanquantile(full, (0.0, 0.25, 0.5, 0.75, 1.0), axis=0).reshape(5, -1)
    low, first, center, third, high = marks
    spread = np.where(third > first, third - first, (high - low) / 2.0)
    few = [(c, n) for c, n in zip(categories, n_levels, strict=True) if n <= MOST_FLAGS]
    many = [(c, n) for c, n in zip(categories, n_levels, strict=True) if n > MOST_FLAGS]
    return Encoding(
        numbers=numbers.astype(np.int64),
        center=center,
        spread=np.where(spread > 0, spread, np.inf),
        holes=numbers[gone.any(axis=0)].astype(np.int64),
        flags=np.array([c for c, n in few for _ in range(n)], dtype=np.int64),
        levels=np.array([level for _, n in few for level in range(n)], dtype=np.int64),
        embedded=np.array([c for c, _ in many], dtype=np.int64),
        n_codes=np.array([n for _, n in many], dtype=np.int64),
    )


def width_of(embedding: str, n_numbers: int) -> int:
    """Return the cells that each number is mixed to: fewer where there are many."""
    width = {"steps": STEP_WIDTH, "waves": WAVE_WIDTH}.get(embedding, 0)
    return min(width, MOST_CELLS // n_numbers) if n_numbers else 0


def bins_of(scaled: Matrix, most: int) -> tuple[Matrix, Matrix]:
    """Return where the bins of each column begin, and one over their widths.

    Parameters
    ----------
    scaled : ndarray of shape (n_rows, n_columns), dtype=float64
    most : int
        Bins of a column at most: between quantiles, without those that are empty.

    Returns
    -------
    left, rise : ndarray of shape (n_columns, most), dtype=float64
        Of bins that a column lacks both are 0, so that no cell reaches into them.
    """
    left, rise = np.zeros((2, scaled.shape[1], most))
    for column, cells in enumerate(scaled.T):
        edges = np.unique(np.quantile(cells, np.linspace(0.0, 1.0, most + 1)))
        n = len(edges) - 1
        left[column, :n], rise[column, :n] = edges[:-1], 1.0 / np.diff(edges)
    return left, rise
