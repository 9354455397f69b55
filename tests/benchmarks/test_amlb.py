"""The adapter for AMLB, driven as the benchmark drives it: a process, JSON in, files out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

ROOT = Path(__file__).parents[2] / "benchmarks" / "amlb"
CALLER = Path(__file__).parent / "amlb_caller"


def table(task: str, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    word = rng.choice(["a", "b", "c"], n)
    size = x + (word == "a") + 0.3 * rng.normal(size=n)
    target = {
        "binary": np.where(size > 0, "yes", "no"),
        "multiclass": np.array(["low", "mid", "high"])[np.digitize(size, [-0.5, 0.5])],
        "regression": size,
    }[task]
    frame = pl.DataFrame({"x": x, "word": word, "class": target})
    kinds = {"word": pl.Categorical}
    return frame.cast({**kinds, "class": pl.Categorical} if task != "regression" else kinds)


def drive(folder: Path, task: str, metric: str, **config: object) -> tuple[dict, int]:
    for name, rows in (("train", 200), ("test", 50)):
        table(task, rows).write_parquet(folder / f"{name}.parquet")
    table(task, 1).write_parquet(folder / "one.parquet")
    asked = {
        "dataset": {
            "train": {"path": str(folder / "train.parquet")},
            "test": {"path": str(folder / "test.parquet")},
            "target": {"name": "class"},
            "problem_type": task,
            "inference_subsample_files": [[1, str(folder / "one.parquet")]],
        },
        "config": {
            "name": "toy",
            "fold": 0,
            "type": "regression" if task == "regression" else "classification",
            "metric": metric,
            "max_runtime_seconds": 15,
            "cores": 1,
            "seed": 2**40 + 1,
            "measure_inference_time": True,
            "framework_params": {"_note": 1, "plugins": ["linear", "decision_tree"]},
            "output_dir": str(folder / "out"),
            "output_predictions_file": str(folder / "out" / "predictions.csv"),
            "result_dir": str(folder),
            "result_file": str(folder / "result.json"),
            **config,
        },
        "options": {},
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "frameworks" / "automl" / "exec.py")],
        input=json.dumps(asked),
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(CALLER)},
    )
    return json.loads((folder / "result.json").read_text()), done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(("task", "metric"), [("binary", "auc"), ("regression", "rmse")])
def test_a_fold_is_answered(tmp_path, task, metric, soon):
    said, code = drive(tmp_path, task, metric)
    assert code == 0
    assert said.get("error_message") is None
    assert said["training_duration"] < soon(17)
    assert said["models_count"] >= 1
    assert list(said["inference_times"]) == ["1"]
    predictions = np.load(said["predictions"], allow_pickle=True)
    truth = table(task, 50)["class"].to_numpy()
    if task == "regression":
        assert said["probabilities"] is None
        assert np.corrcoef(predictions, truth)[0, 1] > 0.8
    else:
        values = np.load(said["probabilities"])
        labels = said["probabilities_labels"]
        assert labels == ["no", "yes"]
        assert values.sum(axis=1) == pytest.approx(1)
        assert (np.array(labels)[values.argmax(axis=1)] == predictions).all()
        assert (predictions == truth).mean() > 0.8
    kept = tmp_path / "out" / "leaderboard" / "toy" / "0" / "leaderboard.json"
    assert json.loads(kept.read_text())


def test_what_goes_wrong_is_handed_back(tmp_path):
    said, code = drive(tmp_path, "binary", "auc", framework_params={"plugins": ["lightgmb"]})
    assert code == 0
    assert "lightgmb" in said["error_message"]
    assert said["models_count"] == 0


def test_the_definition_names_the_folder():
    (defined,) = yaml.safe_load((ROOT / "frameworks.yaml").read_text())
    assert (ROOT / "frameworks" / defined / "exec.py").exists()
    script = (ROOT / "frameworks" / defined / "setup.sh").read_text()
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
