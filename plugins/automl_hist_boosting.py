"""scikit-learn's gradient boosted trees on histograms."""

from __future__ import annotations

from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
    Code,
    Context,
    Float,
    Int,
    Link,
    Params,
    Patience,
    Report,
    Saved,
    Trees,
    Validation,
    Walker,
    counted_inside,
    hookimpl,
)
from automl_boosting import average

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_ABSOLUTE = {"mae", "median_absolute_error", "mape", "pinball"}

_DEFAULT = {
    "learning_rate": 0.05,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 20,
    "max_features": 0.7,
    "l2_regularization": 1e-3,
}


def learn(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Add trees in growing chunks; cut back to the best round on the validation rows."""
    from threadpoolctl import threadpool_limits

    empty = np.isnan(X).all(axis=0)
    if empty.any():
        # scikit-learn cannot bin a column of nothing.
        X = np.where(empty, 0.0, X)
    more: dict[str, Any] = {}
    if validation is not None:
        more = {
            "X_val": validation.X,
            "y_val": validation.y,
            "sample_weight_val": validation.weight,
        }
        estimator.set_params(early_stopping=True)
    most, rounds = estimator.max_iter, 0
    patience = Patience(report)
    estimator.set_params(warm_start=True)
    with threadpool_limits(1, user_api="openmp"):
        while rounds < most:
            # Each call looks at all trees so far, so that equal chunks would cost a square.
            aim = min(most, rounds + max(10, rounds // 2))
            estimator.set_params(max_iter=aim, n_iter_no_change=aim)
            estimator.fit(X, y, sample_weight=weight, **more)
            scores = estimator.validation_score_[1:]
            done = False
            for round_ in range(rounds + 1, estimator.n_iter_ + 1):
                done = done or patience(round_, scores[round_ - 1] if validation else None)
            if done or estimator.n_iter_ < aim:
                break
            rounds = aim
    best = max(1, patience.best_round)
    estimator._predictors = estimator._predictors[:best]  # noqa: SLF001 - no public way to drop trees
    estimator.set_params(max_iter=most)


def trees(estimator: Any) -> Trees:
    """Return what was learned as a table."""
    found = [tree.nodes for trees in estimator._predictors for tree in trees]  # noqa: SLF001 - nothing else has the trees
    width = len(estimator._predictors[0])  # noqa: SLF001
    nodes = np.concatenate(found)
    ends = nodes["is_leaf"].astype(bool)
    link: Link = "none"
    if hasattr(estimator, "predict_proba"):
        link = "logistic" if width == 1 else "softmax"
    return Trees.of_nodes(
        np.cumsum([0, *map(len, found)])[:-1],
        {
            "left": np.where(ends, -1, nodes["left"].astype(np.int64)),
            "right": np.where(ends, -1, nodes["right"].astype(np.int64)),
            "feature": nodes["feature_idx"],
            "threshold": nodes["num_threshold"],
            "missing_left": nodes["missing_go_to_left"],
            "value": nodes["value"],
        },
        output=np.arange(len(found)) % width,
        base=np.ravel(estimator._baseline_prediction).astype(np.float64),  # noqa: SLF001
        link=link,
    )


def quick(estimator: Any) -> Any:
    """Return the same values by one walk through all trees at once, without any thread."""
    values = Walker(trees(estimator)).values
    return values if hasattr(estimator, "predict_proba") else lambda X: values(X)[:, 0]


def code(estimators: Sequence[Any]) -> Code:
    """Return the call with as many rounds as were worth it."""
    rounds = average(len(one._predictors) for one in estimators)  # noqa: SLF001 - as above
    usual = {"warm_start": False, "early_stopping": False, "n_iter_no_change": 10}
    return Code.of(estimators[0], {"max_iter": rounds, **usual})


def _build(params: Params, context: Context) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    chosen = {
        **_DEFAULT,
        **params,
        "random_state": context.seed,
        "early_stopping": False,
    }
    chosen["learning_rate"] *= min(3.0, max(1.0, context.n_classes / 8))
    chosen["min_samples_leaf"] = max(1, min(chosen["min_samples_leaf"], context.n_rows // 20))
    chosen["max_iter"] = max(30, round(30 / chosen["learning_rate"]))
    if any(context.monotonic):
        chosen["monotonic_cst"] = list(context.monotonic)
    if context.task != "regression":
        return HistGradientBoostingClassifier(**chosen)
    # An absolute loss moves leaves after the fact, which may break a constraint.
    absolute = context.metric in _ABSOLUTE and not any(context.monotonic)
    loss = "absolute_error" if absolute else "squared_error"
    return HistGradientBoostingRegressor(loss=loss, **chosen)


def _save(fitted: Any, folder: Path) -> None:
    """Write the nodes of all trees as one array, and the rest by skops."""
    from skops.io import dump

    rest, rounds = copy(fitted), fitted._predictors  # noqa: SLF001 - nothing else has the trees
    rest._predictors = []  # noqa: SLF001
    dump(rest, folder / "rest.skops")
    nodes = [tree.nodes for trees in rounds for tree in trees]
    np.save(folder / "nodes.npy", np.concatenate(nodes), allow_pickle=False)
    sizes = np.reshape([len(one) for one in nodes], (len(rounds), -1))
    np.save(folder / "sizes.npy", sizes, allow_pickle=False)


def _load(folder: Path) -> Any:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from skops.io import load

    fitted = load(folder / "rest.skops", trusted=["numpy.dtype"])
    nodes = np.load(folder / "nodes.npy", allow_pickle=False).astype(PREDICTOR_RECORD_DTYPE)
    sizes = np.load(folder / "sizes.npy", allow_pickle=False)
    nothing = np.empty((0, 8), dtype=np.uint32)  # no tree splits by category
    trees = [
        TreePredictor(nodes[start:end], nothing, nothing)
        for start, end in pairwise([0, *np.cumsum(sizes).tolist()])
    ]
    width = sizes.shape[1]
    fitted._predictors = [trees[i : i + width] for i in range(0, len(trees), width)]  # noqa: SLF001
    return fitted


ALGORITHM = Algorithm(
    name="hist_boosting",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "missing", "unscaled"}),
    space={
        "learning_rate": Float(0.01, 0.2, log=True),
        "max_leaf_nodes": Int(4, 128, log=True),
        "min_samples_leaf": Int(2, 100, log=True),
        "max_features": Float(0.3, 1.0),
        "l2_regularization": Float(1e-6, 10.0, log=True),
    },
    starts=({**_DEFAULT, "max_leaf_nodes": 8, "max_features": 0.5}, _DEFAULT),
    fit=counted_inside(learn),
    weights=True,
    monotonic=True,
    quick=quick,
    trees=trees,
    code=code,
    imports=("sklearn.ensemble",),
    cost=1.5,
    by_class=True,
    promise=0.5,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give histogram boosting."""
    return [ALGORITHM]
