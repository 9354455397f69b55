"""Small models that were learned as any other."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

import automl

N_ROWS = 160
HOSTILE = '=1+<b>&"x'
"""Name of a column that means something to a spreadsheet and to a browser."""


def table(n_rows: int = N_ROWS, seed: int = 0) -> dict[str, list[Any]]:
    """Return columns of several kinds; nothing depends on the last one."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n_rows)
    color = np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, n_rows)]
    height = rng.normal(5, 1, n_rows)
    score = size + 2.0 * (color == "red") + np.where(height > 5, size, 0.3)
    days = np.datetime64("2024-01-01") + rng.integers(0, 300, n_rows)
    return {
        "size": [None if place % 11 == 0 else float(x) for place, x in enumerate(size)],
        HOSTILE: height.tolist(),
        "color": color.tolist(),
        "day": days.astype(str).tolist(),
        "noise": rng.integers(0, 2, n_rows).tolist(),
        "score": (score + 0.2 * rng.normal(size=n_rows)).tolist(),
    }


def target(columns: dict[str, list[Any]], task: str) -> list[Any]:
    """Return the target of a task."""
    score = np.array(columns["score"])
    if task == "binary":
        return np.where(score > 0.5, "yes", "no").tolist()
    return np.digitize(score, [-0.5, 1.5]).tolist() if task == "multiclass" else score.tolist()


@cache
def learned(task: str, *algorithms: str) -> automl.Predictor:
    """Return a model with the first start of each algorithm in its blend, as far as it helps."""
    columns = table()
    y = target(columns, task)
    del columns["score"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return automl.fit(
            {**columns, "answer": y},
            "answer",
            budget=automl.Budget(trials=len(algorithms)),
            plugins=automl.Plugins(only=algorithms, without=("listener:*",)),
            strategy=automl.Strategy(task=task, folds=2, isolation="none"),
            n_jobs=1,
        ).predictor
