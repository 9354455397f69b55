"""A sound algorithm, and algorithms that break one property each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from automl.plugin import Algorithm, Context, Float, Saved


class Sound:
    """Ridge regression, on codes of classes as well."""

    def __init__(self, context: Context, alpha: float = 0.1) -> None:
        self.context, self.alpha = context, alpha

    def fit(self, X: Any, y: Any) -> Sound:
        return self.learn(X, y, np.ones(len(y)))

    def learn(self, X: Any, y: Any, weight: Any) -> Sound:
        Z = self.columns(X)
        goal = np.eye(self.context.n_classes)[y] if self.context.n_classes else y.astype(float)
        left = (Z * weight[:, None]).T @ Z + (self.alpha + 1e-3) * np.eye(Z.shape[1])
        self.coef_ = np.linalg.solve(left, (Z * weight[:, None]).T @ goal)
        return self

    def columns(self, X: Any) -> Any:
        return np.column_stack([np.ones(len(X)), X])

    def predict(self, X: Any) -> Any:
        return self.columns(X) @ self.coef_

    def predict_proba(self, X: Any) -> Any:
        values = np.clip(self.predict(X), 1e-3, None)
        return values / values.sum(axis=1, keepdims=True)


def save(fitted: Sound, folder: Path) -> None:
    np.save(folder / "coef.npy", fitted.coef_)


def load(folder: Path) -> Sound:
    loaded = Sound(Context(task="", n_classes=0, n_rows=0, n_columns=0))
    loaded.coef_ = np.load(folder / "coef.npy")
    return loaded


def algorithm(estimator: Any = Sound, **changes: Any) -> Algorithm:
    def build(params: Any, context: Context) -> Any:
        return estimator(context, **params)

    sound = Algorithm(
        name="some_ridge",
        tasks=frozenset({"binary", "regression"}),
        build=build,
        space={"alpha": Float(0.0, 10.0)},
        starts=({}, {"alpha": 1.0}),
        saved=None,
    )
    return replace(sound, **changes)


class Picky(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if self.alpha == 1.0:
            raise ValueError("not with 1")
        return super().fit(X, y)


class Cornered(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if self.alpha == 0.0:
            raise ValueError("not with 0")
        return super().fit(X, y)


def pops(params: Any, context: Context) -> Any:
    return Sound(context, params.pop("alpha", 0.1))


def once(params: Any, context: Context) -> Any:
    key = (context, tuple(params.items()))
    return _ONCE.setdefault(key, Sound(context, **params))


_ONCE: dict[Any, Any] = {}


class Writing(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        X -= X.mean(axis=0)
        return super().fit(X, y)

    def columns(self, X: Any) -> Any:
        return super().columns(X - X.mean(axis=0) * 0)


class Seeding(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        np.random.seed(self.context.seed)
        return super().fit(X, y)


class Printing(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        print("learning ...")
        return super().fit(X, y)


class Endless(Sound):
    def predict(self, X: Any) -> Any:
        values = super().predict(X)
        values[X[:, 0] > -99] = np.nan
        return values


class Unnormal(Sound):
    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X) * 2


class Reversed(Sound):
    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X)[:, ::-1]


class Blind(Sound):
    def columns(self, X: Any) -> Any:
        return np.ones((len(X), 1))


class Batchy(Sound):
    def predict(self, X: Any) -> Any:
        return super().predict(X - 0.1 * (X.mean(axis=0) - X[0]))


class Unseeded(Sound):
    def learn(self, X: Any, y: Any, weight: Any) -> Sound:
        super().learn(X, y, weight)
        self.coef_ *= 1 + np.random.default_rng().normal(scale=1e-6, size=self.coef_.shape)
        return self


class Counting(Sound):
    calls = 0

    def predict(self, X: Any) -> Any:
        self.calls += 1
        return super().predict(X) * (1 + 1e-9 * self.calls)

    def predict_proba(self, X: Any) -> Any:
        values = super().predict_proba(X)
        values[:, 0] -= 1e-9 * self.calls
        return values


class Single(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if self.context.threads > 1:
            raise RuntimeError("one thread only")
        return super().fit(X, y)


class Complete(Sound):
    def columns(self, X: Any) -> Any:
        if np.isnan(X).any():
            raise ValueError("Input contains NaN.")
        return super().columns(X)


class Dense(Sound):
    def columns(self, X: Any) -> Any:
        if not isinstance(X, np.ndarray):
            raise TypeError("a dense array is required")
        return super().columns(X)


class Weightless(Sound):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Sound:
        return super().fit(X, y)


class Weighing(Sound):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Sound:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        return super().learn(X, y, weight)


class Strata(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if self.context.n_classes and np.bincount(y).min() < 2:
            raise ValueError("The least populated class has only 1 member")
        return super().fit(X, y)


class Varied(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if np.mean(np.ptp(X, axis=0) == 0) > 0.7:
            raise ValueError("all features are constant")
        return super().fit(X, y)


class Wide(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if X.shape[1] == 1:
            raise IndexError("index 1 is out of bounds")
        return super().fit(X, y)


class Many(Sound):
    def fit(self, X: Any, y: Any) -> Sound:
        if len(X) < 10:
            raise ValueError("n_neighbors=10 > n_samples")
        return super().fit(X, y)


def in_rounds(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    estimator.fit(X, y)
    for round_ in range(1, 8):
        if report(round_, None):
            return


def deaf(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    estimator.fit(X, y)
    for round_ in range(1, 8):
        report(round_, None)


def from_zero(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    estimator.fit(X, y)
    for round_ in range(8):
        if report(round_, None):
            return


def needs_validation(
    estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any
) -> None:
    estimator.fit(X, y)
    for round_ in range(1, 8):
        if report(round_, float(np.mean(estimator.predict(validation.X)))):
            return


def swallows(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    estimator.fit(X, y)
    for round_ in range(1, 8):
        try:
            if report(round_, None):
                return
        except Exception:
            return


def save_roughly(fitted: Sound, folder: Path) -> None:
    np.save(folder / "coef.npy", fitted.coef_.astype(np.float16))


def load_nothing(folder: Path) -> Sound:
    raise FileNotFoundError("nothing was saved")


NUMBER = frozenset({"number"})

BROKEN: dict[str, tuple[str, Algorithm]] = {
    "unknown task": (
        "an_installed_task_is_served",
        algorithm(tasks=frozenset({"clustering"})),
    ),
    "unknown import": ("its_imports_are_there", algorithm(imports=("surely.not.there",))),
    "tuples": (
        "params_survive_json",
        algorithm(
            build=lambda params, context: Sound(context),
            starts=({"layers": (1, 2)},),
        ),
    ),
    "objects": (
        "params_survive_json",
        algorithm(
            build=lambda params, context: Sound(context),
            starts=({}, {"layers": {3: 4}}),
        ),
    ),
    "start that fails": ("every_start_fits", algorithm(Picky)),
    "corner that fails": ("corners_of_the_space_fit", algorithm(Cornered)),
    "unknown parameter": (
        "corners_of_the_space_fit",
        algorithm(space={"alpha": Float(0.1, 1.0), "betta": Float(0.1, 1.0)}),
    ),
    "params popped": ("build_leaves_params_alone", algorithm(build=pops)),
    "one object": ("build_leaves_params_alone", algorithm(build=once)),
    "writes into X": ("inputs_stay_untouched", algorithm(Writing)),
    "seeds NumPy": ("global_state_stays_untouched", algorithm(Seeding)),
    "prints": ("nothing_is_printed", algorithm(Printing)),
    "NaN": ("values_are_right", algorithm(Endless, tasks=frozenset({"regression"}))),
    "probabilities of 2": ("values_are_right", algorithm(Unnormal)),
    "columns swapped": ("classes_are_in_order", algorithm(Reversed)),
    "a constant": ("a_constant_is_beaten", algorithm(Blind)),
    "looks at the batch": ("one_row_gives_what_the_batch_gives", algorithm(Batchy)),
    "unseeded": ("the_same_seed_gives_the_same_values", algorithm(Unseeded)),
    "learns when asked": ("asking_changes_nothing", algorithm(Counting)),
    "threads": ("two_threads_fit", algorithm(Single, threads=True)),
    "missing": ("missing_cells_are_accepted", algorithm(Complete, accepts=NUMBER | {"missing"})),
    "sparse": ("sparse_matrices_are_accepted", algorithm(Dense, accepts=NUMBER | {"sparse"})),
    "weights ignored": ("weights_are_like_repeated_rows", algorithm(Weightless, weights=True)),
    "weights hidden": ("weights_are_declared", algorithm(Weighing)),
    "does not stop": ("learning_stops_when_told", algorithm(fit=deaf)),
    "rounds from 0": ("every_round_is_reported", algorithm(fit=from_zero)),
    "needs validation": ("validation_rows_are_optional", algorithm(fit=needs_validation)),
    "swallows interrupts": ("interrupts_pass", algorithm(fit=swallows)),
    "stratifies": ("a_class_of_one_row_is_fine", algorithm(Strata)),
    "constant columns": ("constant_columns_are_fine", algorithm(Varied)),
    "one column": ("one_column_is_fine", algorithm(Wide)),
    "few rows": ("few_rows_are_fine", algorithm(Many)),
}

SLOW_BROKEN: dict[str, tuple[str, Algorithm]] = {
    "saved roughly": (
        "a_saved_model_loads_elsewhere",
        algorithm(saved=Saved(save=save_roughly, load=load), tasks=frozenset({"regression"})),
    ),
    "not loadable": (
        "a_saved_model_loads_elsewhere",
        algorithm(saved=Saved(save=save, load=load_nothing)),
    ),
    "types not declared": ("a_saved_model_loads_elsewhere", algorithm(saved=())),
}
"""These start a new process, or ask skops."""
