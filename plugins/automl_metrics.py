"""Metrics for classes and numbers, in NumPy alone and equal to scikit-learn's of the same name.

Where a metric has no meaning it is NaN: no rows, weights that sum to zero, an AUC with only one
class in ``y``, an average precision without a positive. A ratio of nothing to nothing (precision
where nothing was called positive) is 0. Probabilities of exactly 0 count as the smallest step of a
float64 in the log loss, so it stays finite. Binary metrics call class 1, the last in order,
positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automl.plugin import Metric, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Weight = NDArray[np.float64] | None
    Score = Callable[[Array, Array, Weight], float]

CALIBRATION_BINS = 10
TINY = float(np.finfo(np.float64).eps)


def _mean(x: Array, weight: Weight) -> float:
    if weight is None:
        return float(np.mean(x)) if len(x) else float("nan")
    total = float(np.sum(weight))
    return float(np.dot(x, weight)) / total if total > 0 else float("nan")


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)


def _weights(y: Array, weight: Weight) -> NDArray[np.float64]:
    return np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)


# Labels


def _confusion(y: Array, said: Array, weight: Weight) -> NDArray[np.float64]:
    """Return the weight of each (class, said class)."""
    n = int(max(y.max(initial=0), said.max(initial=0))) + 1
    flat = y.astype(np.intp) * n + said.astype(np.intp)
    mass = np.bincount(flat, weights=_weights(y, weight), minlength=n * n)
    return mass.astype(np.float64).reshape(n, n)


def _seen(y: Array, said: Array) -> NDArray[np.intp]:
    return np.union1d(y, said).astype(np.intp)


def accuracy(y: Array, said: Array, weight: Weight) -> float:
    """Share of labels that are right."""
    return _mean((y == said).astype(np.float64), weight)


def balanced_accuracy(y: Array, said: Array, weight: Weight) -> float:
    """Mean recall of the classes that occur."""
    table = _confusion(y, said, weight)
    whole = table.sum(axis=1)
    there = whole > 0
    return float(np.mean(np.diag(table)[there] / whole[there])) if there.any() else float("nan")


def mcc(y: Array, said: Array, weight: Weight) -> float:
    """Matthews correlation coefficient; 0 where only one class occurs or is said."""
    table = _confusion(y, said, weight)
    total = table.sum()
    if not total > 0:
        return float("nan")
    table = table / total
    of, called = table.sum(axis=1), table.sum(axis=0)
    spread = (1.0 - called @ called) * (1.0 - of @ of)
    # Below this it is the rounding of a zero.
    if spread <= 4 * TINY:
        return 0.0
    return float((np.trace(table) - of @ called) / np.sqrt(spread))


def _parts(y: Array, said: Array, weight: Weight) -> tuple[Array, Array, Array]:
    """Return hits, weight said and weight true of each class that occurs or is said."""
    table = _confusion(y, said, weight)
    seen = _seen(y, said)
    return np.diag(table)[seen], table.sum(axis=0)[seen], table.sum(axis=1)[seen]


def _binary_parts(y: Array, said: Array, weight: Weight) -> tuple[Array, Array, Array]:
    w = _weights(y, weight)
    hit = np.array([w[(y == 1) & (said == 1)].sum()])
    return hit, np.array([w[said == 1].sum()]), np.array([w[y == 1].sum()])


def _precision(hit: Array, called: Array, of: Array) -> Array:
    return _ratio(hit, called)


def _recall(hit: Array, called: Array, of: Array) -> Array:
    return _ratio(hit, of)


def _f1(hit: Array, called: Array, of: Array) -> Array:
    return _ratio(2.0 * hit, called + of)


Average = Literal["binary", "macro", "micro", "weighted"]


def _averaged(each: Callable[[Array, Array, Array], Array], average: Average) -> Score:
    def score(y: Array, said: Array, weight: Weight) -> float:
        if not len(y):
            return float("nan")
        parts = (_binary_parts if average == "binary" else _parts)(y, said, weight)
        if average == "micro":
            parts = tuple(np.array([part.sum()]) for part in parts)  # type: ignore[assignment]
        by_class = each(*parts)
        return _mean(by_class, parts[2] if average == "weighted" else None)

    return score


# Probabilities


def _area(positive: Array, p: Array, weight: Weight) -> float:
    """Return the area under the ROC curve; ties count half."""
    w = _weights(positive, weight)
    order = np.argsort(p)  # not stable, which is quicker by far: equal ones are summed up
    p, positive, w = p[order], positive[order], w[order]
    starts = np.flatnonzero(np.r_[True, p[1:] != p[:-1]]) if len(p) else np.empty(0, dtype=np.intp)
    up = np.add.reduceat(w * positive, starts) if len(p) else np.zeros(0)
    down = np.add.reduceat(w * ~positive, starts) if len(p) else np.zeros(0)
    whole = float(up.sum()) * float(down.sum())
    if not whole > 0:
        return float("nan")
    return float(up @ (np.cumsum(down) - 0.5 * down)) / whole


def _positive(values: Array) -> NDArray[np.float64]:
    """Return the probability of class 1; 0 where the target has one class only."""
    if values.shape[1] < 2:
        return np.zeros(len(values))
    return np.asarray(values[:, 1], dtype=np.float64)


def roc_auc(y: Array, values: Array, weight: Weight) -> float:
    """Area under the ROC curve of class 1; NaN where ``y`` has one class."""
    return _area(y == 1, _positive(values), weight)


def roc_auc_ovr(y: Array, values: Array, weight: Weight) -> float:
    """Mean of each class's area under the ROC curve against the rest, where it has one."""
    areas = [_area(y == k, values[:, k], weight) for k in range(values.shape[1])]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def average_precision(y: Array, values: Array, weight: Weight) -> float:
    """Precision, averaged over the steps of recall; NaN without a positive."""
    p, w = _positive(values), _weights(y, weight)
    if not float(w[y == 1].sum()) > 0:
        return float("nan")
    order = np.argsort(-p)
    p, up, w = p[order], (y == 1)[order] * w[order], w[order]
    last = np.flatnonzero(np.r_[p[1:] != p[:-1], True])
    hits, called = np.cumsum(up)[last], np.cumsum(w)[last]
    steps = np.diff(hits, prepend=0.0)
    return float(_ratio(hits, called) @ steps / hits[-1])


