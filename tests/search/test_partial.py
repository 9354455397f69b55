"""A candidate that the end of the search cuts off brings what it has."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import automl
from automl.data.folds import Fold, FoldPlan
from automl.plugin import Algorithm

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::automl.errors.RunWarning")

N_FOLDS = 8


class Sum:
    """Adds up the first columns, after a while."""

    def __init__(self, n_columns: int, seconds: float) -> None:
        self.n_columns, self.seconds = n_columns, seconds

    def fit(self, X: np.ndarray, y: np.ndarray) -> Sum:
        time.sleep(self.seconds)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        said: np.ndarray = X[:, : self.n_columns].sum(axis=1)
        return said


def summing(name: str, n_columns: int, *, seconds: float = 0.0, promise: float = 0.9) -> Algorithm:
    return Algorithm(
        name=name,
        tasks=frozenset({"regression"}),
        build=lambda params, context: Sum(n_columns, seconds),
        promise=promise,
        saved=None,
    )


QUICK = summing("quick", 1)
LATE = summing("late", 2, seconds=2.0, promise=0.5)


def run(late: Algorithm, budget: float | automl.Budget, **where: Any) -> Any:
    x = np.random.default_rng(3).normal(size=(800, 2))
    return automl.fit(
        x,
        x[:, 0] + x[:, 1],
        plugins=["quick", "late", QUICK, late],
        budget=budget,
        n_jobs=1,
        strategy=automl.Strategy(folds=N_FOLDS),
        **where,
    )


def test_folds_that_are_done_when_the_time_is_up_are_in_the_blend(tmp_path: Path) -> None:
    first = run(LATE, 9.0, run=tmp_path / "run")
    rows = {row.algorithm: row for row in first.leaderboard}
    quick, late = rows["quick"], rows["late"]
    assert (late.status, late.rank, late.cv_score) == ("partial", None, None)
    n_done = int(late.message.split()[0])
    assert 0 < n_done < N_FOLDS
    assert late.weight > quick.weight
    part = next(one for one in first.predictor.parts if one.candidate.algorithm == "late")
    assert len(part.members) == n_done
    # The rows without its values are still judged by those of the other one.
    assert first.predictor.info["cv_score"] < quick.cv_score
    assert first.predictor.info["cv_score"] > 0.8 * quick.cv_score * np.sqrt(1 - n_done / N_FOLDS)

    ready = replace(LATE, build=lambda params, context: Sum(2, 0.0))
    again = run(ready, automl.Budget(trials=2), run=tmp_path / "run")
    whole = next(row for row in again.leaderboard if row.algorithm == "late")
    assert whole.status == "complete"
    assert whole.cv_score < quick.cv_score / 2


def test_rows_of_missing_folds_keep_the_values_of_another() -> None:
    rows = np.arange(6)
    folds = tuple(Fold(train=np.delete(rows, test), test=test) for test in ([0, 1], [2, 3], [3, 4]))
    plan = FoldPlan(
        splitter="plain",
        folds=tuple(replace(fold, test=np.array(fold.test)) for fold in folds),
        n_rows=6,
    )
    rest = np.array([10.0, 11.0, 12.0, 13.0, 14.0])
    found = plan.gather({0: np.array([1.0, 2.0]), 2: np.array([3.0, 4.0])}, rest)
    assert found.tolist() == [1.0, 2.0, 12.0, 3.0, 4.0]
