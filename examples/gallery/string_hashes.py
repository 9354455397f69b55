"""skrub: strings as min-hashes of their character n-grams."""

import numpy as np

from automl.plugin import Int, Preprocessor, hookimpl


class MinHashes:
    def __init__(self, levels, n_components):
        self.levels, self.n_components = levels, n_components

    def fit(self, X, y=None):
        import pandas as pd
        from skrub import MinHashEncoder

        encoder = MinHashEncoder(n_components=self.n_components)
        # Codes -2 and -1, unseen and missing, are the last two rows: empty strings.
        columns = [pd.Series([*words, "", ""], dtype=str) for words in self.levels]
        self.tables = [encoder.fit_transform(words).to_numpy(float) for words in columns]
        return self

    def transform(self, X):
        return np.hstack([table[codes] for table, codes in zip(self.tables, X.T, strict=True)])


HASHES = Preprocessor(
    name="string_hashes",
    takes=frozenset({"string"}),
    removes=frozenset({"missing"}),
    emits=frozenset({"number", "unscaled"}),
    build=lambda p, c: MinHashes([list(f.levels) for f in c.features], p.get("n_components", 10)),
    space={"n_components": Int(4, 40, log=True)},
    priority=5,
    saved=("string_hashes.MinHashes",),
)


@hookimpl
def automl_preprocessors():
    return [HASHES]
