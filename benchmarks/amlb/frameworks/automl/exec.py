"""One fold of one task, in the framework's own environment."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from frameworks.shared.callee import call_run, measure_inference_times, output_subdir, result
from frameworks.shared.utils import Timer

import automl

log = logging.getLogger(__name__)

METRICS = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "balacc": "balanced_accuracy",
    "f1": "f1",
    "logloss": "log_loss",
    "mae": "mae",
    "mse": "rmse",
    "r2": "r2",
    "rmse": "rmse",
}
"""The benchmark's names of metrics, and ours."""

SHARE = 0.98
"""Of the seconds given: the rest is for the start of Python, which the benchmark counts."""


def run(dataset: Any, config: Any) -> dict[str, Any]:
    """Fit on the training file, predict the test file."""
    log.info("automl %s", automl.__version__)
    if config.metric not in METRICS:
        log.warning("The metric %r is not known here; the task's own is optimised.", config.metric)
    more = {k: v for k, v in config.framework_params.items() if not k.startswith("_")}
    with Timer() as training:
        found = automl.fit(
            dataset.train.path,
            dataset.target.name,
            metric=METRICS.get(config.metric),
            budget=SHARE * config.max_runtime_seconds,
            seed=config.seed % 2**32,
            n_jobs=config.cores,
            strategy=automl.Strategy(task=dataset.problem_type),
            **more,
        )
    predictor = found.predictor
    classes = predictor.classes

    def infer(rows: Any) -> Any:
        return predictor.predict(rows) if classes is None else predictor.predict_proba(rows)

    times = None
    if config.measure_inference_time:
        times = measure_inference_times(infer, dataset.inference_subsample_files)
    with Timer() as predicting:
        values = infer(dataset.test.path)
    _keep(found, config)
    said: dict[str, Any] = result(
        output_file=config.output_predictions_file,
        predictions=values if classes is None else classes[values.argmax(axis=1)].astype(str),
        probabilities=None if classes is None else values,
        probabilities_labels=None if classes is None else [str(label) for label in classes],
        target_is_encoded=False,
        models_count=sum(row.status == "complete" for row in found.leaderboard),
        models_ensemble_count=len(predictor.parts),
        training_duration=training.duration,
        predict_duration=predicting.duration,
        inference_times=times,
    )
    return said


def _keep(found: automl.Result, config: Any) -> None:
    place = Path(output_subdir("leaderboard", config)) / "leaderboard.json"
    place.write_text(json.dumps(found.leaderboard.to_dicts(), indent=1, default=str), "utf-8")


if __name__ == "__main__":
    call_run(run)
