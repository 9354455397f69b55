"""TPOT 1.1 with the metric named; numbers only, so words are coded before."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.codes import Codes
from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("tpot==1.1.0", "setuptools<81")
PACKAGE = "tpot"
IMPORTS = ("tpot",)
METRICS = {"auc": "roc_auc", "log_loss": "neg_log_loss", "rmse": "neg_root_mean_squared_error"}
REMARK = "words as ordinal codes, dates as seconds, missing as the median"


def fit(train: pd.DataFrame, job: Job) -> Any:
    import tpot
    from sklearn.impute import SimpleImputer

    features = train.drop(columns=job.target)
    codes, fill = Codes(features), SimpleImputer(strategy="median", keep_empty_features=True)
    made = tpot.TPOTClassifier if job.classifies else tpot.TPOTRegressor
    model = made(
        scorers=[METRICS[job.metric]],
        max_time_mins=job.budget / 60,
        max_eval_time_mins=job.budget / 60,
        n_jobs=job.cores,
        random_state=job.seed,
    )
    model.fit(fill.fit_transform(codes(features)), train[job.target].to_numpy())
    return codes, fill, model.fitted_pipeline_


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    codes, fill, pipeline = model
    values = fill.transform(codes(rows))
    if not job.classifies:
        return numbers(pipeline.predict(values))
    return shares(pipeline.predict_proba(values), pipeline.classes_)
