"""Answers with values that cannot be scored, each variant in its way."""

from __future__ import annotations

import numpy as np

from benchmarks.inside.job import Answer

REQUIREMENTS = ()
PACKAGE = ""
IMPORTS = ()
ENVIRONMENT = ""

VARIANTS = {
    name: {"how": name} for name in ("short", "nan", "unsure", "negative", "stranger", "words")
}


def fit(train, job):
    return None


def predict(model, rows, job):
    n_rows, n_classes = len(rows), job.n_classes
    values = np.full((n_rows, n_classes), 1 / n_classes)
    classes = list(range(n_classes))
    how = job.settings["how"]
    if how == "short":
        values = values[: n_rows // 2]
    elif how == "nan":
        values[0, 0] = np.nan
    elif how == "unsure":
        values *= 0.5
    elif how == "negative":
        values[0] = [-1, 2, *[0] * (n_classes - 2)]
    elif how == "stranger":
        classes[-1] = 99
    elif how == "words":
        values = values.astype(str)
    return Answer(values, classes)
