"""Who is given up between folds, and who may go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import automl
from automl.events import Blended, Event, Improved
from automl.plugin import Algorithm, Choice, Listener

pytestmark = pytest.mark.filterwarnings("ignore::automl.errors.RunWarning")


class Reader:
    """Says what one of the columns says, more or less surely."""

    def __init__(self, column: int, sure: float, *, classes: bool) -> None:
        self.column, self.sure, self.classes = column, sure, classes

    def fit(self, X: np.ndarray, y: np.ndarray) -> Reader:
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        said: np.ndarray = X[:, self.column] * self.sure
        return said

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-self.predict(X)))
        return np.column_stack([1 - p, p])


def reader(name: str, column: int, *, sure: float = 1.0, promise: float = 0.5) -> Algorithm:
    return Algorithm(
        name=name,
        tasks=frozenset({"binary", "regression"}),
        build=lambda params, context: Reader(
            column, params["sure"], classes=context.task == "binary"
        ),
        space={"sure": Choice(sure)},
        starts=({"sure": sure},),
        promise=promise,
        saved=None,
    )


GOOD = reader("good", 0, promise=0.9)
OTHER = reader("other", 1)
SAME = reader("same", 0, sure=0.99, promise=0.8)
WORSE = reader("worse", 2)


def run(n_rows: int, *plugins: Algorithm | Listener, numbers: bool = False, **strategy: Any) -> Any:
    """Two columns matter, and the third is the first with noise: it knows nothing of its own."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n_rows, 3))
    x[:, 2] = x[:, 0] + 0.5 * rng.normal(size=n_rows)
    y = x[:, 0] + x[:, 1] + 0.5 * rng.normal(size=n_rows)
    return automl.fit(
        x,
        y if numbers else y > 0,
        plugins=[*(one.name for one in plugins), *plugins],
        budget=automl.Budget(trials=sum(isinstance(one, Algorithm) for one in plugins)),
        strategy=automl.Strategy(folds=5, **strategy),
        metric="r2" if numbers else "roc_auc",
    )


def statuses(result: Any) -> dict[str, str]:
    return {row.algorithm: row.status for row in result.leaderboard}


@pytest.mark.parametrize("numbers", [False, True])
def test_who_adds_nothing_to_a_blend_is_given_up_and_who_does_goes_on(numbers: bool) -> None:
    found = run(2_000, GOOD, OTHER, WORSE, numbers=numbers)
    assert statuses(found) == {
        "good": "complete",
        "other": "complete",
        "worse": "pruned",
        "baseline": "complete",
    }
    row = next(row for row in found.leaderboard if row.algorithm == "worse")
    assert "adds nothing to a blend" in row.message


def test_few_rows_speak_against_nobody() -> None:
    assert set(statuses(run(90, GOOD, OTHER, WORSE)).values()) == {"complete"}


def test_where_being_quick_counts_too_all_go_on() -> None:
    found = run(2_000, GOOD, OTHER, WORSE, objectives=("latency_ms",))
    assert set(statuses(found).values()) == {"complete"}


def test_the_first_has_no_rival() -> None:
    assert statuses(run(2_000, WORSE))["worse"] == "complete"


def test_weights_say_which_rows_count() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, 2))
    first = rng.random(2_000) < 0.5
    y = np.where(first, x[:, 0], x[:, 1])
    frame = {"a": x[:, 0], "b": x[:, 1], "weight": np.where(first, 1.0, 1e-9), "y": y}
    found = automl.fit(
        frame,
        "y",
        plugins=["good", "same", "other", GOOD, SAME, OTHER],
        columns=automl.Columns(weight="weight"),
        budget=automl.Budget(trials=3),
        strategy=automl.Strategy(folds=4),
    )
    # On the rows that count the first column says all.
    assert statuses(found)["other"] == "pruned"


def test_the_blend_of_all_that_came_is_told_as_it_gets_better() -> None:
    told: list[Event] = []
    run(1_000, GOOD, OTHER, Listener(name="watch", start=lambda: told.append))
    scores = [one.score for one in told if isinstance(one, Blended)]
    single = [one.score for one in told if isinstance(one, Improved)]
    assert scores == sorted(scores)
    assert scores[-1] > single[-1] + 0.02
