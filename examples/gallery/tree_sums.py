"""FIGS of imodels: a sum of a few small trees that a person can read."""

import numpy as np

from automl.plugin import Algorithm, Choice, Int, hookimpl


class Figs:
    def __init__(self, context, params):
        self.kind = "FIGSClassifier" if context.n_classes else "FIGSRegressor"
        self.seed, self.params = context.seed, dict(params)

    def fit(self, X, y, sample_weight=None):
        import imodels

        state = np.random.get_state()  # put back, since no other seed reaches its stumps
        np.random.seed(self.seed)
        figs = getattr(imodels, self.kind)(**self.params)
        self.figs = figs.fit(X, y, sample_weight=sample_weight)
        np.random.set_state(state)

    def predict(self, X):
        return self.figs.predict(X)

    def predict_proba(self, X):
        return self.figs.predict_proba(X)


TYPES = ("tree.figs.FIGSClassifier", "tree.figs.FIGSRegressor", "tree.figs.Node")
FIGS = Algorithm(
    name="tree_sums",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=lambda params, context: Figs(context, params),
    accepts=frozenset({"number", "unscaled"}),
    weights=True,
    space={"max_rules": Int(3, 40), "max_trees": Choice(1, 3, None)},
    saved=("tree_sums.Figs", *(f"imodels.{word}" for word in TYPES)),
)


@hookimpl
def automl_algorithms():
    return [FIGS]
