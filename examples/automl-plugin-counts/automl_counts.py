"""Counts (claims, visits, defects): a task, its metric, and two algorithms that fit its loss.

A value is the expected count of a row. It is judged by the mean Poisson deviance, which asks twice
as much of a row whose expected count is twice as high, instead of by squares, which a few high
counts decide alone.
"""

import re
from dataclasses import replace

import numpy as np

from automl.errors import DataError
from automl.plugin import Algorithm, Encoded, Float, Int, Metric, Task, hookimpl

AUTOML_CONTRACT = 1

LEAST = 1e-4
"""No expected count is less: of nothing expected, a single event would cost infinitely much."""

SAYS_COUNT = re.compile(r"(^|_)(counts?|number_of|num|nb|n)(_|$)")
"""A name such as `n_claims`, `visit_count` or `ClaimNb`, as words with underscores."""


def is_count(target):
    """Take what the user calls a count, else only what is one by its numbers and by its name."""
    if target.forced:
        return int(target.forced == "count")
    if target.kind == "category" or not target.numeric or target.numbers is None:
        return 0
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", target.name).lower()
    fits = why_not(target) == "" and target.n_distinct > 2 and target.numbers.min() == 0
    return 2 if fits and SAYS_COUNT.search(words) else 0


def why_not(target):
    if not target.numeric or target.numbers is None:
        return f"holds labels that are no numbers, such as {str(target.labels[0])!r}"
    for wrong, what in (
        (target.numbers < 0, "negative numbers"),
        (target.numbers != np.trunc(target.numbers), "fractions"),
    ):
        if wrong.any():
            first = target.numbers[np.flatnonzero(wrong)[0]]
            return f"holds {what} in {np.count_nonzero(wrong)} rows, such as {first:g}"
    return ""


def encode(target):
    reason = why_not(target)
    if reason:
        raise DataError(
            "E_DATA_COUNT",
            f"The target {target.name!r} {reason}: counts are whole numbers from 0 up.",
            "Leave the task to the target, or repair these rows.",
        )
    return Encoded(y=target.numbers.astype(np.float64), classes=None)


def expected(estimator, X, n_classes):
    return np.maximum(np.asarray(estimator.predict(X), dtype=np.float64).reshape(-1), LEAST)


def mean(y, weight, n_classes):
    known = weight is not None and weight.sum() > 0
    return np.maximum(np.average(y, weights=weight if known else None), LEAST)


def poisson_deviance(y, given, weight):
    some = y > 0
    given = np.where(some, np.maximum(given, LEAST), given)
    logs = np.log(np.where(some, y, 1.0) / np.where(some, given, 1.0))
    return float(np.average(2 * (y * logs - y + given), weights=weight))


def lines(y, values, weight, classes):
    weight = np.ones(len(y)) if weight is None else weight
    if not weight.sum() > 0:
        return []
    zeros = np.average(y == 0, weights=weight)
    said = [f"{zeros:.1%} of the rows are 0; the mean is {np.average(y, weights=weight):.4g}."]
    order = np.argsort(values, kind="stable")
    fifth = max(1, len(y) // 5)
    for name, rows in (("lowest", order[:fifth]), ("highest", order[-fifth:])):
        if weight[rows].sum() > 0:
            counted, told = (np.average(x[rows], weights=weight[rows]) for x in (y, values))
            said.append(
                f"The fifth with the {name} answers: {told:.4g} expected, {counted:.4g} counted."
            )
    return said


COUNT = Task(
    name="count",
    matches=is_count,
    encode=encode,
    values=expected,
    constant=mean,
    decide=lambda values: values,
    estimator="regressor",
    metric="poisson_deviance",
    splitters={"plain": "k_fold", "large": "holdout", "group": "group", "time": "forward"},
    like="regression",
    lines=lines,
)

POISSON_DEVIANCE = Metric(
    name="poisson_deviance",
    tasks=frozenset({"count"}),
    score=poisson_deviance,
    reads="values",
    greater_is_better=False,
    best=0.0,
)

# What `wrap` returns is a value as any other: here it is told to serve counts alone.
POISSON_LINEAR = replace(
    Algorithm.wrap(
        "poisson_linear",
        regressor="sklearn.linear_model:PoissonRegressor",
        space={"alpha": Float(1e-6, 10.0, log=True)},
        starts=({"alpha": 1e-3, "max_iter": 300}, {"alpha": 0.1, "max_iter": 300}),
        accepts={"number", "sparse"},
        weights=True,
    ),
    tasks=frozenset({"count"}),
    cost=0.1,
)


def build_boosting(params, context):
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="poisson", early_stopping=False, random_state=context.seed, **params
    )


POISSON_BOOSTING = Algorithm(
    name="poisson_boosting",
    tasks=frozenset({"count"}),
    build=build_boosting,
    accepts=frozenset({"number", "unscaled"}),
    space={
        "learning_rate": Float(0.02, 0.3, log=True),
        "max_iter": Int(50, 400, log=True),
        "max_leaf_nodes": Int(4, 64, log=True),
        "min_samples_leaf": Int(5, 100, log=True),
    },
    starts=(
        {"max_iter": 100, "max_leaf_nodes": 15},
        {"max_iter": 300, "learning_rate": 0.05, "max_leaf_nodes": 31},
    ),
    imports=("sklearn.ensemble",),
    weights=True,
    saved=("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
)


@hookimpl
def automl_tasks():
    return [COUNT]


@hookimpl
def automl_metrics():
    return [POISSON_DEVIANCE]


@hookimpl
def automl_algorithms():
    return [POISSON_LINEAR, POISSON_BOOSTING]
