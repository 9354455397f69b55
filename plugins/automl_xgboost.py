"""XGBoost: gradient boosted trees on histograms, with native categories."""

from __future__ import annotations

import json
import tempfile
import warnings
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
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
    rounded,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# What the search optimises -> what XGBoost can watch while it learns; greater is better for both.
_WATCHED = {"roc_auc": "auc", "average_precision": "aucpr"}

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


class XGBoost(Boosted):
    """XGBoost behind scikit-learn's interface, saved in its own binary format."""

    def _raw(self, X: Any) -> NDArray[np.float64]:
        values = self.model_.inplace_predict(X, validate_features=False)
        return np.asarray(values, dtype=np.float64)

    def objective(self) -> dict[str, Any]:
        """Return what to optimise and what to watch, for the classes seen in ``fit``."""
        if self.regression and self.metric in ABSOLUTE:
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
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Add trees until the validation score has not improved for long, or until told to stop."""
        import xgboost as xgb

        self.look_at(y)
        objective = self.objective()
        shared = {
            "feature_types": ["c" if i in self.categories else "q" for i in range(X.shape[1])],
            "enable_categorical": True,
            "nthread": self.params["nthread"],
            "max_bin": self.params["max_bin"],
        }
        train = xgb.QuantileDMatrix(X, self.target(y), weight=weight, **shared)
        data, sign = [train], 1.0 if objective["eval_metric"] in _WATCHED.values() else -1.0
        if validation is not None:
            held_out = self.target(validation.y)
            data.append(
                xgb.QuantileDMatrix(
                    validation.X, held_out, weight=validation.weight, ref=train, **shared
                )
            )
        booster = xgb.Booster(self.params | objective, data)
        if self.params["device"] != "cpu":
            _refuse_fallback(booster, self.params["device"])
        patience = Patience(report, floor=self.patience)
        for round_ in range(1, (self.rounds if validation is None else self.most) + 1):
            booster.update(train, round_ - 1)
            score = None
            if validation is not None:
                said = booster.eval(data[1], "validation", round_ - 1)
                score = sign * float(said.rsplit(":", 1)[1]) * self.spread_
            if patience(round_, score):
                break
        best = booster[: max(1, patience.best_round)]
        self.model_ = _reread(best.save_raw("ubj"), self.params["nthread"])


def _refuse_fallback(booster: Any, wanted: str) -> None:
    """Without a GPU XGBoost only warns, once a process, and learns on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        used = json.loads(booster.save_config())["learner"]["generic_param"]["device"]
    if used == "cpu":
        raise RuntimeError(f"XGBoost was asked for {wanted!r} and found no GPU that it can use.")


def _reread(raw: bytearray, threads: int) -> Any:
    import xgboost as xgb

    booster = xgb.Booster({"nthread": threads})
    booster.load_model(raw)
    return booster


def _build(params: Params, context: Context) -> XGBoost:
    chosen = {**_DEFAULT, **params}
    rate = chosen["learning_rate"] * haste(context)
    chosen |= {
        "learning_rate": rate,
        "tree_method": "hist",
        "max_bin": 256,
        "max_cat_to_onehot": 8,
        "nthread": context.threads,
        "seed": context.seed,
        "verbosity": 0,
        "device": context.device,
    }
    if any(context.monotonic):
        chosen["monotone_constraints"] = str(context.monotonic)
    return XGBoost(
        params=chosen,
        regression=context.task == "regression",
        metric=watched_metric(context),
        categories=context.categories,
        rounds=max(20, round(12 / rate)),
        most=max(50, round(100 / rate)),
        patience=max(20, min(60, round(500_000 / context.n_rows))),
    )


def trees(estimator: XGBoost) -> Trees | None:
    """Return what was learned as a table."""
    learner = _as_json(estimator.model_)["learner"]
    model = learner["gradient_booster"]["model"]
    if any(int(tree["tree_param"]["num_deleted"]) for tree in model["trees"]):
        return None
    found = model["trees"]
    starts = np.cumsum([0, *(len(tree["left_children"]) for tree in found)])
    sets = {
        int(start) + node: codes
        for start, tree in zip(starts, found, strict=False)
        for node, codes in _codes(tree)
    }
    start = np.ravel(json.loads(learner["learner_model_param"]["base_score"])).astype(np.float64)
    if estimator.link == "logistic":
        start = np.log(start) - np.log1p(-start)
    scale, shift = estimator.spread_, estimator.center_
    nodes = _nodes(found)
    return Trees.of_nodes(
        starts[:-1],
        nodes | {"value": scale * nodes["value"]},
        output=np.array(model["tree_info"], dtype=np.int32),
        base=scale * np.broadcast_to(start, estimator.n_outputs) + shift,
        link=estimator.link,
        sets=sets,
    )


