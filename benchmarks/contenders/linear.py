"""Logistic or ridge regression on scaled numbers and one-hot words: what anyone would try first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.codes import Codes
from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("scikit-learn",)
PACKAGE = "scikit-learn"
IMPORTS = ("sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.impute")
REMARK = "words one-hot (at most 50 levels a column), dates as seconds, missing as the median"


def fit(train: pd.DataFrame, job: Job) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    features = train.drop(columns=job.target)
    codes = Codes(features)
    words = [i for i, name in enumerate(features.columns) if name in codes.levels]
    rest = [i for i, name in enumerate(features.columns) if name not in codes.levels]
    prepare = make_column_transformer(
        (OneHotEncoder(max_categories=50, handle_unknown="infrequent_if_exist"), words),
        (
            make_pipeline(
                SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
            ),
            rest,
        ),
    )
    model = LogisticRegression(max_iter=1_000) if job.classifies else RidgeCV()
    made = make_pipeline(prepare, model)
    return codes, made.fit(codes(features), train[job.target].to_numpy())


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    codes, made = model
    if not job.classifies:
        return numbers(made.predict(codes(rows)))
    return shares(made.predict_proba(codes(rows)), made.classes_)
