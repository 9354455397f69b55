"""LightGBM: gradient boosted trees on histograms, with native categories and sparse matrices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
    Choice,
    Context,
    Float,
    Int,
    Params,
    Patience,
    Report,
    Saved,
    Validation,
    hookimpl,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# What the search optimises -> what LightGBM can watch while it learns; greater is better for both.
_WATCHED = {"roc_auc": "auc", "average_precision": "average_precision"}
_ABSOLUTE = {"mae", "median_absolute_error", "mape", "pinball"}

_DEFAULT = {
    "learning_rate": 0.04,
    "num_leaves": 32,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "extra_trees": False,
    "lambda_l1": 1e-3,
    "lambda_l2": 1.0,
    "cat_l2": 1.0,
    "cat_smooth": 10.0,
}


class LightGBM:
    """A booster behind scikit-learn's interface, kept and saved as LightGBM's own model text.

    Parameters
    ----------
    params : dict
        LightGBM's parameters, complete but for the objective.
    regression : bool
    metric : str
        Name of the metric that the search optimises.
    categories : tuple of int
        Columns that hold category codes.
    rounds : int
        Rounds to learn where no validation rows are given.
    most : int
        Rounds to learn at most.
    patience : int
        Rounds without improvement that are always granted.
    """

    def __init__(
        self,
        *,
        params: dict[str, Any],
        regression: bool,
        metric: str = "",
        categories: tuple[int, ...] = (),
        rounds: int = 300,
        most: int = 1500,
        patience: int = 20,
    ) -> None:
        self.params = params
        self.regression = regression
        self.metric = metric
        self.categories = categories
        self.rounds = rounds
        self.most = most
        self.patience = patience
        self.n_classes_ = 0
        self.center_, self.spread_ = 0.0, 1.0
        self.booster_: Any = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        names = ("params", "regression", "metric", "categories", "rounds", "most", "patience")
        return {name: getattr(self, name) for name in names}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> LightGBM:
        """Learn a fixed number of rounds."""
        learn(self, X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class."""
        values = self._raw(X)
        return np.column_stack((1.0 - values, values)) if values.ndim == 1 else values

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return self._raw(X) * self.spread_ + self.center_
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _raw(self, X: Any) -> NDArray[np.float64]:
        return np.asarray(self.booster_.predict(X, num_threads=self.params["num_threads"]))

    def objective(self) -> dict[str, Any]:
        """Return what to optimise and what to watch, for the classes seen in ``fit``."""
        if self.regression:
            loss = "l1" if self.metric in _ABSOLUTE else "l2"
            return {"objective": loss, "metric": "rmse" if loss == "l2" else "l1"}
        if self.n_classes_ == 2:
            watched = _WATCHED.get(self.metric, "binary_logloss")
            return {"objective": "binary", "metric": watched}
        return {
            "objective": "multiclass",
            "num_class": self.n_classes_,
            "metric": "multi_logloss",
        }


