"""Algorithms that break on hard tables, or claim what is not so."""

from __future__ import annotations

import threading
from typing import Any

import broken_algorithms as usual
import numpy as np
from broken_algorithms import NUMBER, Sound, Weighing, algorithm

from automl.plugin import Algorithm, Coefficients, Context, Float

REGRESSION = frozenset({"regression"})


class Small(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if len(X) > 5_000:
            raise MemoryError("a matrix of all pairs of rows")
        return super().fit(X, y)


class Varied(Sound):
    """Divides by the spread of a column among the rows that it is asked for."""

    def predict(self, X: Any) -> Any:
        if len(X) > 5 and X.shape[1] > 1 and self.context.names[1] == "number_1":
            spread = np.ptp(X[:, 1])
            return super().predict(X) + (0.0 if spread > 0 else np.nan)
        return super().predict(X)


class Positional(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        names = self.context.names
        if names[0].startswith("date") and any(name.startswith("number") for name in names):
            raise KeyError("the first column is the amount")
        return super().fit(X, y)


class Clipped(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        return super().fit(X, np.clip(y, -1e3, 1e3))


class Locked(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        self.lock_ = threading.Lock()
        return super().fit(X, y)


class Forgetful(Sound):
    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "coef_": self.coef_ * 0.5}


class Capped(Weighing):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Sound:
        weight = None if sample_weight is None else np.minimum(sample_weight, 1.0)
        return super().fit(X, y, sample_weight=weight)


class Whole(Sound):
    """Takes raw numbers, and does not hear of directions."""

    def columns(self, X: Any) -> Any:
        return super().columns(np.nan_to_num(X) / (1e3 + np.abs(np.nan_to_num(X))))


class Exponential(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        self.center_, self.spread_ = X.mean(axis=0), X.std(axis=0) + 1e-9
        self.reach_ = 1e3 * np.abs(X).max()
        return super().fit(X, y)

    def columns(self, X: Any) -> Any:
        return super().columns((X - self.center_) / self.spread_)

    def predict(self, X: Any) -> Any:
        return super().predict(X) + np.where(np.abs(X).max(axis=1) > self.reach_, np.inf, 0.0)


def swallows(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    estimator.fit(X, y)
    for round_ in range(1, 8):
        try:
            if report(round_, None):
                return
        except KeyboardInterrupt:
            return


def narrow(context: Context) -> dict[str, Float]:
    return {"alpha": Float(0.1, 1e5 / context.n_rows - 0.1)}


def roughly(estimator: Sound) -> Any:
    return lambda X: estimator.predict(X) * (1.0 if len(X) == 1 else 1.0001)


def tabled(off: float) -> Any:
    def coefficients(estimator: Sound) -> Coefficients:
        base = estimator.coef_[:1] * (1.0 + off)
        return Coefficients(weights=estimator.coef_[1:, None], base=base)

    return coefficients


BROKEN: dict[str, tuple[str, Algorithm]] = {
    "many rows": ("ten_thousand_rows_are_fine", algorithm(Small)),
    "infinite": (
        "far_away_rows_have_finite_values",
        algorithm(Exponential, tasks=REGRESSION, accepts=NUMBER | {"unscaled"}),
    ),
    "varied rows": (
        "cells_that_training_did_not_have_are_fine",
        algorithm(Varied, tasks=REGRESSION),
    ),
    "first column": ("the_order_of_the_columns_does_not_matter", algorithm(Positional)),
    "units": ("targets_of_any_unit_are_learned", algorithm(Clipped, tasks=REGRESSION)),
    "a lock": ("a_fitted_estimator_can_be_sent", algorithm(Locked)),
    "state lost": (
        "a_fitted_estimator_can_be_sent",
        algorithm(Forgetful, tasks=REGRESSION),
    ),
    "swallows Ctrl-C": ("keyboard_interrupts_pass", algorithm(fit=swallows)),
    "narrow space": ("there_is_a_space_for_every_size", algorithm(space=narrow)),
    "weights capped": ("weights_are_like_repeated_rows", algorithm(Capped, weights=True)),
    "quick and wrong": (
        "the_quick_way_says_the_same",
        algorithm(tasks=REGRESSION, quick=roughly),
    ),
    "another table": (
        "the_table_says_the_same",
        algorithm(tasks=REGRESSION, coefficients=tabled(off=0.1)),
    ),
    "a lost walk": (
        "the_walk_goes_where_the_splits_say",
        algorithm(walk=lambda trees: lambda row: np.zeros(len(trees.sizes))),
    ),
    "no direction": (
        "directions_are_kept",
        algorithm(Whole, accepts=NUMBER | {"missing", "unscaled"}, monotonic=True),
    ),
    "no bytes": (
        "the_estimate_of_memory_is_a_number",
        algorithm(memory=lambda context, params: 1e9 - context.n_rows * 1e4),
    ),
}

SOUND: dict[str, Algorithm] = {
    "plain": algorithm(),
    "weights": algorithm(Weighing, weights=True),
    "rounds": algorithm(fit=usual.in_rounds),
    "quick": algorithm(
        tasks=REGRESSION,
        quick=lambda estimator: estimator.predict,
        memory=lambda context, params: 9.0,
    ),
    "table": algorithm(tasks=REGRESSION, coefficients=tabled(off=0.0)),
    "walk": algorithm(walk=lambda trees: lambda row: trees.walk(row[None])[0]),
    "space": algorithm(space=lambda context: {"alpha": Float(0.1, 1.0 + context.n_rows)}),
}
"""Algorithms that claim the same, truly."""
