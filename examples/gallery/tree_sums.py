"""FIGS of imodels: a sum of a few small trees that a person can read."""

from automl.plugin import Algorithm, Choice, Int, hookimpl

FIGS = Algorithm.wrap(
    "tree_sums",
    classifier="imodels:FIGSClassifier",
    regressor="imodels:FIGSRegressor",
    accepts={"number", "unscaled"},
    weights=True,
    space={"max_rules": Int(3, 40), "max_trees": Choice(1, 3, None)},
    starts=({"max_rules": 12},),
    saved=("imodels.tree.figs.Node",),
)


@hookimpl
def automl_algorithms():
    return [FIGS]
