"""Looks at few rows first, and who goes on to more."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import automl
from automl.candidate.recipe import Candidate
from automl.plugin import Algorithm, Choice
from automl.search import rungs
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.rungs import Rungs, best_of_each, sizes_for, some_rows

pytestmark = pytest.mark.filterwarnings("ignore::automl.errors.RunWarning")

N_ROWS = 960_000
FIRST = N_ROWS // 64


def rungs_of(seconds: float = 120.0, **more: Any) -> Rungs:
    return Rungs(N_ROWS, seconds, 0.0, greater_is_better=True, **more)


def look(name: str, score: float, seconds: float = 1.0, rows: int | None = FIRST) -> Evaluation:
    return Evaluation(
        number=1,
        candidate=Candidate(algorithm=name, rows=rows),
        cv_score=score,
        fold_scores=(score,),
        values=np.zeros(1, dtype=np.float32),
        members=(),
        sample=np.zeros(1),
        seconds=seconds,
    )


def told(one: Rungs, *looks: Evaluation) -> list[str]:
    found = []
    for each in looks:
        one.begin(each.candidate, each.seconds)
        found += [known.candidate.algorithm for known in one.tell(each)]
    return found


def on_more(one: Rungs, left: float = 100.0, longest: float = 50.0) -> Candidate | None:
    found = one.next(left, longest)
    if found is None:
        return None
    one.begin(*found)
    return found[0]


def test_rungs_grow_by_the_same_factor_and_end_with_all_rows() -> None:
    assert sizes_for(N_ROWS) == (FIRST, N_ROWS // 16, N_ROWS // 4, None)
    assert sizes_for(20_000) == (None,)
    assert sizes_for(0) == (None,)


def test_a_run_that_is_not_measured_takes_all_rows_at_once() -> None:
    assert rungs_of(float("inf")).first is None


def test_rows_of_a_rung_stand_for_all() -> None:
    y = np.repeat([0, 1, 2], [900, 90, 10])
    rows = some_rows(y, 100, 0)
    assert rows is not None
    assert (np.diff(rows) > 0).all()
    assert np.bincount(y[rows]).tolist() == [90, 9, 1]
    assert some_rows(y, None, 0) is None
    assert some_rows(y, 1_000, 0) is None


def test_the_best_go_on_to_the_most_rows_that_can_be_had_and_algorithms_alternate() -> None:
    one = rungs_of()
    assert told(one, look("a", 0.5), look("b", 0.48)) == []
    assert on_more(one) is None
    # Now it is known what looks cost; what studies may learn is told at once.
    assert told(one, look("far", 0.1)) == ["a", "b", "far"]
    assert told(one, *(replace(look("c", 0.3), number=n) for n in range(2, 5))) == ["c"] * 3
    assert on_more(one) == Candidate(algorithm="a", rows=N_ROWS // 4)
    told(one, look("d", 0.2, 20.0))
    assert on_more(one) == Candidate(algorithm="b", rows=N_ROWS // 4)
    assert on_more(one) is None


def test_what_can_be_told_to_stop_goes_on_to_rows_that_take_longer() -> None:
    one = rungs_of(in_rounds={"a"})
    told(one, look("a", 0.5), look("b", 0.5), look("c", 0.5, 30.0))
    found = {each.algorithm: each.rows for each in (on_more(one), on_more(one)) if each}
    assert found == {"a": None, "b": N_ROWS // 4}


def test_nobody_waits_for_further_looks_where_there_is_nobody_new() -> None:
    one = rungs_of()
    told(one, look("a", 0.1))
    assert one.next(100.0, 100.0) is None
    found = one.next(100.0, 100.0, alone=True)
    assert found == (Candidate(algorithm="a"), 64.0)


def test_where_nobody_is_new_it_is_decided_with_what_there_is() -> None:
    one = rungs_of()
    assert one.settle() == []
    assert told(one, look("a", 0.1)) == []
    assert [known.candidate.algorithm for known in one.settle()] == ["a"]
    assert one.settle() == []
    assert told(one, look("b", 0.1)) == ["b"]


def test_looks_are_dropped_where_all_rows_cost_little() -> None:
    one = rungs_of(100_000.0)
    assert told(one, look("a", 0.5), look("b", 0.4), look("c", 0.3)) == []
    assert one.first is None
    names = [each.algorithm for each in (on_more(one), on_more(one), on_more(one)) if each]
    assert names == ["a", "b", "c"]
    assert on_more(one) is None
    # A look that was in work meanwhile teaches no study, and is repeated on all rows.
    assert told(one, look("d", 0.2)) == []
    assert on_more(one) == Candidate(algorithm="d")
    assert told(one, look("d", 0.3, rows=None)) == ["d"]


def test_a_candidate_is_blended_once() -> None:
    failed = Failure(
        number=3,
        candidate=Candidate(algorithm="a"),
        reason=Reason.TIMEOUT,
        message="",
        seconds=1.0,
    )
    few, many = look("a", 0.5), look("a", 0.6, rows=None)
    other = look("b", 0.4)
    assert best_of_each([few, failed, other, many], greater_is_better=True) == [
        many,
        failed,
        other,
    ]
    assert best_of_each([few, many], greater_is_better=False) == [few]


class Slow:
    """Learns a mean, the better the more rows there are, and takes its time."""

    seen: list[int] = []  # noqa: RUF012 - what all instances saw

    def __init__(self, column: int) -> None:
        self.column = column

    def fit(self, X: np.ndarray, y: np.ndarray) -> Slow:
        self.seen.append(len(y))
        time.sleep(len(y) / 20_000)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        said: np.ndarray = X[:, self.column]
        return said


def test_a_run_looks_at_few_rows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rungs, "LEAST_ROWS", 300)
    monkeypatch.setattr(rungs, "SMALL", 0.0)
    monkeypatch.setattr(Slow, "seen", [])
    columns = range(3)
    slow = Algorithm(
        name="slow",
        tasks=frozenset({"regression"}),
        build=lambda params, context: Slow(params["column"]),
        space={"column": Choice(*columns)},
        starts=tuple({"column": column} for column in columns),
        saved=None,
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 3))
    y = X[:, 0] + 0.1 * rng.normal(size=2_000)
    result = automl.fit(
        X,
        y,
        budget=600,
        n_jobs=1,
        plugins=["slow", slow],
        strategy=automl.Strategy(isolation="none", folds=1),
    )
    assert sorted(set(Slow.seen)) == [400, 1_600]
    rows = {(row.params["column"], row.status) for row in result.leaderboard if row.params}
    assert rows >= {(column, "sample") for column in columns} | {(0, "complete")}
    assert [part.candidate.rows for part in result.predictor.parts] == [None]
    assert "Fitted on 400" in next(r.message for r in result.leaderboard if r.status == "sample")