def log_loss(y: Array, values: Array, weight: Weight) -> float:
    """Mean of minus the logarithm of the true class's probability."""
    p = np.asarray(values, dtype=np.float64)[np.arange(len(y)), y]
    return _mean(-np.log(np.clip(p, TINY, 1.0 - TINY)), weight)


def brier(y: Array, values: Array, weight: Weight) -> float:
    """Mean squared distance of the probabilities to the truth; halved for two classes."""
    values = np.asarray(values, dtype=np.float64)
    truth = np.arange(values.shape[1]) == y[:, None]
    distance = ((values - truth) ** 2).sum(axis=1)
    return _mean(distance / 2.0 if values.shape[1] <= 2 else distance, weight)


def calibration_error(y: Array, values: Array, weight: Weight) -> float:
    """Return the expected calibration error over ten bins of equal mass; ties share a bin.

    For two classes the probability of class 1 is compared with its share, for more that of the most
    likely class with its accuracy (C. Guo et al., "On calibration of modern neural networks",
    2017).
    """
    w = _weights(y, weight)
    if not float(w.sum()) > 0:
        return float("nan")
    if values.shape[1] <= 2:
        p, right = _positive(values), y == 1
        if values.shape[1] < 2:
            p, right = np.asarray(values[:, 0], dtype=np.float64), y == 0
    else:
        p = values.max(axis=1).astype(np.float64)
        right = values.argmax(axis=1) == y
    _, step = np.unique(p, return_inverse=True)
    step = step.reshape(-1)
    mass = np.bincount(step, weights=w)
    middle = (np.cumsum(mass) - mass / 2.0) / mass.sum()
    bins = np.minimum((middle * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)[step]
    gap = np.bincount(bins, weights=w * (p - right), minlength=CALIBRATION_BINS)
    return float(np.abs(gap).sum() / w.sum())


# Numbers


def rmse(y: Array, said: Array, weight: Weight) -> float:
    """Root of the mean squared error."""
    error = np.abs(y - said)
    # Scaled, so that squares of very large errors stay finite.
    largest = float(error.max(initial=0.0))
    if not 0.0 < largest < np.inf:
        return _mean(error, weight)
    return largest * float(np.sqrt(_mean((error / largest) ** 2, weight)))


def mae(y: Array, said: Array, weight: Weight) -> float:
    """Mean absolute error."""
    return _mean(np.abs(y - said), weight)


def median_absolute_error(y: Array, said: Array, weight: Weight) -> float:
    """Median absolute error."""
    error = np.abs(y - said)
    if not len(error):
        return float("nan")
    if weight is None:
        return float(np.median(error))
    there = weight > 0
    error, weight = error[there], weight[there]
    if not len(error):
        return float("nan")
    order = np.argsort(error, kind="stable")
    error, passed = error[order], np.cumsum(weight[order])
    half = passed[-1] / 2.0
    at = int(np.searchsorted(passed, half))
    if passed[at] == half and at + 1 < len(error):
        return float(error[at] + error[at + 1]) / 2.0
    return float(error[at])


def r2(y: Array, said: Array, weight: Weight) -> float:
    """Share of the variance explained; where ``y`` is constant 1 if all is right, else 0."""
    if len(y) < 2:
        return float("nan")
    w = _weights(y, weight)
    center = _mean(y, w)
    left, whole = float(w @ (y - said) ** 2), float(w @ (y - center) ** 2)
    if left == 0.0:
        return 1.0
    return 1.0 - left / whole if whole > 0 else (0.0 if whole == 0 else float("nan"))


def mape(y: Array, said: Array, weight: Weight) -> float:
    """Mean absolute error relative to the truth, as a share; a truth of 0 weighs very much."""
    return _mean(np.abs(y - said) / np.maximum(np.abs(y), TINY), weight)


def rmsle(y: Array, said: Array, weight: Weight) -> float:
    """RMSE of log(1 + x); negative predictions count as 0, NaN where ``y`` is negative."""
    if (y < 0).any():
        return float("nan")
    return rmse(np.log1p(y), np.log1p(np.maximum(said, 0.0)), weight)


def pinball(y: Array, said: Array, weight: Weight) -> float:
    """Pinball loss of the median: half the mean absolute error."""
    return 0.5 * mae(y, said, weight)


_BINARY = frozenset({"binary"})
_CLASSES = frozenset({"binary", "multiclass"})
_NUMBERS = frozenset({"regression"})


def _up(
    name: str, score: Score, tasks: frozenset[str], reads: Literal["values", "labels"]
) -> Metric:
    return Metric(
        name=name, tasks=tasks, score=score, reads=reads, greater_is_better=True, best=1.0
    )


def _down(
    name: str, score: Score, tasks: frozenset[str], *, true_class_only: bool = False
) -> Metric:
    return Metric(
        name=name,
        tasks=tasks,
        score=score,
        reads="values",
        greater_is_better=False,
        best=0.0,
        true_class_only=true_class_only,
    )


METRICS = (
    _up("accuracy", accuracy, _CLASSES, "labels"),
    _up("balanced_accuracy", balanced_accuracy, _CLASSES, "labels"),
    _up("mcc", mcc, _CLASSES, "labels"),
    _up("precision", _averaged(_precision, "binary"), _BINARY, "labels"),
    _up("precision_macro", _averaged(_precision, "macro"), _CLASSES, "labels"),
    _up("recall", _averaged(_recall, "binary"), _BINARY, "labels"),
    _up("recall_macro", _averaged(_recall, "macro"), _CLASSES, "labels"),
    _up("f1", _averaged(_f1, "binary"), _BINARY, "labels"),
    _up("f1_macro", _averaged(_f1, "macro"), _CLASSES, "labels"),
    _up("f1_micro", _averaged(_f1, "micro"), _CLASSES, "labels"),
    _up("f1_weighted", _averaged(_f1, "weighted"), _CLASSES, "labels"),
    _up("roc_auc", roc_auc, _BINARY, "values"),
    _up("roc_auc_ovr", roc_auc_ovr, _CLASSES, "values"),
    _up("average_precision", average_precision, _BINARY, "values"),
    _down("log_loss", log_loss, _CLASSES, true_class_only=True),
    _down("brier", brier, _CLASSES),
    _down("calibration_error", calibration_error, _CLASSES),
    _down("rmse", rmse, _NUMBERS),
    _down("mae", mae, _NUMBERS),
    _down("median_absolute_error", median_absolute_error, _NUMBERS),
    _up("r2", r2, _NUMBERS, "values"),
    _down("mape", mape, _NUMBERS),
    _down("rmsle", rmsle, _NUMBERS),
    _down("pinball", pinball, _NUMBERS),
)


@hookimpl
def automl_metrics() -> tuple[Metric, ...]:
    """Return all metrics."""
    return METRICS
