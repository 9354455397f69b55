"""Steps for dates: parts of the calendar and time elapsed."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

DAY = 86_400.0
FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999, which a calendar can tell."""

MAX_PAIRED = 4
"""Date columns up to which the time between each two is told."""

PARTS = ("elapsed", "year", "month", "day", "weekday", "yearday", "hour")


def _parts(X: Matrix) -> Matrix:
    """Return all parts of each date, of shape (*X.shape, n_parts); NaN where it is missing."""
    gone = np.isnan(X)
    moment = np.clip(np.where(gone, 0.0, X), FIRST, LAST)
    days = np.floor(moment / DAY)
    day = days.astype(np.int64).view("datetime64[D]")
    month, year = day.astype("datetime64[M]"), day.astype("datetime64[Y]")
    out = np.empty((*X.shape, len(PARTS)))
    out[..., 0] = moment / DAY
    out[..., 1] = year.view(np.int64) + 1970
    out[..., 2] = month.view(np.int64) % 12 + 1
    out[..., 3] = (day - month.astype("datetime64[D]")).view(np.int64) + 1
    out[..., 4] = (days + 3) % 7
    out[..., 5] = (day - year.astype("datetime64[D]")).view(np.int64) + 1
    out[..., 6] = (moment - days * DAY) / 3600.0
    out[gone] = np.nan
    return out


class Calendar:
    """Days elapsed, year, month, day, weekday, day of the year and hour, where they vary.

    Weekdays count from Monday = 0; hours have the minutes behind the point. Between each two of up
    to four date columns the days between them follow. Missing stays missing.
    """

    sources: list[int]
    kept: list[int]

    def fit(self, X: Matrix, y: Any = None) -> Calendar:
        """Learn which parts vary."""
        self.sources, self.kept = [], []
        for j in range(X.shape[1]):
            parts = _parts(X[~np.isnan(X[:, j]), j])
            varies = (parts != parts[:1]).any(axis=0)
            kept = [0, *(k for k in range(1, len(PARTS)) if varies[k])]
            self.kept += kept
            self.sources += [j] * len(kept)
        return self

    def _pairs(self, n_in: int) -> list[tuple[int, int]]:
        return list(combinations(range(n_in), 2)) if n_in <= MAX_PAIRED else []

    def transform(self, X: Matrix) -> Matrix:
        """Return the parts of each column, then the differences."""
        parts = _parts(X)[:, self.sources, self.kept]
        pairs = self._pairs(X.shape[1])
        if not pairs:
            return parts
        first, second = np.array(pairs).T
        return np.concatenate([parts, (X[:, second] - X[:, first]) / DAY], axis=1)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in self.sources] + list(self._pairs(n_in))
