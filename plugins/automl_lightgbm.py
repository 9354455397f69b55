"""LightGBM: gradient boosted trees on histograms, with native categories and sparse matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
    Choice,
    Code,
    Context,
    Float,
    Int,
    Params,
    Patience,
    Report,
    Saved,
    Trees,
    Validation,
    counted_inside,
    hookimpl,
)
from automl_boosting import (
    ABSOLUTE,
    FEATURES,
    Boosted,
    average,
    haste,
    read_facts,
    standardised,
    watched_metric,
    write_facts,
)
from automl_lightgbm_trees import SingleRows, read, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# What the search optimises -> what LightGBM can watch while it learns; greater is better for both.
_WATCHED = {"roc_auc": "auc", "average_precision": "average_precision"}

NEAR = 200
"""Trees that stay in the processor's cache: 200 to 400 are best, of 1,000 small trees to 10,000."""

MANY = 20_000_000
"""Rows times trees from which on parts are worth making: eight times faster with 10,000 trees."""

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


# LightGBM's names -> those of its scikit-learn interface; None where that has no need of it.
_RENAMED = {
    "min_data_in_leaf": "min_child_samples",
    "feature_fraction": "colsample_bytree",
    "bagging_fraction": "subsample",
    "bagging_freq": "subsample_freq",
    "lambda_l1": "reg_alpha",
    "lambda_l2": "reg_lambda",
    "seed": "random_state",
    "num_threads": None,
    "device_type": None,
}


class LightGBM(Boosted):
    """LightGBM behind scikit-learn's interface, saved as its own model text."""

    _parts_of: Any = None
    _made: list[Any]

    def _raw(self, X: Any) -> NDArray[np.float64]:
        threads = self.params["num_threads"]
        if X.shape[0] * self.model_.num_trees() < MANY:
            return np.asarray(self.model_.predict(X, num_threads=threads))
        parts = self._parts()
        outputs = parts[0].predict(X, raw_score=True, num_threads=threads)
        for part in parts[1:]:
            outputs += part.predict(X, raw_score=True, num_threads=threads)
        if self.link == "none":
            return np.asarray(outputs)
        if self.link == "logistic":
            return np.asarray(0.5 * (1.0 + np.tanh(0.5 * outputs)))
        shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _parts(self) -> list[Any]:
        """Return boosters of some trees each, made once.

        LightGBM takes each row through all trees, and waits for memory where they are many. To ask
        one booster for a part of its trees would change what it says in other threads.
        """
        import lightgbm as lgb

        whole, step = self.model_, max(1, NEAR // self.n_outputs)
        if self._parts_of is not whole:
            self._made = [
                lgb.Booster(model_str=whole.model_to_string(num_iteration=step, start_iteration=i))
                for i in range(0, whole.current_iteration(), step)
            ]
            self._parts_of = whole
        return self._made

    def objective(self) -> dict[str, Any]:
        """Return what to optimise and what to watch, for the classes seen in ``fit``."""
        if self.regression:
            loss = "l1" if self.metric in ABSOLUTE else "l2"
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
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Add trees until the validation score has not improved for long, or until told to stop."""
        import lightgbm as lgb

        self.look_at(y)
        objective = self.objective()
        params = self.params | objective
        train = lgb.Dataset(
            X,
            self.target(y),
            weight=weight,
            categorical_feature=list(self.categories),
            params=params,
        )
        booster = lgb.Booster(params, train)
        rounds, sign = self.rounds, 1.0 if objective["metric"] in _WATCHED.values() else -1.0
        if validation is not None:
            held_out = train.create_valid(
                validation.X, self.target(validation.y), weight=validation.weight, params=params
            )
            booster.add_valid(held_out, "validation")
            rounds = self.most
        patience = Patience(report, floor=self.patience)
        for round_ in range(1, rounds + 1):
            exhausted = booster.update()
            score = None
            if validation is not None:
                score = sign * booster.eval_valid()[0][2] * self.spread_
            if patience(round_, score) or exhausted:
                break
        text = booster.model_to_string(num_iteration=patience.best_round)
        self.model_ = lgb.Booster(model_str=text)


def _build(params: Params, context: Context) -> LightGBM:
    chosen = {**_DEFAULT, **params}
    rate = chosen["learning_rate"] * haste(context)
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
        "device_type": context.device.partition(":")[0],
    }
    if any(context.monotonic):
        chosen |= {
            "monotone_constraints": list(context.monotonic),
            "monotone_constraints_method": "intermediate",
        }
    return LightGBM(
        params=chosen,
        regression=context.task == "regression",
        metric=watched_metric(context),
        categories=context.categories,
        rounds=max(30, round(12 / rate)),
        most=max(50, round(100 / rate)),
        patience=max(20, min(100, round(1_000_000 / context.n_rows))),
    )


def trees(estimator: LightGBM) -> Trees | None:
    """Return what was learned as a table."""
    return read(
        estimator.model_.model_to_string(),
        scale=estimator.spread_,
        base=np.full(estimator.n_outputs, estimator.center_),
        link=estimator.link,
    )


def quick(estimator: LightGBM) -> Callable[[Any], Any]:
    """Return the same values by LightGBM's functions for single rows."""
    booster, width = estimator.model_, estimator.n_outputs
    single = SingleRows(booster, booster.num_feature(), width, leaves=False)

    def values(X: NDArray[np.float64]) -> NDArray[np.float64]:
        said = np.array([single(row).copy() for row in X]).reshape(len(X), width)
        if estimator.regression:
            return said[:, 0] * estimator.spread_ + estimator.center_
        return np.concatenate((1.0 - said, said), axis=1) if width == 1 else said

    return values


def code(estimators: Sequence[LightGBM]) -> Code:
    """Return the call of LightGBM's own estimator."""
    first = estimators[0]
    rounds = average(one.model_.num_trees() // one.n_outputs for one in estimators)
    named = {_RENAMED.get(name, name): value for name, value in first.params.items()}
    kwargs = {"n_estimators": rounds, **{str(name): v for name, v in named.items() if name}}
    if not first.regression:
        return Code(place="lightgbm:LGBMClassifier", kwargs=kwargs)
    if first.objective()["objective"] == "l1":
        kwargs["objective"] = "regression_l1"
    return standardised(Code(place="lightgbm:LGBMRegressor", kwargs=kwargs))


def _save(fitted: LightGBM, folder: Path) -> None:
    (folder / "model.txt").write_text(fitted.model_.model_to_string(), encoding="utf-8")
    write_facts(fitted, folder)


def _load(folder: Path) -> LightGBM:
    import lightgbm as lgb

    fitted = read_facts(LightGBM, folder)
    text = (folder / "model.txt").read_text(encoding="utf-8")
    if "\nend of trees" not in text or "\nend of parameters" not in text:
        raise ValueError("the model is cut off")  # LightGBM would end the process
    fitted.model_ = lgb.Booster(model_str=text)
    return fitted


# Text and strings dense: n-grams are for linear models, here they cost too much for a first try.
_DENSE = {"text": "text_score", "string": "target_mean_string"}

_STARTS = (
    {**_DEFAULT, "prepare": _DENSE},
    {**_DEFAULT, "prepare": {**_DENSE, **FEATURES}},
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
    fit=counted_inside(LightGBM.learn, "rounds"),
    weights=True,
    threads=True,
    monotonic=True,
    devices=frozenset({"cpu", "cuda", "gpu"}),
    quick=quick,
    trees=trees,
    code=code,
    walk=walk,
    imports=("lightgbm",),
    cost=1.0,
    by_class=True,
    promise=0.9,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give LightGBM."""
    return [ALGORITHM]
