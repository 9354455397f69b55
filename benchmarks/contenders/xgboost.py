"""XGBoost as it comes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.codes import Codes
from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("xgboost", "scikit-learn")
PACKAGE = "xgboost"
IMPORTS = ("xgboost",)
REMARK = "words as ordinal codes, dates as seconds"


def fit(train: pd.DataFrame, job: Job) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    features = train.drop(columns=job.target)
    codes = Codes(features)
    made = (XGBClassifier if job.classifies else XGBRegressor)(
        n_jobs=job.cores, random_state=job.seed
    )
    return codes, made.fit(codes(features), train[job.target].to_numpy())


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    codes, made = model
    if not job.classifies:
        return numbers(made.predict(codes(rows)))
    return shares(made.predict_proba(codes(rows)), made.classes_)
