"""CatBoost: boosted symmetric trees with ordered statistics of categories."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
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
    Trees,
    Validation,
    counted_inside,
    hookimpl,
    rounded,
)
from automl_boosting import ABSOLUTE, Boosted, haste, read_facts, watched_metric, write_facts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WATCHED = {"roc_auc": "AUC", "average_precision": "PRAUC"}

_DEFAULT = {
    "learning_rate": 0.07,
    "depth": 6,
    "l2_leaf_reg": 3.0,
    "random_strength": 1.0,
    "one_hot_max_size": 8,
}


class CatBoost(Boosted):
    """CatBoost behind scikit-learn's interface, saved in its own format."""

    def pool(
        self, X: Any, y: NDArray[Any] | None = None, weight: NDArray[np.float64] | None = None
    ) -> Any:
        """Return the rows in CatBoost's own form: numbers first, then categories as bytes."""
        from catboost import FeaturesData, Pool

        categories = list(self.categories)
        numbers = np.delete(X, categories, axis=1).astype(np.float32)
        codes = np.nan_to_num(X[:, categories], nan=-1.0).astype(np.int64)
        data = FeaturesData(
            num_feature_data=np.ascontiguousarray(numbers) if numbers.shape[1] else None,
            cat_feature_data=codes.astype(np.bytes_).astype(object) if categories else None,
        )
        return Pool(data, y, weight=weight)

    def objective(self) -> dict[str, str]:
        """Return what to optimise and what to watch, for the classes seen in ``fit``."""
        if self.regression:
            loss = "MAE" if self.metric in ABSOLUTE else "RMSE"
            return {"loss_function": loss, "eval_metric": loss}
        if self.n_classes_ > 2:
            return {"loss_function": "MultiClass", "eval_metric": "MultiClass"}
        return {"loss_function": "Logloss", "eval_metric": _WATCHED.get(self.metric, "Logloss")}

    def learn(
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Add trees until the validation score has not improved for long, or until told to stop."""
        import catboost

        self.look_at(y)
        objective = self.objective()
        held_out = None
        if validation is not None:
            held_out = self.pool(validation.X, self.target(validation.y), validation.weight)
        rounds = self.rounds if held_out is None else self.most
        model = catboost.CatBoost({**self.params, **objective, "iterations": rounds})
        patience = Patience(report, floor=self.patience)
        watch = _Watch(patience, objective["eval_metric"], self.spread_)
        model.fit(
            self.pool(X, self.target(y), weight),
            eval_set=held_out,
            use_best_model=False,
            callbacks=[watch],
            verbose=False,
        )
        if watch.raised is not None:
            raise watch.raised
        if patience.best_round < model.tree_count_:
            model.shrink(ntree_end=max(1, patience.best_round))
        self.model_ = model

    def _raw(self, X: Any) -> NDArray[np.float64]:
        kind = "RawFormulaVal" if self.regression else "Probability"
        threads = self.params["thread_count"]
        said = self.model_.predict(self.pool(X), prediction_type=kind, thread_count=threads)
        return np.asarray(said, dtype=np.float64)


class _Watch:
    """What CatBoost calls after each round; False stops it."""

    def __init__(self, patience: Patience, metric: str, unit: float) -> None:
        self.patience = patience
        self.metric = metric
        self.unit = unit if metric in _WATCHED.values() else -unit
        self.raised: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Take one round's score."""
        told = (info.metrics or {}).get("validation", {}).get(self.metric)
        try:
            return not self.patience(info.iteration, self.unit * told[-1] if told else None)
        except BaseException as error:  # CatBoost would lose it
            self.raised = error
            return False


def _build(params: Params, context: Context) -> CatBoost:
    chosen = {**_DEFAULT, **params}
    chosen["learning_rate"] *= haste(context)
    if any(context.monotonic):
        # Numbers come first, and only they can be constrained.
        signs = np.delete(context.monotonic, list(context.categories))
        chosen["monotone_constraints"] = signs.tolist()
    return CatBoost(
        params={
            **chosen,
            "thread_count": context.threads,
            "random_seed": context.seed,
            "allow_writing_files": False,
            "logging_level": "Silent",
        },
        regression=context.task == "regression",
        metric=watched_metric(context),
        categories=context.categories,
        rounds=round(20 / chosen["learning_rate"]),
        most=round(80 / chosen["learning_rate"]),
        patience=max(20, min(60, round(500_000 / context.n_rows))),
    )


def trees(estimator: CatBoost) -> Trees | None:
    """Return what was learned as a table; None where trees look at statistics of categories."""
    with tempfile.TemporaryDirectory(prefix="automl-catboost-") as folder:
        file = Path(folder) / "model.json"
        estimator.model_.save_model(str(file), format="json")
        model = json.loads(file.read_text(encoding="utf-8"))
    splits = [split for tree in model["oblivious_trees"] for split in tree["splits"] or ()]
    if any(split["split_type"] != "FloatFeature" for split in splits):
        return None
    lost_right = {
        one["feature_index"]
        for one in model["features_info"].get("float_features", ())
        if one["nan_value_treatment"] == "AsTrue"
    }
    number = np.array([split["float_feature_index"] for split in splits], dtype=np.int64)
    # Numbers come first in CatBoost's own form; here they stand between the categories.
    n_columns = len(estimator.categories) + int(number.max(initial=-1)) + 1
    columns = np.delete(np.arange(n_columns), [c for c in estimator.categories if c < n_columns])
    depths = [len(tree["splits"] or ()) for tree in model["oblivious_trees"]]
    levels = [_levels(depth) for depth in depths]
    starts = np.cumsum([0, *depths])
    at = np.concatenate(
        [start + level for start, (level, _, _) in zip(starts, levels, strict=False)]
    )
    values = [np.array(tree["leaf_values"]) for tree in model["oblivious_trees"]]
    scale, bias = model["scale_and_bias"]
    width, unit = estimator.n_outputs, estimator.spread_
    threshold = rounded(np.array([split["border"] for split in splits], dtype=np.float32))
    return Trees(
        sizes=np.array([2**depth - 1 for depth in depths]),
        feature=columns[number][at],
        threshold=threshold[at],
        left=np.concatenate([left for _, left, _ in levels]),
        right=np.concatenate([right for _, _, right in levels]),
        missing_left=~np.isin(number, sorted(lost_right))[at],
        leaf=unit * scale * np.concatenate(values).reshape(-1, width),
        output=np.zeros(len(depths), dtype=np.int64),
        base=unit * np.broadcast_to(np.ravel(bias), width).astype(np.float64) + estimator.center_,
        link=estimator.link,
    )


def _levels(depth: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the level of each split of a symmetric tree, and its children.

    The way to a split, or a leaf, is a number: bit i says whether it goes right at level i.
    """
    split = np.arange(2**depth - 1)
    level = np.floor(np.log2(split + 1)).astype(np.int64)
    way = split + 1 - 2**level
    children = []
    for side in (0, 1):
        then = way + side * 2**level
        children.append(np.where(level + 1 < depth, 2 ** (level + 1) - 1 + then, -1 - then))
    return level, children[0], children[1]


def _save(fitted: CatBoost, folder: Path) -> None:
    fitted.model_.save_model(str(folder / "model.cbm"), format="cbm")
    write_facts(fitted, folder)


def _load(folder: Path) -> CatBoost:
    import catboost

    fitted = read_facts(CatBoost, folder)
    fitted.model_ = catboost.CatBoost()
    fitted.model_.load_model(str(folder / "model.cbm"), format="cbm")
    return fitted


ALGORITHM = Algorithm(
    name="catboost",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "category", "missing", "unscaled"}),
    space={
        "learning_rate": Float(0.02, 0.15, log=True),
        "depth": Int(4, 8),
        "l2_leaf_reg": Float(0.1, 10.0, log=True),
        "random_strength": Float(0.1, 10.0, log=True),
        "one_hot_max_size": Int(2, 50, log=True),
    },
    starts=(
        _DEFAULT,
        {**_DEFAULT, "depth": 8, "learning_rate": 0.05},
        {**_DEFAULT, "depth": 4, "l2_leaf_reg": 4.5},
    ),
    requires=("catboost",),
    fit=counted_inside(CatBoost.learn, "rounds"),
    weights=True,
    threads=True,
    # On a GPU it takes no callbacks, so that nothing could stop it at a deadline.
    monotonic=True,
    trees=trees,
    imports=("catboost",),
    cost=6.0,
    by_class=True,
    promise=0.6,  # alone it is near the best; beside the other boosted trees it added nothing
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give CatBoost."""
    return [ALGORITHM]
