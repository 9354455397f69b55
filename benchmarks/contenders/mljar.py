"""mljar-supervised 1.3, mode Compete: Perform fits a single linear model in half a minute."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("mljar-supervised==1.3.2",)
PACKAGE = "mljar-supervised"
IMPORTS = ("supervised",)
METRICS = {"auc": "auc", "log_loss": "logloss", "rmse": "rmse"}
TASKS = {
    "binary": "binary_classification",
    "multiclass": "multiclass_classification",
    "regression": "regression",
}


def fit(train: pd.DataFrame, job: Job) -> Any:
    from supervised import AutoML

    model = AutoML(
        results_path=str(job.model),
        mode="Compete",
        ml_task=TASKS[job.task],
        eval_metric=METRICS[job.metric],
        total_time_limit=max(1, int(job.budget)),  # no fractions
        n_jobs=job.cores,
        random_state=job.seed,
        explain_level=0,
    )
    return model.fit(train.drop(columns=job.target), train[job.target])


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    if not job.classifies:
        return numbers(model.predict(rows))
    return shares(model.predict_proba(rows), range(job.n_classes))


def save(model: Any, job: Job) -> None:
    """Do nothing: it saves while it fits."""


def load(job: Job) -> Any:
    from supervised import AutoML

    return AutoML(results_path=str(job.model))
