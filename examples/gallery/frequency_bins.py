"""Feature-engine: numbers as bins of equal frequency; missing cells stay missing."""

import numpy as np

from automl.plugin import Int, Preprocessor, hookimpl


class Bins:
    def __init__(self, q=10):
        self.q = q

    def fit(self, X, y=None):
        from feature_engine.discretisation import EqualFrequencyDiscretiser

        self.middle = np.nan_to_num(np.nanmedian(X, axis=0))
        self.discretiser = EqualFrequencyDiscretiser(q=self.q).fit(self._filled(X))
        return self

    def transform(self, X):
        bins = self.discretiser.transform(self._filled(X)).to_numpy(dtype=float)
        return np.where(np.isnan(X), np.nan, np.nan_to_num(bins))

    def _filled(self, X):
        return np.where(np.isnan(X), self.middle, X)


BINS = Preprocessor(
    name="frequency_bins",
    takes=frozenset({"number", "unscaled"}),
    emits=frozenset({"number"}),
    build=lambda params, context: Bins(**params),
    space={"q": Int(3, 30)},
    priority=15,
    saved=(
        "feature_engine.discretisation.equal_frequency.EqualFrequencyDiscretiser",
        "frequency_bins.Bins",
    ),
)


@hookimpl
def automl_preprocessors():
    return [BINS]