def _as_json(booster: Any) -> dict[str, Any]:
    """Return what a booster learned, by a file.

    What ``save_raw`` gives stays in memory for as long as the thread that asked, unless that thread
    is also the one that lets the booster go: a server that changes its model would grow.
    """
    with tempfile.TemporaryDirectory(prefix="automl-xgboost-", ignore_cleanup_errors=True) as name:
        place = Path(name) / "model.json"
        booster.save_model(place)
        found: dict[str, Any] = json.loads(place.read_bytes())
    return found


def _nodes(trees: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return the nodes of all trees; XGBoost sends what is in a set right, all else left."""

    def joined(name: str, dtype: Any) -> NDArray[Any]:
        return np.fromiter(chain.from_iterable(tree[name] for tree in trees), dtype=dtype)

    by_code = joined("split_type", np.int8).astype(bool)
    left, right = joined("left_children", np.int64), joined("right_children", np.int64)
    missing = joined("default_left", np.int8).astype(bool)
    conditions = joined("split_conditions", np.float64).astype(np.float32)
    return {
        "left": np.where(by_code, right, left),
        "right": np.where(by_code, left, right),
        "feature": joined("split_indices", np.int64),
        "threshold": rounded(conditions, strict=True),
        "missing_left": missing ^ by_code,
        "value": conditions.astype(np.float64),
    }


def _codes(tree: dict[str, Any]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return the nodes that split by category, with the codes in their sets."""
    codes = np.array(tree["categories"], dtype=np.int64)
    spans = zip(tree["categories_segments"], tree["categories_sizes"], strict=True)
    return [
        (int(node), codes[start : start + size])
        for node, (start, size) in zip(tree["categories_nodes"], spans, strict=True)
    ]


def code(estimators: Sequence[XGBoost]) -> Code:
    """Return the call of XGBoost's own estimator."""
    first = estimators[0]
    rounds = average(one.model_.num_boosted_rounds() for one in estimators)
    unneeded = {"nthread", "verbosity", "device", "seed"}
    kwargs: dict[str, Any] = {
        "n_estimators": rounds,
        **{name: value for name, value in first.params.items() if name not in unneeded},
        "random_state": first.params["seed"],
    }
    if first.categories:
        kwargs["enable_categorical"] = True
    if not first.regression:
        return Code(place="xgboost:XGBClassifier", kwargs=kwargs)
    if first.objective()["objective"] == "reg:absoluteerror":
        kwargs["objective"] = "reg:absoluteerror"
    return standardised(Code(place="xgboost:XGBRegressor", kwargs=kwargs))


def _save(fitted: XGBoost, folder: Path) -> None:
    (folder / "model.ubj").write_bytes(fitted.model_.save_raw("ubj"))
    write_facts(fitted, folder)


def _load(folder: Path) -> XGBoost:
    fitted = read_facts(XGBoost, folder)
    raw = bytearray((folder / "model.ubj").read_bytes())
    fitted.model_ = _reread(raw, fitted.params["nthread"])
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
        {**_DEFAULT, "prepare": FEATURES},
        {
            **_DEFAULT,
            "max_depth": 3,
            "colsample_bytree": 0.6,
            "reg_lambda": 2.0,
            "prepare": {"category": "target_mean"},
        },
        {
            **_DEFAULT,
            "max_depth": 8,
            "min_child_weight": 0.1,
            "subsample": 0.65,
            "colsample_bytree": 1.0,
            "reg_lambda": 1e-3,
        },
    ),
    fit=counted_inside(XGBoost.learn, "rounds"),
    weights=True,
    threads=True,
    monotonic=True,
    devices=frozenset({"cpu", "cuda"}),
    trees=trees,
    code=code,
    imports=("xgboost",),
    cost=1.6,
    by_class=True,
    promise=0.7,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give XGBoost."""
    return [ALGORITHM]