def learn(
    estimator: LightGBM,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Add trees until the validation score has not improved for long, or until told to stop."""
    import lightgbm as lgb

    if estimator.regression:
        # Penalties on leaves then mean the same in any unit of the target.
        estimator.center_, estimator.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
    else:
        estimator.n_classes_ = int(y.max()) + 1
    objective = estimator.objective()
    params = estimator.params | objective
    train = lgb.Dataset(
        X,
        _target(estimator, y),
        weight=weight,
        categorical_feature=list(estimator.categories),
        params=params,
    )
    booster = lgb.Booster(params, train)
    rounds, sign = estimator.rounds, 1.0 if objective["metric"] in _WATCHED.values() else -1.0
    if validation is not None:
        held_out = train.create_valid(
            validation.X,
            _target(estimator, validation.y),
            weight=validation.weight,
            params=params,
        )
        booster.add_valid(held_out, "validation")
        rounds = estimator.most
    patience = Patience(report, floor=estimator.patience)
    for round_ in range(1, rounds + 1):
        exhausted = booster.update()
        score = None
        if validation is not None:
            score = sign * booster.eval_valid()[0][2] * estimator.spread_
        if patience(round_, score) or exhausted:
            break
    text = booster.model_to_string(num_iteration=patience.best_round)
    estimator.booster_ = lgb.Booster(model_str=text)


def _target(estimator: LightGBM, y: NDArray[Any]) -> NDArray[Any]:
    return (y - estimator.center_) / estimator.spread_ if estimator.regression else y


def _build(params: Params, context: Context) -> LightGBM:
    chosen = {**_DEFAULT, **params}
    rate = chosen["learning_rate"] * _haste(context)
    leaf = chosen["min_data_in_leaf"]
    chosen |= {
        "learning_rate": rate,
        "min_data_in_leaf": max(1, min(leaf, context.n_rows // 8)),
        "bagging_freq": 1,
        # A column of few levels is split level by level, and small groups count: LightGBM's own
        # defaults are made for large tables and lose to plain codes on small ones.
        "max_cat_to_onehot": 16,
        "min_data_per_group": 10,
        "num_threads": context.threads,
        "seed": context.seed,
        "deterministic": True,
        "force_col_wise": True,
        "feature_pre_filter": False,
        "verbosity": -1,
    }
    return LightGBM(
        params=chosen,
        regression=context.task == "regression",
        metric=context.metric,
        categories=context.categories,
        rounds=max(30, round(12 / rate)),
        most=max(50, round(100 / rate)),
        patience=max(20, min(100, round(1_000_000 / context.n_rows))),
    )


def _haste(context: Context) -> float:
    """A tree per class and round: with many classes fewer and larger steps."""
    return min(3.0, max(1.0, context.n_classes / 8))


def _save(fitted: LightGBM, folder: Path) -> None:
    (folder / "model.txt").write_text(fitted.booster_.model_to_string(), encoding="utf-8")
    data = fitted.get_params() | {
        "n_classes": fitted.n_classes_,
        "center": fitted.center_,
        "spread": fitted.spread_,
    }
    (folder / "model.json").write_text(json.dumps(data), encoding="utf-8")


def _load(folder: Path) -> LightGBM:
    import lightgbm as lgb

    data = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    n_classes, center, spread = (data.pop(name) for name in ("n_classes", "center", "spread"))
    fitted = LightGBM(**data | {"categories": tuple(data["categories"])})
    fitted.n_classes_, fitted.center_, fitted.spread_ = n_classes, center, spread
    text = (folder / "model.txt").read_text(encoding="utf-8")
    fitted.booster_ = lgb.Booster(model_str=text)
    return fitted


# Text and strings dense: n-grams are for linear models, here they cost too much for a first try.
_DENSE = {"text": "text_score", "string": "target_mean_string"}

_STARTS = (
    {**_DEFAULT, "prepare": _DENSE},
    {
        **_DEFAULT,
        "learning_rate": 0.05,
        "num_leaves": 8,
        "min_data_in_leaf": 10,
        "feature_fraction": 0.5,
        "lambda_l2": 5.0,
        "prepare": {**_DENSE, "category": "target_mean"},
    },
    {
        **_DEFAULT,
        "num_leaves": 100,
        "min_data_in_leaf": 3,
        "feature_fraction": 0.9,
        "bagging_fraction": 0.7,
        "prepare": {**_DENSE, "text": "text_svd"},
    },
    {
        **_DEFAULT,
        "learning_rate": 0.06,
        "num_leaves": 40,
        "min_data_in_leaf": 4,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.9,
        "extra_trees": True,
        "prepare": {**_DENSE, "category": "ordinal"},
    },
    {
        **_DEFAULT,
        "learning_rate": 0.03,
        "num_leaves": 64,
        "min_data_in_leaf": 10,
        "feature_fraction": 0.5,
        "lambda_l1": 0.5,
        "prepare": _DENSE,
    },
)

ALGORITHM = Algorithm(
    name="lightgbm",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "category", "missing", "unscaled", "sparse"}),
    space={
        "learning_rate": Float(0.005, 0.1, log=True),
        "num_leaves": Int(4, 200, log=True),
        "min_data_in_leaf": Int(1, 64, log=True),
        "feature_fraction": Float(0.4, 1.0),
        "bagging_fraction": Float(0.7, 1.0),
        "extra_trees": Choice(False, True),
        "lambda_l1": Float(1e-4, 1.0, log=True),
        "lambda_l2": Float(1e-3, 10.0, log=True),
        "cat_l2": Float(0.005, 20.0, log=True),
        "cat_smooth": Float(0.001, 100.0, log=True),
    },
    starts=_STARTS,
    fit=learn,
    weights=True,
    threads=True,
    imports=("lightgbm",),
    cost=1.0,
    promise=0.9,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give LightGBM."""
    return [ALGORITHM]
