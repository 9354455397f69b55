"""CatBoost: boosted symmetric trees with ordered statistics of categories."""

from __future__ import annotations

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
from automl_boosting import ABSOLUTE, Boosted, haste, read_facts, watched_metric, write_facts

if TYPE_CHECKING:
    from pathlib import Path

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
    fit=CatBoost.learn,
    weights=True,
    threads=True,
    # On a GPU it takes no callbacks, so that nothing could stop it at a deadline.
    monotonic=True,
    imports=("catboost",),
    cost=6.0,
    promise=0.95,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give CatBoost."""
    return [ALGORITHM]
