"""Who takes part: functions that get two files and give values back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
import pandas as pd

HARD_LIMIT = 2.0
"""A run is killed after so many budgets, and 30 seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a contender is handed: files, what to predict, and what it may spend."""

    train: Path
    test: Path
    task: str
    target: str
    budget: float
    jobs: int | None
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a contender says of the test rows.

    `values` are numbers of shape (n_rows,), or probabilities of shape (n_rows, n_classes) in the
    order of `classes` (as str). `seconds` is the wall time of learning, start included.
    """

    values: np.ndarray
    classes: list[str]
    seconds: float


class LateError(Exception):
    """A contender was killed at its hard limit."""


def command(*words: object) -> list[str]:
    script = Path(sys.executable).with_name("automl.exe" if os.name == "nt" else "automl")
    return [str(script), *(str(word) for word in words)]


def run_process(words: list[str], folder: Path, limit: float) -> float:
    """Run a command in a session of its own and return its seconds; kill it all at the limit."""
    log = folder / "log.txt"
    start = time.perf_counter()
    with log.open("ab") as file:
        process = subprocess.Popen(
            words, cwd=folder, stdout=file, stderr=file, start_new_session=True
        )
        try:
            code = process.wait(timeout=limit)
        except BaseException as error:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise LateError(f"killed after {limit:.0f} s") from error
            raise
    seconds = time.perf_counter() - start
    if code not in {0, 3}:  # 3: it is done, and nothing was better than a constant
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"exit code {code}: {lines[-1] if lines else 'no output'}")
    return seconds


def automl(job: Job) -> Answer:
    """Run the command line as a user would; the kind of the target is part of the question."""
    kind = "number" if job.task == "regression" else "category"
    words = ["fit", job.train, job.target, "--budget", job.budget, "--out", job.folder / "model"]
    words += ["--kind", f"{job.target}={kind}"]
    words += [] if job.jobs is None else ["--jobs", job.jobs]
    limit = HARD_LIMIT * job.budget + 30
    seconds = run_process(command(*words), job.folder, limit)
    out = job.folder / "predicted.parquet"
    words = ["predict", job.folder / "model", job.test, "--out", out]
    words += [] if job.task == "regression" else ["--proba"]
    run_process(command(*words), job.folder, 600)
    said = pd.read_parquet(out)
    if job.task == "regression":
        return Answer(values=said["prediction"].to_numpy(float), classes=[], seconds=seconds)
    shares = said.drop(columns="prediction")
    classes = [str(name).removeprefix("probability_") for name in shares.columns]
    return Answer(values=shares.to_numpy(float), classes=classes, seconds=seconds)


def as_numbers(train: pd.DataFrame, test: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Turn every column into numbers: strings and categories as ordinal codes, dates as seconds."""
    columns: list[tuple[np.ndarray, np.ndarray]] = []
    for name in train.columns:
        old, new = train[name], test[name]
        if pd.api.types.is_datetime64_any_dtype(old):
            columns.append((_seconds(old), _seconds(new)))
        elif pd.api.types.is_numeric_dtype(old) or pd.api.types.is_bool_dtype(old):
            columns.append(
                (old.to_numpy(float, na_value=np.nan), new.to_numpy(float, na_value=np.nan))
            )
        else:
            levels = {
                level: code for code, level in enumerate(sorted(old.dropna().astype(str).unique()))
            }
            columns.append((_codes(old, levels), _codes(new, levels)))
    return tuple(np.column_stack(side) for side in zip(*columns, strict=True))


def _seconds(column: pd.Series) -> np.ndarray:
    seconds = column.to_numpy("datetime64[s]").astype(float)
    return np.where(column.isna(), np.nan, seconds)


def _codes(column: pd.Series, levels: dict[str, int]) -> np.ndarray:
    texts = column.astype(str).map(levels)
    return texts.fillna(-1).where(column.notna()).to_numpy(float)


def lightgbm(job: Job) -> Answer:
    """LightGBM as it comes: 100 trees, default settings, ordinal codes."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    train, test = pd.read_parquet(job.train), pd.read_parquet(job.test)
    start = time.perf_counter()
    learn, new = as_numbers(train.drop(columns=job.target), test)
    settings = {"n_jobs": job.jobs, "verbose": -1, "random_state": 0}
    if job.task == "regression":
        model = LGBMRegressor(**settings).fit(learn, train[job.target].to_numpy(float))
        values, classes = model.predict(new), []
    else:
        model = LGBMClassifier(**settings).fit(learn, train[job.target].astype(str).to_numpy())
        values, classes = model.predict_proba(new), list(model.classes_)
    return Answer(values=values, classes=classes, seconds=time.perf_counter() - start)


CONTENDERS: dict[str, Callable[[Job], Answer]] = {"automl": automl, "lightgbm": lightgbm}
TIMELESS = {"lightgbm"}
"""Contenders that no budget changes."""


def version(name: str) -> str:
    """Return the version of a contender, of this checkout with its commit."""
    if name != "automl":
        return installed(name)
    words = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    commit = subprocess.run(words, cwd=here, capture_output=True, text=True, check=False).stdout
    return "+".join(filter(None, (installed("pluggable-automl"), commit.strip())))
