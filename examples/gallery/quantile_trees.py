"""quantile-forest: a forest that keeps whole distributions and says their medians."""

from automl.plugin import Algorithm, Float, Int, hookimpl

QUANTILE_TREES = Algorithm.wrap(
    "quantile_trees",
    regressor="quantile_forest:ExtraTreesQuantileRegressor",
    accepts={"number", "unscaled"},
    weights=True,
    space={
        "n_estimators": Int(50, 200, log=True),
        "max_features": Float(0.2, 1.0),
        "min_samples_leaf": Int(1, 10, log=True),
    },
    starts=({"n_estimators": 100},),
    saved=("quantile_forest._quantile_forest_fast.QuantileForest", "sklearn.tree._tree.Tree"),
)


@hookimpl
def automl_algorithms():
    return [QUANTILE_TREES]
