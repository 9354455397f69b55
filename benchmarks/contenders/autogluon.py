"""AutoGluon 1.6 with its presets.

The presets that bag are told to fit their folds in process: with Ray, their default, a short budget
on few cores is spent on starting it, and at times there is no model at all.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = (
    "torch==2.13.0",
    "autogluon.tabular[all,tabm,realmlp,interpret]==1.6.3",
)
# On CPUs neither is of use, and the CUDA build of torchvision does not load beside a CPU torch.
OVERRIDES = (
    "torchvision ; sys_platform == 'never'",
    "nvidia-nccl-cu12 ; sys_platform == 'never'",
    "nvidia-nccl-cu13 ; sys_platform == 'never'",
)
PACKAGE = "autogluon.tabular"
IMPORTS = ("autogluon.tabular",)
VARIANTS = {
    f"autogluon-{name}": {"preset": f"{name}_quality"}
    for name in ("medium", "good", "high", "best")
}
METRICS = {"auc": "roc_auc", "log_loss": "log_loss", "rmse": "root_mean_squared_error"}


def fit(train: pd.DataFrame, job: Job) -> Any:
    from autogluon.tabular import TabularPredictor

    settings: dict[str, Any] = {}
    if job.settings["preset"] != "medium_quality":
        settings["ag_args_ensemble"] = {"fold_fitting_strategy": "sequential_local"}
    return TabularPredictor(
        label=job.target, problem_type=job.task, eval_metric=METRICS[job.metric], path=job.model
    ).fit(
        train,
        time_limit=job.budget,
        presets=job.settings["preset"],
        num_cpus=job.cores,
        num_gpus=0,
        **settings,
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
