"""XGBoost: gradient boosted trees on histograms, with native categories."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
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

# What the search optimises -> what XGBoost can watch while it learns; greater is better for both.
_WATCHED = {"roc_auc": "auc", "average_precision": "aucpr"}
_ABSOLUTE = {"mae", "median_absolute_error", "mape", "pinball"}

_DEFAULT = {
    "learning_rate": 0.06,
    "max_depth": 5,
    "min_child_weight": 1.0,
    "subsample": 0.8,
    "colsample_bytree": 0.7,
    "colsample_bylevel": 0.9,
    "reg_alpha": 1e-3,
    "reg_lambda": 1.0,
}


class XGBoost:
    """A booster behind scikit-learn's interface, kept and saved in XGBoost's own binary format.

    Parameters
    ----------
    params : dict
        XGBoost's parameters, complete but for the objective.
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
        rounds: int = 200,
        most: int = 2000,
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
    ) -> XGBoost:
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
        values = self.booster_.inplace_predict(X, validate_features=False)
        return np.asarray(values, dtype=np.float64)

    def objective(self) -> dict[str, Any]:
        """Return what to optimise and what to watch, for the classes seen in ``fit``."""
        if self.regression and self.metric in _ABSOLUTE:
            return {"objective": "reg:absoluteerror", "eval_metric": "mae"}
        if self.regression:
            return {"objective": "reg:squarederror", "eval_metric": "rmse"}
        if self.n_classes_ == 2:
            watched = _WATCHED.get(self.metric, "logloss")
            return {"objective": "binary:logistic", "eval_metric": watched}
        return {
            "objective": "multi:softprob",
            "num_class": self.n_classes_,
            "eval_metric": "mlogloss",
        }


def learn(
    estimator: XGBoost,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Add trees until the validation score has not improved for long, or until told to stop."""
    import xgboost as xgb

    if estimator.regression:
        # Penalties on leaves then mean the same in any unit of the target.
        estimator.center_, estimator.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
    else:
        estimator.n_classes_ = int(y.max()) + 1
    objective = estimator.objective()
    kinds = ["c" if i in estimator.categories else "q" for i in range(X.shape[1])]
    shared = {
        "feature_types": kinds,
        "enable_categorical": True,
        "nthread": estimator.params["nthread"],
    }
    bins = estimator.params["max_bin"]
    train = xgb.QuantileDMatrix(X, _target(estimator, y), weight=weight, max_bin=bins, **shared)
    data, sign = [train], 1.0 if objective["eval_metric"] in _WATCHED.values() else -1.0
    if validation is not None:
        held_out = _target(estimator, validation.y)
        data.append(
            xgb.QuantileDMatrix(
                validation.X, held_out, weight=validation.weight, max_bin=bins, ref=train, **shared
            )
        )
    booster = xgb.Booster(estimator.params | objective, data)
    patience = Patience(report, floor=estimator.patience)
    for round_ in range(1, (estimator.rounds if validation is None else estimator.most) + 1):
        booster.update(train, round_ - 1)
        score = None
        if validation is not None:
            said = booster.eval(data[1], "validation", round_ - 1)
            score = sign * float(said.rsplit(":", 1)[1]) * estimator.spread_
        if patience(round_, score):
            break
    best = booster[: max(1, patience.best_round)]
    estimator.booster_ = _reread(best.save_raw("ubj"), estimator.params["nthread"])


def _reread(raw: bytearray, threads: int) -> Any:
    import xgboost as xgb

    booster = xgb.Booster({"nthread": threads})
    booster.load_model(raw)
    return booster


def _target(estimator: XGBoost, y: NDArray[Any]) -> NDArray[Any]:
    return (y - estimator.center_) / estimator.spread_ if estimator.regression else y


def _build(params: Params, context: Context) -> XGBoost:
    chosen = {**_DEFAULT, **params}
    rate = chosen["learning_rate"] * _haste(context)
    chosen |= {
        "learning_rate": rate,
        "tree_method": "hist",
        "max_bin": 256,
        "max_cat_to_onehot": 8,
        "nthread": context.threads,
        "seed": context.seed,
        "verbosity": 0,
    }
    return XGBoost(
        params=chosen,
        regression=context.task == "regression",
        metric=context.metric,
        categories=context.categories,
        rounds=max(20, round(12 / rate)),
        most=max(50, round(100 / rate)),
        patience=max(20, min(60, round(500_000 / context.n_rows))),
    )


def _haste(context: Context) -> float:
    """A tree per class and round: with many classes fewer and larger steps."""
    return min(3.0, max(1.0, context.n_classes / 8))


def _save(fitted: XGBoost, folder: Path) -> None:
    (folder / "model.ubj").write_bytes(fitted.booster_.save_raw("ubj"))
    data = fitted.get_params() | {
        "n_classes": fitted.n_classes_,
        "center": fitted.center_,
        "spread": fitted.spread_,
    }
    (folder / "model.json").write_text(json.dumps(data), encoding="utf-8")


def _load(folder: Path) -> XGBoost:
    data = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    n_classes, center, spread = (data.pop(name) for name in ("n_classes", "center", "spread"))
    fitted = XGBoost(**data | {"categories": tuple(data["categories"])})
    fitted.n_classes_, fitted.center_, fitted.spread_ = n_classes, center, spread
    raw = bytearray((folder / "model.ubj").read_bytes())
    fitted.booster_ = _reread(raw, fitted.params["nthread"])
    return fitted


ALGORITHM = Algorithm(
    name="xgboost",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "category", "missing", "unscaled"}),
    space={
        "learning_rate": Float(0.01, 0.15, log=True),
        "max_depth": Int(3, 10, log=True),
        "min_child_weight": Float(0.001, 20.0, log=True),
        "subsample": Float(0.5, 1.0),
        "colsample_bytree": Float(0.4, 1.0),
        "colsample_bylevel": Float(0.5, 1.0),
        "reg_alpha": Float(1e-4, 5.0, log=True),
        "reg_lambda": Float(1e-3, 10.0, log=True),
    },
    starts=(
        _DEFAULT,
        {
            **_DEFAULT,
            "max_depth": 8,
            "min_child_weight": 0.1,
            "subsample": 0.65,
            "colsample_bytree": 1.0,
            "reg_lambda": 1e-3,
        },
        {
            **_DEFAULT,
            "max_depth": 3,
            "colsample_bytree": 0.6,
            "reg_lambda": 2.0,
            "prepare": {"category": "target_mean"},
        },
    ),
    fit=learn,
    weights=True,
    threads=True,
    imports=("xgboost",),
    cost=1.6,
    promise=0.7,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give XGBoost."""
    return [ALGORITHM]
