"""AutoGluon 1.6 with its presets.

The presets that bag fit their folds and their trial of stacking (DyStack) in process: with Ray,
their default, a short budget on few cores is spent on starting it. A trial that runs out of time
leaves such a fit without a model; then what is left of the time goes into a fit without the trial.
`autogluon-best-ray` is the preset as it comes.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = (
    "torch==2.13.0",
    "autogluon.tabular[all,tabm,realmlp,interpret]==1.6.3",
)
PACKAGE = "autogluon.tabular"
IMPORTS = ("autogluon.tabular",)
VARIANTS: dict[str, dict[str, Any]] = {
    "autogluon-medium": {"preset": "medium_quality"},
    "autogluon-best-ray": {"preset": "best_quality"},
}
for name in ("good", "high", "best"):
    VARIANTS[f"autogluon-{name}"] = {"preset": f"{name}_quality", "in_process": True}
IN_PROCESS = {
    "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"},
    "ds_args": {"memory_safe_fits": False},
}
METRICS = {"auc": "roc_auc", "log_loss": "log_loss", "rmse": "root_mean_squared_error"}


def fit(train: pd.DataFrame, job: Job) -> Any:
    start = time.monotonic()
    settings = IN_PROCESS if job.settings.get("in_process") else {}
    try:
        return attempt(train, job, job.budget, settings)
    except AssertionError as error:
        left = job.budget - (time.monotonic() - start)
        if "already fit" not in str(error) or left < 1:
            raise
    shutil.rmtree(job.model)
    return attempt(train, job, left, {**IN_PROCESS, "dynamic_stacking": False})


def attempt(train: pd.DataFrame, job: Job, seconds: float, settings: dict[str, Any]) -> Any:
    from autogluon.tabular import TabularPredictor

    model = TabularPredictor(
        label=job.target, problem_type=job.task, eval_metric=METRICS[job.metric], path=job.model
    )
    preset = job.settings["preset"]
    return model.fit(
        train, time_limit=seconds, presets=preset, num_cpus=job.cores, num_gpus=0, **settings
    )


def warm(model: Any) -> None:
    model.persist()


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    if not job.classifies:
        return numbers(model.predict(rows))
    said = model.predict_proba(rows, as_multiclass=True)
    return shares(said, said.columns)


def save(model: Any, job: Job) -> None:
    """Do nothing: it saves while it fits."""


def load(job: Job) -> Any:
    from autogluon.tabular import TabularPredictor

    model = TabularPredictor.load(str(job.model))
    model.persist()
    return model
