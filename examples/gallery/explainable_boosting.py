"""Explainable boosting machines: additive, readable, slow and good."""

from automl.plugin import Algorithm, Float, Int, hookimpl

EBM = Algorithm.wrap(
    "explainable_boosting",
    classifier="interpret.glassbox:ExplainableBoostingClassifier",
    regressor="interpret.glassbox:ExplainableBoostingRegressor",
    accepts={"number", "missing", "unscaled"},
    weights=True,
    space={
        "outer_bags": Int(2, 8),
        "learning_rate": Float(0.005, 0.1, log=True),
        "interactions": Int(0, 20),
        "max_leaves": Int(2, 4),
        "max_rounds": Int(200, 5000, log=True),
    },
    starts=({"outer_bags": 2, "interactions": 5, "max_rounds": 1000},),
)


@hookimpl
def automl_algorithms():
    return [EBM]
