"""LightAutoML 0.4: its usual preset, and the one that goes on until the time is spent.

One reader process: with two, starting them costs most of a short budget.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("torch==2.13.0", "lightautoml==0.4.2")
PACKAGE = "lightautoml"
IMPORTS = ("lightautoml.automl.presets.tabular_presets", "lightautoml.tasks")
VARIANTS = {
    "lightautoml": {"preset": "TabularAutoML"},
    "lightautoml-utilized": {"preset": "TabularUtilizedAutoML"},
}


def fit(train: pd.DataFrame, job: Job) -> Any:
    from lightautoml.automl.presets import tabular_presets
    from lightautoml.tasks import Task

    model = getattr(tabular_presets, job.settings["preset"])(
        task=Task("reg" if job.task == "regression" else job.task),
        timeout=job.budget,
        cpu_limit=job.cores,
        reader_params={"n_jobs": 1, "random_state": job.seed},
    )
    model.fit_predict(train, roles={"target": job.target})
    return model


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    said = model.predict(rows).data
    if not job.classifies:
        return numbers(said[:, 0])
    reader = getattr(model, "reader", None)
    if reader is None:
        reader = model.outer_pipes[0].ml_algos[0].models[0][0].reader
    places = reader.class_mapping or {label: label for label in range(job.n_classes)}
    return shares(said, sorted(places, key=lambda label: int(places[label])))
