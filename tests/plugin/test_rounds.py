"""Counting rounds on a part of the training rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import automl
from automl.plugin import Algorithm, Validation, counted_inside

BEST = 7


def fit(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
    """Is best at round 7, where there are rows to see it."""
    estimator.calls.append((len(y), None if weight is None else len(weight), validation))
    for round_ in range(1, 3 * BEST if validation is not None else estimator.rounds + 1):
        estimator.seen = round_
        if report(round_, None if validation is None else -abs(round_ - BEST)):
            break


def learned(few: bool, named: bool, last: int = 99) -> Any:
    calls: list[Any] = []
    estimator = SimpleNamespace(calls=_Shared(calls), rounds=5 if named else 99, seen=0)
    X, y = np.zeros((40, 2)), np.repeat([0, 1], 20)
    rows = Validation(X=X[:4], y=y[:4], few=few)
    counting = counted_inside(fit, "rounds" if named else "")
    counting(estimator, X, y, np.ones(40), rows, lambda round_, score=None: round_ >= last)
    return estimator


class _Shared(list[Any]):
    """Stays the same in a copy."""

    def __init__(self, calls: list[Any]) -> None:
        super().__init__(calls)

    def __deepcopy__(self, memo: Any) -> _Shared:
        return self


def test_enough_validation_rows_are_handed_on() -> None:
    ((n_rows, n_weights, validation),) = learned(few=False, named=False).calls
    assert (n_rows, n_weights) == (40, 40)
    assert len(validation.y) == 4


@pytest.mark.parametrize("named", [False, True])
def test_few_of_them_are_not_looked_at_and_all_training_rows_are_learned_from(named: bool) -> None:
    estimator = learned(few=True, named=named)
    (n_rows, n_weights, inside), (whole, _, none) = estimator.calls
    assert (n_rows, n_weights) == (32, 32)
    assert np.bincount(inside.y).tolist() == [4, 4]
    assert (whole, none, estimator.seen) == (40, None, BEST)
    assert estimator.rounds == (5 if named else 99)


def test_the_deadline_counts_in_both() -> None:
    assert learned(few=True, named=False, last=3).seen == 3


@pytest.mark.parametrize(("grouped", "few"), [(False, True), (True, False)])
def test_a_run_says_where_held_out_rows_are_few_and_others_would_do(
    grouped: bool, few: bool
) -> None:
    from sklearn.linear_model import LogisticRegression

    seen = []

    def learn(estimator: Any, X: Any, y: Any, weight: Any, validation: Any, report: Any) -> None:
        seen.append(validation.few)
        estimator.fit(X, y)

    toy = Algorithm(
        name="toy",
        tasks=frozenset({"binary"}),
        build=lambda params, context: LogisticRegression(),
        fit=learn,
    )
    x = np.random.default_rng(0).normal(size=60).round(2)
    table = {"x": x, "who": np.repeat(np.arange(20), 3), "y": np.where(x > 0, "a", "b")}
    automl.fit(
        table,
        "y",
        budget=automl.Budget(trials=1),
        columns=automl.Columns(group="who") if grouped else automl.Columns(ignored=("who",)),
        plugins=["toy", toy],
        strategy=automl.Strategy(isolation="none"),
    )
    assert set(seen) == {few}
