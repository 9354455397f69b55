"""The one split plan of a run. Nothing else may split rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Rows to fit on and rows to judge by.

    Parameters
    ----------
    train, test : ndarray of int64, sorted
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """All folds of a run.

    Parameters
    ----------
    splitter : str
        Name of the splitter that made them.
    folds : tuple of Fold
    n_rows : int
    """

    splitter: str
    folds: tuple[Fold, ...]
    n_rows: int

    @property
    def covered(self) -> NDArray[np.intp]:
        """Row numbers that are a test row in at least one fold, sorted."""
        mask = np.zeros(self.n_rows, dtype=bool)
        for fold in self.folds:
            mask[fold.test] = True
        return np.flatnonzero(mask)

    @property
    def digest(self) -> str:
        """A hash of the plan, equal on every platform."""
        sha = hashlib.sha256()
        for fold in self.folds:
            sha.update(fold.test.astype("<i8").tobytes())
            sha.update(b"|")
        return sha.hexdigest()[:16]

    def gather(
        self, values: Mapping[int, NDArray[Any]], rest: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        """Average the values of the folds' test rows into one array over the covered rows.

        Parameters
        ----------
        values : mapping of int to ndarray
            For each fold, or some of them, one array in the order of its test rows.
        rest : ndarray of shape (n_covered, ...) or None, default=None
            Values of rows that are in none of these folds; needed where there are such rows.
        """
        shape = next(iter(values.values())).shape[1:]
        total = np.zeros((self.n_rows, *shape), dtype=np.float64)
        times = np.zeros(self.n_rows)
        for number, part in values.items():
            rows = self.folds[number].test
            total[rows] += part
            times[rows] += 1
        covered = self.covered
        if rest is not None:
            missing = times[covered] == 0
            total[covered[missing]] = rest[missing]
        seen = np.maximum(times[covered], 1).reshape(-1, *(1,) * (total.ndim - 1))
        return (total[covered] / seen).astype(np.float32)


def crossfit(n_rows: int, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Split the rows of one training set again, for steps that read the target.

    Parameters
    ----------
    n_rows : int
    n_folds : int
        At most ``n_rows`` are made.
    seed : int
    """
    order = np.random.default_rng(seed).permutation(n_rows)
    parts = [np.sort(part) for part in np.array_split(order, min(n_folds, n_rows))]
    everything = np.arange(n_rows)
    return tuple(
        Fold(train=np.setdiff1d(everything, part, assume_unique=True), test=part) for part in parts
    )
