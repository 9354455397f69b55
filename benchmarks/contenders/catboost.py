"""CatBoost as it comes, told which columns are words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.codes import is_words
from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("catboost",)
PACKAGE = "catboost"
IMPORTS = ("catboost",)
REMARK = "words as cat_features with missing as a level, dates as seconds"


def plain(rows: pd.DataFrame, words: list[str]) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name in rows.columns:
        column = rows[name]
        if name in words:
            columns[name] = column.astype(object).where(column.notna(), "(missing)").astype(str)
        elif pd.api.types.is_datetime64_any_dtype(column):
            columns[name] = (column - pd.Timestamp(0)).dt.total_seconds()
        else:
            columns[name] = column.astype(float)
    return pd.DataFrame(columns)


def fit(train: pd.DataFrame, job: Job) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    features = train.drop(columns=job.target)
    words = [name for name in features.columns if is_words(features[name])]
    model = (CatBoostClassifier if job.classifies else CatBoostRegressor)(
        thread_count=job.cores, random_seed=job.seed, verbose=0, allow_writing_files=False
    )
    model.fit(plain(features, words), train[job.target].to_numpy(), cat_features=words)
    return words, model


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    words, made = model
    if not job.classifies:
        return numbers(made.predict(plain(rows, words)))
    return shares(made.predict_proba(plain(rows, words)), made.classes_)
