"""The tasks binary, multiclass and regression.

Which one a target is, unless the user says (``Target.forced`` names the task, ``Target.kind`` says
whether the labels are classes or numbers):

- labels that are not numbers (truth values, words) are classes;
- numbers are classes where all of them are whole and there are at most two of them, or where they
  look like codes: at most 20 distinct, spread over less than ten times as many values, each on
  average on five rows or more;
- all other numbers are numbers: regression;
- up to two classes are binary (a single class has a constant answer), more are multiclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Encoded, Task, hookimpl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.target import Target

MAX_CODES = 20
MAX_GAP = 10
MIN_ROWS_A_CODE = 5
MAX_CLASSES_SHOWN = 6


def _looks_like_classes(target: Target) -> bool:
    if target.kind:
        return target.kind == "category"
    if not target.numeric or target.numbers is None or target.labels.dtype.kind == "b":
        return True
    numbers = target.numbers
    if not np.array_equal(numbers, np.trunc(numbers)):
        return False
    n = target.n_distinct
    if n <= 2:
        return True
    codes = n <= MAX_CODES and n * MIN_ROWS_A_CODE <= len(numbers)
    return bool(codes and np.ptp(numbers) < n * MAX_GAP)


def _has_numbers(target: Target) -> bool:
    return target.numeric and target.numbers is not None


def _matches_binary(target: Target) -> int:
    if target.n_distinct > 2:
        return 0
    if target.forced:
        return int(target.forced == "binary")
    return int(_looks_like_classes(target))


def _matches_multiclass(target: Target) -> int:
    if target.forced:
        return int(target.forced == "multiclass")
    return int(target.n_distinct > 2 and _looks_like_classes(target))


def _matches_regression(target: Target) -> int:
    if not _has_numbers(target):
        return 0
    if target.forced:
        return int(target.forced == "regression")
    return int(not _looks_like_classes(target))


def _encode_classes(target: Target) -> Encoded:
    labels = target.labels
    if labels.dtype.kind != "O":
        classes, y = np.unique(labels, return_inverse=True)
        return Encoded(y=y.reshape(-1).astype(np.int64), classes=classes)
    # A dict is several times quicker than sorting an array of objects.
    values = labels.tolist()
    known = sorted(set(values))
    code = {label: i for i, label in enumerate(known)}
    y = np.fromiter((code[label] for label in values), dtype=np.int64, count=len(values))
    classes = np.empty(len(known), dtype=object)
    classes[:] = known
    return Encoded(y=y, classes=classes)


def _encode_number(target: Target) -> Encoded:
    return Encoded(y=np.array(target.numbers, dtype=np.float64), classes=None)


def _probabilities(estimator: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    if not hasattr(estimator, "predict_proba"):
        return _from_scores(estimator, X, n_classes)
    said = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    classes = getattr(estimator, "classes_", None)
    if said.ndim != 2 or said.shape[1] == n_classes or classes is None:
        return said  # a wrong shape is named where the engine looks at it
    values = np.zeros((len(said), n_classes))
    values[:, np.asarray(classes, dtype=np.intp)] = said
    return values


def _from_scores(estimator: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    """Return shares that grow with what decision_function says; else all on the class said."""
    if hasattr(estimator, "decision_function"):
        scores = np.asarray(estimator.decision_function(X), dtype=np.float64)
        if scores.ndim == 1 or scores.shape[1] == 1:
            scores = np.column_stack([np.zeros(len(scores)), scores])
        if scores.shape[1] == n_classes:
            e = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares: NDArray[np.float64] = e / e.sum(axis=1, keepdims=True)
            return shares
    codes = np.asarray(estimator.predict(X)).astype(np.intp)
    return np.eye(n_classes, dtype=np.float64)[codes]


def _numbers(estimator: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    return np.asarray(estimator.predict(X), dtype=np.float64).reshape(-1)


def _shares(
    y: NDArray[Any], weight: NDArray[np.float64] | None, n_classes: int
) -> NDArray[np.float64]:
    counts = np.bincount(y, weights=weight, minlength=n_classes).astype(np.float64)
    total = counts.sum()
    return counts / total if total > 0 else np.full(n_classes, 1.0 / max(n_classes, 1))


def _mean(
    y: NDArray[Any], weight: NDArray[np.float64] | None, n_classes: int
) -> NDArray[np.float64]:
    if weight is None or not weight.sum() > 0:
        return np.asarray(np.mean(y), dtype=np.float64)
    return np.asarray(np.average(y, weights=weight), dtype=np.float64)


def _most_likely(values: NDArray[np.float64]) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = np.argmax(values, axis=1).astype(np.int64)
    return codes


def _itself(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


def _quantile(x: NDArray[Any], weight: NDArray[np.float64] | None, share: float) -> float:
    """Return the smallest number that at least a share of the weight does not exceed."""
    order = np.argsort(x, kind="stable")
    mass = np.cumsum(np.ones(len(x)) if weight is None else weight[order])
    return float(x[order][min(np.searchsorted(mass, share * mass[-1]), len(x) - 1)])


def _of_numbers(
    y: NDArray[Any],
    values: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    classes: NDArray[Any] | None,
) -> tuple[str, ...]:
    off = np.abs(values - y)
    half, most = (_quantile(off, weight, share) for share in (0.5, 0.9))
    low, high = (_quantile(y, weight, share) for share in (0.05, 0.95))
    line = (
        f"Half of the rows are off by at most {half:.4g}, 90 % by at most {most:.4g}; the truth "
        f"lies between {low:.4g} and {high:.4g} in 90 % of them."
    )
    return (line,)


def _of_classes(
    y: NDArray[Any],
    values: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    classes: NDArray[Any] | None,
) -> tuple[str, ...]:
    names = [] if classes is None else classes.tolist()
    n = len(names)
    said = _most_likely(values)
    mass = np.bincount(y * n + said, weights=weight, minlength=n * n).reshape(n, n).astype(float)
    of, called, hits = mass.sum(axis=1), mass.sum(axis=0), np.diag(mass)
    total = mass.sum()
    if not total > 0:
        return ()
    often = int(of.argmax())
    whole = (
        f"{hits.sum() / total:.1%} of the rows are given the right class; always saying "
        f"{names[often]!r} would be right for {of[often] / total:.1%}."
    )
    if n > MAX_CLASSES_SHOWN:
        return (whole,)
    lines = [whole]
    for name, all_of, all_called, hit in zip(names, of, called, hits, strict=True):
        found = f"{hit / all_of:.1%} of its rows are found" if all_of else "no row has it"
        right = f"{hit / all_called:.1%} of those called so are" if all_called else "never said"
        lines.append(f"{name!r}: {found}, {right}.")
    return tuple(lines)


_CLASS_SPLITTERS = {
    "plain": "stratified",
    "large": "stratified_holdout",
    "group": "stratified_group",
    "time": "forward",
}

BINARY = Task(
    name="binary",
    matches=_matches_binary,
    encode=_encode_classes,
    values=_probabilities,
    constant=_shares,
    decide=_most_likely,
    estimator="classifier",
    metric="roc_auc",
    splitters=_CLASS_SPLITTERS,
    lines=_of_classes,
    weighable=True,
)

MULTICLASS = Task(
    name="multiclass",
    matches=_matches_multiclass,
    encode=_encode_classes,
    values=_probabilities,
    constant=_shares,
    decide=_most_likely,
    estimator="classifier",
    metric="log_loss",
    splitters=_CLASS_SPLITTERS,
    lines=_of_classes,
    weighable=True,
)

REGRESSION = Task(
    name="regression",
    matches=_matches_regression,
    encode=_encode_number,
    values=_numbers,
    constant=_mean,
    decide=_itself,
    estimator="regressor",
    metric="rmse",
    splitters={"plain": "k_fold", "large": "holdout", "group": "group", "time": "forward"},
    lines=_of_numbers,
)


@hookimpl
def automl_tasks() -> tuple[Task, ...]:
    """Return the three tasks on one target column."""
    return (BINARY, MULTICLASS, REGRESSION)
