"""A plugin whose model fails, or takes its time, where a cell says so."""

import os
import time
from pathlib import Path

import numpy as np

from automl.plugin import Algorithm, hookimpl

FAILS, SLEEPS, HELD = 123_456.0, 654_000.0, 765_432.0


class Moody:
    """Says yes more often the larger the first column is."""

    def __init__(self, slope):
        self.slope = slope

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        together = np.nan_to_num(X[:, 0]) @ (y - y.mean())
        self.slope_ = self.slope * np.sign(together)
        return self

    def predict_proba(self, X):
        if (X == FAILS).any():
            raise ValueError(f"cannot work with {X[0, 0]}")
        seconds = X[(X > SLEEPS) & (X < SLEEPS + 1000)] - SLEEPS
        if seconds.size:
            time.sleep(seconds.max())
        while (X == HELD).any() and not Path(os.environ["MOODY_GO"]).exists():
            time.sleep(0.02)
        yes = 1 / (1 + np.exp(-self.slope_ * np.nan_to_num(X[:, 0]).clip(-9, 9)))
        return np.column_stack([1 - yes, yes])


@hookimpl
def automl_algorithms():
    return [
        Algorithm(
            name="moody",
            tasks=frozenset({"binary"}),
            build=lambda params, context: Moody(params.get("slope", 1.0)),
            space={},
            starts=({"slope": 1.0},),
            accepts=frozenset({"number", "unscaled", "missing", "category", "date"}),
            saved=("moody.Moody",),
        )
    ]
