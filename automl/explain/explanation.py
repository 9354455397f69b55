"""What each column contributed to what is said of some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import InputError
from automl.explain.importance import Importance

if TYPE_CHECKING:
    from numpy.typing import NDArray

REASONS = 5
"""Columns that are named for a row unless more are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one column contributed to what is said of one row.

    Parameters
    ----------
    column : str
    contribution : float
        In the unit of the value.
    """

    column: str
    contribution: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OneValue:
    """One number for each row, and what it is made of: ``base + contributions.sum(axis=1)``.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), dtype=float64
    base : ndarray of shape (n_rows,), dtype=float64
    contributions : ndarray of shape (n_rows, n_columns), dtype=float64
    """

    values: NDArray[np.float64]
    base: NDArray[np.float64]
    contributions: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """What each column of the user's table contributed to what is said of each row.

    A contribution is a Shapley value: what the value gains when the cell of a row of the background
    becomes that of the explained row, averaged over all orders in which the columns may change, and
    over the background. For each row ``base + contributions.sum(axis=1)`` is the value. It says
    what the model did with the row, not what causes what.

    Exact are the contributions to members that declare their trees or coefficients, if each cell
    that these look at was made of one column of the user. They are contributions to outputs, such
    as logarithms of odds; they are carried to probabilities, and through what is done to the
    average of all members, by rescaling for each row of the background (see
    `automl.explain.slopes`), which leaves no rest but is no Shapley value of the whole. All other
    members, and the largest forests (`automl.explain.game.MOST_PAIRS`), are sampled: each row of
    the background becomes the explained one in an order that was drawn once, and in its reverse;
    where these members are less than a quarter of the blend, only some rows of the background do.
    The folds of a candidate are asked in turns.

    Parameters
    ----------
    columns : tuple of str
        The columns that are learned from.
    classes : ndarray of shape (n_classes,) or None
        None where the target is a number.
    labels : ndarray of shape (n_rows,)
        What is predicted.
    values : ndarray of shape (n_rows, n_classes) or (n_rows,), dtype=float64
        Probabilities, or numbers in the unit of the target.
    base : ndarray of shape (n_classes,) or (), dtype=float64
        Mean of the values of the background.
    contributions : ndarray of shape (n_rows, n_columns, n_classes) or (n_rows, n_columns)
        In the unit of the values, dtype=float64.
    n_background : int
        Rows that each row was compared with.
    exact : float
        Share of the blend, from 0 to 1, whose contributions are reckoned; the rest is sampled.
    """

    columns: tuple[str, ...]
    classes: NDArray[Any] | None
    labels: NDArray[Any]
    values: NDArray[np.float64]
    base: NDArray[np.float64]
    contributions: NDArray[np.float64]
    n_background: int
    exact: float

    def of(self, label: object = None) -> OneValue:
        """Return what the probability of one class, or the number, of each row is made of.

        Parameters
        ----------
        label : object, default=None
            A class; None means the one that is predicted for the row.

        Raises
        ------
        InputError
            ``E_INPUT_CLASS`` where there is no such class.
        """
        if self.classes is None:
            base = np.full(len(self.values), self.base)
            return OneValue(values=self.values, base=base, contributions=self.contributions)
        known = self.classes.tolist()
        wanted = self.labels.tolist() if label is None else [label] * len(self.values)
        if label is not None and label not in known:
            raise InputError(
                "E_INPUT_CLASS",
                f"{label!r} is no class of this model.",
                f"Classes: {', '.join(map(str, known))}.",
            )
        which = np.array([known.index(one) for one in wanted], dtype=np.intp)
        rows = np.arange(len(which))
        return OneValue(
            values=self.values[rows, which],
            base=self.base[which],
            contributions=self.contributions[rows, :, which],
        )

    def reasons(self, row: int, n: int = REASONS, label: object = None) -> tuple[Reason, ...]:
        """Return the columns that contributed most to what is said of a row, the largest first.

        Parameters
        ----------
        row : int
            The first is 0.
        n : int, default=5
            At most so many; columns that contributed nothing are left out.
        label : object, default=None
            As for `of`.
        """
        given = self.of(label).contributions[row]
        order = np.argsort(-np.abs(given), kind="stable")[:n]
        return tuple(
            Reason(column=self.columns[place], contribution=float(given[place]))
            for place in order.tolist()
            if given[place] != 0.0
        )

    def importance(self) -> Importance:
        """Return the mean size of each column's contributions over rows, and classes."""
        sizes = np.abs(self.contributions)
        by_row = sizes if sizes.ndim == 2 else sizes.mean(axis=2)
        n_rows = len(by_row)
        mean = by_row.mean(axis=0) if n_rows else np.zeros(len(self.columns))
        spread = by_row.std(axis=0, ddof=1) if n_rows > 1 else np.zeros(len(self.columns))
        margin = 1.96 * spread / np.sqrt(max(n_rows, 1))
        return Importance.of(
            self.columns,
            mean,
            mean - margin,
            mean + margin,
            what="mean size of the contributions",
            n_rows=n_rows,
        )
