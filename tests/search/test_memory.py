"""What a candidate is expected to take, and what comes of one that would take too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import automl
from automl import Budget, Strategy
from automl.candidate.recipe import Candidate
from automl.errors import InputError, RunWarning
from automl.plugin import Algorithm, Context, Int
from automl.search.memory import COPIES, EMPTY, FACTOR, LEAST, Memory

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20
CONTEXT = Context(task="binary", n_classes=2, n_rows=100_000, n_columns=50)
MATRIX = 8 * 100_000 * 50


def algorithm(memory: Callable[..., float] | None = None, **more: Any) -> Algorithm:
    return Algorithm(
        name="toy",
        tasks=frozenset({"binary", "regression"}),
        build=more.pop("build", lambda params, context: None),
        memory=memory,
        **more,
    )


def memory_of(one: Algorithm, limit: int | None = None, workers: int = 2) -> Memory:
    return Memory({"toy": one}, CONTEXT, workers, limit)


def test_what_is_declared_counts() -> None:
    def need(context: Context, params: Any) -> float:
        return 8.0 * context.n_rows * params["trees"]

    memory = memory_of(algorithm(need), limit=2_000 * MIB)
    small = Candidate(algorithm="toy", params={"trees": 10})
    large = Candidate(algorithm="toy", params={"trees": 2_000})
    assert memory.expected(small) == EMPTY + COPIES * MATRIX + 8e6
    assert memory.refusal(small) == ""
    assert "would take about 1,821 MiB" in memory.refusal(large)
    assert "1,000 MiB" in memory.refusal(large)
    memory.tell(Candidate(algorithm="toy"), 5_000 * MIB)
    assert memory.refusal(small) == ""


def test_what_is_not_declared_is_learned_from_peaks() -> None:
    memory = memory_of(algorithm(), limit=4_000 * MIB)
    one = Candidate(algorithm="toy")
    assert memory.expected(one) == EMPTY + COPIES * MATRIX + FACTOR * MATRIX
    memory.tell(Candidate(algorithm="toy"), 0)
    assert memory.expected(one) == EMPTY + COPIES * MATRIX + FACTOR * MATRIX
    for peak in (600 * MIB, 1_500 * MIB, 700 * MIB):
        memory.tell(Candidate(algorithm="toy"), peak)
    assert memory.expected(one) == pytest.approx(1_500 * MIB)
    assert memory.refusal(one) == ""
    memory.tell(Candidate(algorithm="toy"), 2_100 * MIB)
    assert memory.refusal(one)


def test_a_declaration_that_raises_is_as_none() -> None:
    def broken(context: Context, params: Any) -> float:
        raise KeyError("trees")

    one = Candidate(algorithm="toy")
    assert memory_of(algorithm(broken)).expected(one) == memory_of(algorithm()).expected(one)


def test_workers_share_what_is_free() -> None:
    assert memory_of(algorithm(), limit=3_000 * MIB, workers=3).share == 1_000 * MIB
    alone, many = memory_of(algorithm(), workers=1), memory_of(algorithm(), workers=10_000)
    assert alone.share > many.share
    assert many.share == LEAST
    with pytest.raises(InputError, match="0 bytes"):
        Budget(trials=1, memory=0)


def _table() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    return {"x": x, "y": 3 * x + rng.normal(size=200)}


class Slope:
    """A line, which takes as much memory as it is told to."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes

    def fit(self, X: Any, y: Any) -> Slope:
        self.ballast = np.ones(self.megabytes << 17)
        self.coef_ = np.linalg.lstsq(X, y, rcond=None)[0]
        del self.ballast
        return self

    def predict(self, X: Any) -> Any:
        return X @ self.coef_


def test_a_candidate_that_would_not_fit_is_skipped_with_the_reason() -> None:
    toy = algorithm(
        lambda context, params: params["megabytes"] * MIB,
        build=lambda params, context: Slope(1),
        space={"megabytes": Int(0, 5_000)},
        starts=({"megabytes": 9_000}, {"megabytes": 1}),
        saved=None,
    )
    with pytest.warns(RunWarning, match="cannot be saved"):
        result = automl.fit(
            _table(),
            "y",
            budget=Budget(trials=40, memory=800 * MIB),
            plugins=["toy", toy],
            n_jobs=1,
            strategy=Strategy(isolation="none", folds=2),
        )
    rows = {row.number: row for row in result.leaderboard}
    assert rows[1].status == "skipped"
    assert rows[1].message == (
        "Not tried: it would take about 9,200 MiB, and a worker may hold 800 MiB."
    )
    assert rows[2].status == "complete"
    assert result.predictor.parts[0].candidate.algorithm == "toy"
    # After some in a row the algorithm is not asked any more, though there are trials left.
    skipped = [row.number for row in result.leaderboard if row.status == "skipped"]
    assert len(skipped) >= 5
    assert len(rows) < 41 or len(skipped) < 39


def test_a_worker_that_takes_more_than_its_share_is_killed_and_the_run_goes_on() -> None:
    toy = algorithm(
        build=lambda params, context: Slope(params["megabytes"]),
        starts=({"megabytes": 1_500}, {"megabytes": 1}),
        saved=None,
    )
    with pytest.warns(RunWarning, match="cannot be saved"):
        result = automl.fit(
            _table(),
            "y",
            budget=Budget(trials=3, memory=800 * MIB),
            plugins=["toy", "constant", toy],
            n_jobs=1,
            strategy=Strategy(folds=2),
        )
    rows = {row.number: row for row in result.leaderboard if row.algorithm == "toy"}
    first, second = (rows[number] for number in sorted(rows))
    assert first.status == "failed (memory)"
    assert "Killed at" in first.message or "MemoryError" in first.message
    # What was seen once is expected again.
    assert second.status == "skipped"
