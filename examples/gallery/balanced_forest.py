"""imbalanced-learn: a forest that sees as much of the rare class as of the others."""

from automl.plugin import Algorithm, Choice, Float, Int, hookimpl

BALANCED = Algorithm.wrap(
    "balanced_forest",
    classifier="imblearn.ensemble:BalancedRandomForestClassifier",
    accepts={"number", "missing", "unscaled"},
    weights=True,
    space={
        "n_estimators": Int(50, 300, log=True),
        "max_features": Float(0.1, 1.0),
        "min_samples_leaf": Int(1, 20, log=True),
        "criterion": Choice("gini", "entropy"),
    },
    starts=({"n_estimators": 100},),
    saved=(
        "imblearn.pipeline.Pipeline",
        "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
        "sklearn.tree._tree.Tree",
    ),
)


@hookimpl
def automl_algorithms():
    return [BALANCED]
