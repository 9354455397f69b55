"""Steps for numbers: fill, scale, bring to a normal distribution."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Affine, Clip, Draft, Fill, Formula, Interpolate, IsMissing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

NORMAL_IQR = 1.349
"""Distance of the quartiles of a standard normal distribution."""

CLIP = 10.0
"""Scaled numbers beyond this many standard deviations are cut."""

GRID = 1000
"""Quantiles that a distribution is described by."""

SAMPLE = 50_000
"""Rows that are enough for quantiles."""


def _present(X: Matrix, column: int) -> Matrix:
    """Return the cells of a column that are there; a zero where none is."""
    x: Matrix = X[:: max(1, X.shape[0] // SAMPLE), column]
    x = x[~np.isnan(x)]
    return x if len(x) else np.zeros(1)


class Impute:
    """Fill missing cells with the median; add a column that says so where training had any."""

    medians: Matrix
    missing: NDArray[np.intp]

    def fit(self, X: Matrix, y: Any = None) -> Impute:
        """Learn the medians, and which columns miss cells."""
        self.missing = np.flatnonzero(np.isnan(X).any(axis=0))
        self.medians = np.array([np.median(_present(X, j)) for j in range(X.shape[1])])
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Return the filled columns, then the indicators."""
        gone = np.isnan(X)
        n = X.shape[1]
        out = np.empty((len(X), n + len(self.missing)))
        out[:, :n] = X
        np.copyto(out[:, :n], self.medians, where=gone)
        out[:, n:] = gone[:, self.missing]
        return out

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.medians))
        filled = draft.add(Fill(columns=np.arange(draft.n_in), values=self.medians))
        return draft.formula(filled, draft.add(IsMissing(columns=self.missing)))

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in (*range(n_in), *self.missing.tolist())]


class Scale:
    """Subtract the median and divide by the spread of the quartiles; cut far outliers.

    Where the quartiles are equal the standard deviation takes their place. Missing cells stay.
    """

    center: Matrix
    spread: Matrix

    def fit(self, X: Matrix, y: Any = None) -> Scale:
        """Learn center and spread."""
        found = [self._measure(_present(X, j)) for j in range(X.shape[1])]
        self.center = np.array([center for center, _ in found])
        self.spread = np.array([spread for _, spread in found])
        return self

    @staticmethod
    def _measure(x: Matrix) -> tuple[float, float]:
        low, middle, high = np.quantile(x, (0.25, 0.5, 0.75))
        if high > low:
            return float(middle), float(high - low) / NORMAL_IQR
        spread = float(np.std(x))
        return float(middle), spread if spread > 0 else 1.0

    def transform(self, X: Matrix) -> Matrix:
        """Return the scaled columns."""
        scaled: Matrix = X - self.center
        scaled /= self.spread
        return np.clip(scaled, -CLIP, CLIP, out=scaled)

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.center))
        every = np.arange(draft.n_in)
        scaled = draft.add(Affine(columns=every, center=self.center, scale=self.spread))
        return draft.formula(draft.add(Clip(columns=scaled, low=-CLIP, high=CLIP)))

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in)]


class Quantile:
    """Bring each column to a normal distribution by its ranks; equal cells stay equal.

    Missing cells stay. Between the quantiles learned it is linear, beyond them constant.
    """

    seen: list[Matrix]
    normal: list[Matrix]

    def fit(self, X: Matrix, y: Any = None) -> Quantile:
        """Learn the quantiles of each column."""
        ranks = (np.arange(GRID) + 0.5) / GRID
        inverse = NormalDist().inv_cdf
        scores = np.array([inverse(float(rank)) for rank in ranks])
        self.seen, self.normal = [], []
        for j in range(X.shape[1]):
            quantiles = np.quantile(_present(X, j), ranks)
            seen, at = np.unique(quantiles, return_inverse=True)
            self.seen.append(seen)
            self.normal.append(
                np.bincount(at.reshape(-1), weights=scores) / np.bincount(at.reshape(-1))
            )
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Return the normal scores."""
        out = np.empty(X.shape, dtype=np.float64)
        for j, (seen, normal) in enumerate(zip(self.seen, self.normal, strict=True)):
            out[:, j] = np.interp(X[:, j], seen, normal)
        return out

    def formula(self) -> Formula:
        """Return what it computes."""
        draft = Draft(len(self.seen))
        lines = Interpolate(
            columns=np.arange(draft.n_in), points=tuple(self.seen), values=tuple(self.normal)
        )
        return draft.formula(draft.add(lines))

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in range(n_in)]
