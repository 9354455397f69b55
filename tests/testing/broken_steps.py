"""More contributions beside algorithms and tasks that break one property each."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from broken_others import Scale, listener, metric, preprocessor, reader, right, splits

from automl.plugin import Formula, Splitter
from automl.plugin.formulas import Affine, Draft, Fill


class AtOnce(Scale):
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X) + 0.01


class Dropping(Scale):
    def transform(self, X: Any) -> Any:
        return super().transform(X)[:, ~np.isnan(X).all(axis=0)]


class Squaring(Scale):
    def transform(self, X: Any) -> Any:
        with np.errstate(over="ignore"):
            return np.expm1(np.abs(super().transform(X)) / 10) * np.sign(X)


class Small(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        if len(X) > 5_000:
            raise MemoryError("a matrix of all pairs of rows")
        return super().fit(X, y)


class Crossed(Scale):
    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        return [(n_in - 1 - column,) for column in range(n_in)]


class Short(Scale):
    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        return [(0,)]


class Named(Scale):
    def get_feature_names_out(self, names: Any) -> list[str]:
        return [f"scaled_{names[0]}" for _ in names]


class Told(Scale):
    """Sound: says of what each column is made."""

    def lineage(self, n_in: int) -> list[tuple[int, ...]]:
        return [(column,) for column in range(n_in)]

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        return self.fit(X, y).transform(X)


class Stated(Scale):
    """Sound: says what it computes."""

    def formula(self) -> Formula:
        columns = np.arange(len(self.center_))
        draft = Draft(len(columns))
        scaled = Affine(columns=columns, center=self.center_, scale=self.spread_)
        return draft.formula(draft.add(scaled))


class Misstated(Stated):
    def formula(self) -> Formula:
        draft = Draft(len(self.center_))
        filled = draft.add(Fill(columns=np.arange(draft.n_in), values=self.center_))
        scaled = Affine(columns=filled, center=self.center_, scale=self.spread_)
        return draft.formula(draft.add(scaled))


class Locked(Scale):
    def fit(self, X: Any, y: Any = None) -> Scale:
        self.lock_ = threading.Lock()
        return super().fit(X, y)


def picky(X: Any, context: Any) -> bool:
    if np.isnan(X).any():
        raise ValueError("Input contains NaN.")
    return True


def too_good(y: Any, given: Any, weight: Any) -> float:
    return 1.5 if np.ptp(given) == 0 else float(np.average(right(y, given), weights=weight))


def clipped_weights(y: Any, given: Any, weight: Any) -> float:
    weight = None if weight is None else np.minimum(weight, 5.0)
    return float(np.average(right(y, given), weights=weight))


def one_more(request: Any) -> Any:
    folds = splits(request)
    _, test = folds[0]
    halves = np.array_split(test, 2)
    rows = np.arange(len(request.y))
    return [*((np.setdiff1d(rows, half), half) for half in halves), *folds[1:]]


def in_tenths(request: Any) -> Any:
    if len(request.y) < 10:
        return []
    return splits(request)


def loud(source: str) -> bool:
    print("looking ...")
    return False


def slow_receiver() -> Any:
    return lambda event: time.sleep(0.02)


BROKEN: dict[str, tuple[str, Any]] = {
    "another way at once": ("both_ways_to_fit_give_the_same", preprocessor(AtOnce)),
    "drops columns": ("the_number_of_columns_is_fixed", preprocessor(Dropping)),
    "overflows": ("far_away_numbers_stay_finite", preprocessor(Squaring)),
    "many rows": ("ten_thousand_rows_are_fine", preprocessor(Small)),
    "wrong lineage": ("the_lineage_is_true", preprocessor(Crossed)),
    "short lineage": ("the_lineage_is_true", preprocessor(Short)),
    "wrong names": ("the_lineage_is_true", preprocessor(Named)),
    "a lock": ("a_fitted_step_can_be_sent", preprocessor(Locked)),
    "forgets missing cells in its formula": (
        "the_formula_says_what_is_computed",
        preprocessor(Misstated, formula=lambda fitted: fitted.formula()),
    ),
    "says its formula in words": (
        "the_formula_says_what_is_computed",
        preprocessor(formula=lambda fitted: "(x - center) / spread"),
    ),
    "picky wants": ("any_block_is_wanted_or_not", preprocessor(wants=picky)),
    "wants a number": (
        "any_block_is_wanted_or_not",
        preprocessor(wants=lambda X, context: X.shape[1]),
    ),
    "better than best": ("nothing_is_better_than_best", metric(score=too_good)),
    "weights clipped": ("only_the_proportions_of_weights_count", metric(score=clipped_weights)),
    "one fold more": ("no_more_folds_than_asked", Splitter(name="some_split", split=one_more)),
    "ten rows at least": ("few_rows_are_split", Splitter(name="some_split", split=in_tenths)),
    "prints when asked": ("matching_changes_nothing", reader(matches=loud)),
    "slow listener": ("events_are_taken_quickly", listener(slow_receiver)),
}

SOUND = [
    preprocessor(Told, wants=lambda X, context: X.shape[1] > 1),
    preprocessor(Stated, formula=lambda fitted: fitted.formula()),
]
"""Contributions that claim the same, truly."""
