"""FLAML 2.7 with the metric named."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("flaml[automl]==2.7.0", "catboost")
PACKAGE = "flaml"
IMPORTS = ("flaml.automl", "lightgbm", "xgboost", "catboost", "sklearn.ensemble")
METRICS = {"auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}


def fit(train: pd.DataFrame, job: Job) -> Any:
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train.drop(columns=job.target),
        train[job.target],
        task="classification" if job.classifies else "regression",
        metric=METRICS[job.metric],
        time_budget=job.budget,
        n_jobs=job.cores,
        seed=job.seed,
        verbose=1,
    )
    return model


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    if not job.classifies:
        return numbers(model.predict(rows))
    return shares(model.predict_proba(rows), model.classes_)
