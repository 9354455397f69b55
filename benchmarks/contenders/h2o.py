"""H2O AutoML 3.46; needs Java 8 to 17. Its server is started before the fit is timed."""

from __future__ import annotations

import json
import os
from typing import Any

import pandas as pd

from benchmarks.inside.job import Answer, Job, numbers, shares

REQUIREMENTS = ("h2o==3.46.0.12", "scikit-learn", "polars")
PACKAGE = "h2o"
IMPORTS = ("h2o", "h2o.automl")
METRICS = {"auc": "AUC", "log_loss": "logloss", "rmse": "RMSE"}
REMARK = "strings as enum"


def start(job: Job) -> None:
    import h2o

    place = job.folder / "ice"
    place.mkdir(exist_ok=True)
    port = 20_000 + os.getpid() % 20_000 * 2  # it takes two, and jobs run beside each other
    h2o.init(nthreads=job.cores, ice_root=str(place), log_dir=str(place), port=port)
    h2o.no_progress()


def as_frame(rows: pd.DataFrame, types: dict[str, str]) -> Any:
    import h2o

    return h2o.H2OFrame(rows, column_types={name: types[name] for name in rows.columns})


def fit(train: pd.DataFrame, job: Job) -> Any:
    from h2o.automl import H2OAutoML

    kinds = pd.api.types
    types = {}
    for name in train.columns:
        dates = kinds.is_datetime64_any_dtype(train[name])
        real = kinds.is_numeric_dtype(train[name]) and not kinds.is_bool_dtype(train[name])
        types[name] = "time" if dates else "numeric" if real else "enum"
    types[job.target] = "enum" if job.classifies else "numeric"
    (job.model / "types.json").write_text(json.dumps(types), encoding="utf-8")
    model = H2OAutoML(
        max_runtime_secs=int(job.budget), seed=job.seed, sort_metric=METRICS[job.metric]
    )
    model.train(y=job.target, training_frame=as_frame(train, types))
    return model.leader


def predict(model: Any, rows: pd.DataFrame, job: Job) -> Answer:
    types = json.loads((job.model / "types.json").read_text(encoding="utf-8"))
    said = model.predict(as_frame(rows, types)).as_data_frame()
    if not job.classifies:
        return numbers(said["predict"])
    values = said.drop(columns="predict")
    return shares(values, [int(name.removeprefix("p")) for name in values.columns])


def save(model: Any, job: Job) -> None:
    import h2o

    h2o.save_model(model, path=str(job.model), filename="leader")


def load(job: Job) -> Any:
    import h2o

    return h2o.load_model(str(job.model / "leader"))
