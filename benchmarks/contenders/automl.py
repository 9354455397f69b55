"""automl: the default install with default arguments, and without each algorithm."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("pluggable-automl",)
PACKAGE = "pluggable-automl"
IMPORTS = ("automl", "automl.engine", "automl.model.bundle")
ALGORITHMS = (
    *("forest", "hist_boosting", "lightgbm", "linear", "mlp", "naive_bayes"),
    *("neighbors", "svm", "tree", "xgboost"),
)
VARIANTS: dict[str, dict[str, Any]] = {
    "automl": {},
    **{f"automl-without-{name}": {"without": [name]} for name in ALGORITHMS},
}


def fit(train: pd.DataFrame, job: Job) -> Any:
    import automl

    # Whether an integer is a class or a number is part of the question.
    kind = "category" if job.classifies else "number"
    without = [f"-{name}" for name in job.settings.get("without", ())]
    return automl.fit(
        train,
        job.target,
        budget=job.budget,
        seed=job.seed,
        n_jobs=job.cores,
        columns=automl.Columns(kinds={job.target: kind}),
        plugins=without or None,
    ).predictor


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    if not job.classifies:
        return numbers(model.predict(rows))
    return shares(model.predict_proba(rows), model.classes_)


def save(model: Any, job: Job) -> None:
    model.save(job.model / "bundle")


def load(job: Job) -> Any:
    import automl

    return automl.load(job.model / "bundle")
