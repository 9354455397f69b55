"""A single decision tree, small enough for a person to read."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl.plugin import Algorithm, Code, Context, Float, Int, Params, Trees, hookimpl, rounded


def _build(params: Params, context: Context) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if context.task == "regression" else DecisionTreeClassifier
    chosen = {"max_depth": 5, "leaf_share": 0.01, **params}
    leaf = max(1, min(100, round(chosen.pop("leaf_share") * context.n_rows)))
    return kind(**chosen, min_samples_leaf=leaf, random_state=context.seed)


def trees(estimator: Any) -> Trees:
    """Return what was learned as a table."""
    tree = estimator.tree_
    value = tree.value[:, 0, :]
    return Trees.of_nodes(
        np.zeros(1, dtype=np.int64),
        {
            "left": tree.children_left,
            "right": tree.children_right,
            "feature": tree.feature,
            "threshold": rounded(tree.threshold),
            "missing_left": tree.missing_go_to_left,
            "value": value,
        },
        output=np.zeros(1, dtype=np.int64),
        base=np.zeros(value.shape[1]),
    )


ALGORITHM = Algorithm(
    name="decision_tree",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "missing", "unscaled"}),
    space={"max_depth": Int(2, 8), "leaf_share": Float(0.001, 0.05, log=True)},
    starts=({"max_depth": 5, "leaf_share": 0.01},),
    weights=True,
    trees=trees,
    code=lambda estimators: Code.of(estimators[0]),
    imports=("sklearn.tree",),
    cost=0.05,
    promise=0.4,
    saved=("sklearn.tree._tree.Tree",),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the tree."""
    return [ALGORITHM]
