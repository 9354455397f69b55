"""pyGAM: sums of penalised splines."""

import numpy as np

from automl.plugin import Algorithm, Float, Int, hookimpl


class Splines:
    def __init__(self, kind, params):
        self.kind, self.params = kind, params

    def fit(self, X, y):
        import pygam

        self.gam = getattr(pygam, self.kind)(**self.params).fit(X, y)
        return self

    def predict(self, X):
        return self.gam.predict(X)

    def predict_proba(self, X):
        second = self.gam.predict_proba(X)
        return np.stack([1 - second, second], axis=1)


PARTS = "callbacks.Accuracy callbacks.Deviance callbacks.Diffs distributions.BinomialDist"
PARTS += " distributions.NormalDist links.IdentityLink links.LogitLink pygam.LinearGAM"
PARTS += " pygam.LogisticGAM terms.Intercept terms.SplineTerm terms.TermList"
GAM = Algorithm(
    name="spline_sums",
    tasks=frozenset({"binary", "regression"}),
    build=lambda p, c: Splines("LogisticGAM" if c.n_classes else "LinearGAM", dict(p)),
    space={"lam": Float(0.1, 1e3, log=True), "n_splines": Int(6, 25)},
    starts=({"lam": 0.6, "n_splines": 12},),
    saved=("spline_sums.Splines", *(f"pygam.{part}" for part in PARTS.split())),
)


@hookimpl
def automl_algorithms():
    return [GAM]
