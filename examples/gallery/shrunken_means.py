"""category-encoders: means of the target for each level, shrunken as James and Stein did."""

import numpy as np

from automl.plugin import Choice, Preprocessor, hookimpl


class ShrunkenMeans:
    def __init__(self, context, model="independent"):
        self.n_levels = max(len(feature.levels) for feature in context.features)
        self.model = model

    def fit(self, X, y):
        from category_encoders import JamesSteinEncoder

        columns = list(range(X.shape[1]))
        encoder = JamesSteinEncoder(cols=columns, model=self.model, return_df=False)
        encoder.fit(np.nan_to_num(X, nan=-2), y)  # after another step codes are floats
        # A table of what each code becomes can be saved; the encoder, full of pandas, cannot.
        codes = np.arange(-2, self.n_levels)
        self.table = encoder.transform(np.tile(codes[:, None], len(columns))).astype(float)
        return self

    def transform(self, X):
        return np.take_along_axis(self.table, np.nan_to_num(X, nan=-2).astype(int) + 2, axis=0)


MEANS = Preprocessor(
    name="shrunken_means",
    takes=frozenset({"category"}),
    removes=frozenset({"missing"}),
    emits=frozenset({"number", "unscaled"}),
    build=lambda params, context: ShrunkenMeans(context, **params),
    supervised=True,
    space={"model": Choice("independent", "pooled")},
    priority=5,
    saved=("shrunken_means.ShrunkenMeans",),
)


@hookimpl
def automl_preprocessors():
    return [MEANS]
