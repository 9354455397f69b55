"""wittgenstein: a short list of rules for one of two classes, by RIPPER."""

import numpy as np

from automl.plugin import Algorithm, Int, hookimpl


class Rules:
    def __init__(self, **given):
        self.given = given

    def fit(self, X, y):
        from wittgenstein import RIPPER

        self.ripper = RIPPER(**self.given)
        self.ripper.fit(X, y, pos_class=1)
        return self

    def predict_proba(self, X):
        return np.asarray(self.ripper.predict_proba(X))


TYPES = "base.Cond base.Rule base.Ruleset discretize.BinTransformer ripper.RIPPER"
RIPPER = Algorithm(
    name="rules",
    tasks=frozenset({"binary"}),
    build=lambda params, context: Rules(**params, random_state=context.seed),
    accepts=frozenset({"number", "unscaled"}),
    space={"k": Int(1, 4), "n_discretize_bins": Int(4, 20), "dl_allowance": Int(16, 128)},
    starts=({"k": 2},),
    saved=("rules.Rules", *(f"wittgenstein.{word}" for word in TYPES.split())),
)


@hookimpl
def automl_algorithms():
    return [RIPPER]
