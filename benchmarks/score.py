"""The harness scores; a contender only hands over values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import PRIMARY
from benchmarks.tables import Question

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 together: float32, and many classes."""

SMALLEST = 1e-15
"""No probability is taken as smaller, so that log loss stays finite."""


class WrongAnswerError(Exception):
    """Values that cannot be scored."""


@dataclass(frozen=True, slots=True)
class Scores:
    """By metric; `primary` is the one of the task."""

    by_metric: dict[str, float]
    primary: float


def scores(values: NDArray[Any], classes: list[int], asked: Question) -> Scores:
    """Check values and score them.

    Raises
    ------
    WrongAnswerError
        If they have another shape, are not finite, are no probabilities, or name a class that
        training did not have.
    """
    if values.dtype.kind not in "fiu":
        raise WrongAnswerError(f"values of type {values.dtype}")
    if asked.task == "regression":
        said = _numbers(values, asked)
    else:
        said = _shares(values, classes, asked)
    by_metric = measure(said, asked)
    return Scores(by_metric, by_metric[PRIMARY[asked.task]])


def constant(asked: Question) -> float:
    """Return the primary score of the shares of the classes, or the mean, in training."""
    known = asked.train[asked.target].to_numpy()
    n_rows = len(asked.truth)
    if asked.task == "regression":
        said = np.full(n_rows, known.mean())
    else:
        said = np.tile(np.bincount(known, minlength=asked.n_classes) / len(known), (n_rows, 1))
    return measure(said, asked)[PRIMARY[asked.task]]


def measure(said: NDArray[np.float64], asked: Question) -> dict[str, float]:
    """Return all metrics of checked values."""
    from sklearn import metrics

    truth = asked.truth
    if asked.task == "regression":
        return {
            "rmse": float(metrics.root_mean_squared_error(truth, said)),
            "mae": float(metrics.mean_absolute_error(truth, said)),
            "r2": float(metrics.r2_score(truth, said)),
        }
    labels = np.arange(asked.n_classes)
    likely = said.argmax(axis=1)
    present = np.unique(truth)
    recalls = [float((likely[truth == label] == label).mean()) for label in present]
    clipped = np.clip(said, SMALLEST, None)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return {
        "auc": _auc(said, truth, present),
        "log_loss": float(metrics.log_loss(truth, clipped, labels=labels)),
        "accuracy": float((likely == truth).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
    }


def _auc(said: NDArray[np.float64], truth: NDArray[Any], present: NDArray[Any]) -> float:
    """Return the area under the curve of two classes, or the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    if len(present) < 2:
        return float("nan")
    if said.shape[1] == 2:
        return float(roc_auc_score(truth, said[:, 1]))
    return float(np.mean([roc_auc_score(truth == label, said[:, label]) for label in present]))


def _numbers(values: NDArray[Any], asked: Question) -> NDArray[np.float64]:
    n_rows = len(asked.truth)
    if values.shape not in {(n_rows,), (n_rows, 1)}:
        raise WrongAnswerError(f"{n_rows} rows were asked, the values have shape {values.shape}")
    said = values.reshape(-1).astype(np.float64)
    if not np.isfinite(said).all():
        raise WrongAnswerError(f"{int((~np.isfinite(said)).sum())} values are not finite")
    return said


def _shares(values: NDArray[Any], classes: list[int], asked: Question) -> NDArray[np.float64]:
    n_rows = len(asked.truth)
    if values.shape != (n_rows, len(classes)):
        raise WrongAnswerError(
            f"{n_rows} rows and {len(classes)} classes, but the values have shape {values.shape}"
        )
    if len(set(classes)) != len(classes):
        raise WrongAnswerError(f"a class is named twice: {classes[:20]}")
    if unknown := sorted(set(classes) - set(range(asked.n_classes))):
        raise WrongAnswerError(f"classes that training did not have: {unknown[:20]}")
    if not np.isfinite(values).all():
        raise WrongAnswerError(f"{int((~np.isfinite(values)).sum())} probabilities are not finite")
    if (values < -SUM_TOLERANCE).any():
        raise WrongAnswerError("a probability is negative")
    totals = values.sum(axis=1, dtype=np.float64)
    if (np.abs(totals - 1) > SUM_TOLERANCE).any():
        raise WrongAnswerError(
            f"probabilities of a row sum to between {totals.min():.4g} and {totals.max():.4g}"
        )
    said = np.zeros((n_rows, asked.n_classes))
    said[:, classes] = np.clip(values, 0, None)
    return said
