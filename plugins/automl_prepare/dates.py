"""Steps for dates: parts of the calendar and time elapsed."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.formulas import Affine, Apply, Clip, Combine, Draft, Formula, Product

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

    def formula(self) -> Formula:
        """Return what it computes."""
        n = max(self.sources) + 1
        draft = Draft(n)
        parts = [_draft_parts(draft, j) for j in range(n)]
        out = np.array([parts[j][k] for j, k in zip(self.sources, self.kept, strict=True)])
        pairs = np.array(self._pairs(n), dtype=np.int64).reshape(-1, 2)
        between = draft.add(Combine(how="difference", first=pairs[:, 1], second=pairs[:, 0]))
        days = np.full(len(pairs), DAY)
        between = draft.add(Affine(columns=between, center=np.zeros(len(pairs)), scale=days))
        return draft.formula(out, between)

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        """Return the input columns of each output column."""
        return [(j,) for j in self.sources] + list(self._pairs(n_in))


def _draft_parts(draft: Draft, column: int) -> list[int]:
    """Add `PARTS` of a date to a formula, all of them sums of whole numbers and what they divide.

    Years begin in March, so that the leap day is the last day of a year, and 400 of them are an
    era, which all are alike (H. Hinnant, "chrono-compatible low-level date algorithms", 2013).
    """

    def line(base: float, *of: tuple[float, int]) -> int:
        weights = np.array([[weight] for weight, _ in of], dtype=np.float64)
        columns = np.array([one for _, one in of])
        return int(draft.add(Product(columns=columns, weights=weights, base=np.array([base])))[0])

    def over(one: int, divisor: float) -> int:
        divided = Affine(columns=np.array([one]), center=np.zeros(1), scale=np.array([divisor]))
        return int(draft.add(divided)[0])

    def whole(one: int, divisor: float) -> int:
        return int(draft.add(Apply(columns=np.array([over(one, divisor)]), function="floor"))[0])

    moment = int(draft.add(Clip(columns=np.array([column]), low=FIRST, high=LAST))[0])
    days = whole(moment, DAY)
    shifted = line(719_468, (1, days))  # from the first of March of the year 0
    era = whole(shifted, 146_097)
    of_era = line(0, (1, shifted), (-146_097, era))
    leaps = [whole(of_era, every) for every in (1_460, 36_524, 146_096)]
    plain = line(0, (1, of_era), (-1, leaps[0]), (1, leaps[1]), (-1, leaps[2]))
    year = whole(plain, 365)  # of the era
    fours, hundreds = whole(year, 4), whole(year, 100)
    day = line(0, (1, of_era), (-365, year), (-1, fours), (1, hundreds))  # of the year
    month = whole(line(2, (5, day)), 153)  # March is 0
    first = whole(line(2, (153, month)), 5)  # day of the year on which the month begins
    late = whole(line(2, (1, month)), 12)  # 1 in January and February
    before = line(-1, (1, year))
    last = [whole(before, every) for every in (4, 100, 400)]
    leap = line(0, (1, fours), (-1, last[0]), (-1, hundreds), (1, last[1]), (-1, last[2]))
    early = np.array([line(1, (-1, late))])
    added = draft.add(Combine(how="product", first=np.array([leap]), second=early))
    monday = line(3, (1, days))
    return [
        over(moment, DAY),
        line(0, (1, year), (400, era), (1, late)),
        line(3, (1, month), (-12, late)),
        line(1, (1, day), (-1, first)),
        line(0, (1, monday), (-7, whole(monday, 7))),
        line(60, (1, day), (-365, late), (1, int(added[0]))),
        over(line(0, (1, moment), (-DAY, days)), 3600.0),
    ]
