"""With a budget of trials the pace of the workers changes nothing."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import automl
from automl.plugin import Algorithm, Float
from automl.search.jobs import Ended, Job
from automl.search.workers import SamePool

TRIALS = 16


class Paced(SamePool):
    """Two workers of which each is as quick as the dice say: the jobs end in any order."""

    size = 2

    def __init__(self, handler: str, seed: int) -> None:
        super().__init__(handler)
        self._dice = random.Random(seed)
        self._in_work: dict[int, Job] = {}
        self.overtaken = 0

    def idle(self) -> tuple[int, ...]:
        return tuple(worker for worker in (0, 1) if worker not in self._in_work)

    def submit(self, job: Job, worker: int | None = None) -> None:
        assert worker in self.idle()
        self._in_work[worker] = job

    def wait(self, timeout: float | None = None) -> list[Ended]:
        if not self._in_work or timeout == 0:
            return []
        worker = self._dice.choice([*self._in_work])
        job = self._in_work.pop(worker)
        self.overtaken += any(one.number < job.number for one in self._in_work.values())
        super().submit(job)
        return super().wait()

    def cancel(self, number: int) -> None:
        self._in_work = {w: job for w, job in self._in_work.items() if job.number != number}


class Line:
    """Looks at one column, more or less; below a half it is hopeless, and it may fail."""

    def __init__(self, bend: float) -> None:
        self.bend = bend

    def fit(self, X: np.ndarray, y: np.ndarray) -> Line:
        if 0.4 < self.bend < 0.42:
            raise ValueError("no line")
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        z = X[:, 0] if self.bend > 0.5 else X[:, 1]
        p = 1 / (1 + np.exp(-z * self.bend - X[:, 1] * (self.bend - 0.8)))
        return np.column_stack([1 - p, p])


def line(name: str, *starts: float) -> Algorithm:
    return Algorithm(
        name=name,
        tasks=frozenset({"binary"}),
        build=lambda params, context: Line(params["bend"]),
        space={"bend": Float(0.0, 1.0)},
        starts=tuple({"bend": bend} for bend in starts),
        saved=None,
    )


PLUGINS = ["first", "second", line("first", 0.9, 0.1, 0.41), line("second", 0.6, 0.05)]


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    return x, x[:, 0] + rng.normal(size=120) > 0


def run(seed: int, trials: int = TRIALS, home: Path | None = None) -> tuple[Any, int]:
    """Return what a run has tried and predicts, and how often a job overtook another."""
    made = []

    def executor(*, size: int, handler: str, log_folder: Path, preload: tuple[str, ...]) -> Paced:
        made.append(Paced(handler, seed))
        return made[0]

    x, y = table()
    with pytest.warns(automl.errors.RunWarning, match="W_RUN_UNSAVED"):
        found = automl.fit(
            x,
            y,
            plugins=PLUGINS,
            budget=automl.Budget(trials=trials),
            run=home,
            strategy=automl.Strategy(executor=executor, folds=3),
        )
    rows = sorted(found.leaderboard, key=lambda row: row.number)
    said = [(row.number, row.algorithm, row.params, row.status, row.cv_score) for row in rows]
    weights = [row.weight for row in rows]
    return (said, weights, found.predictor.predict_proba(x).tolist()), made[0].overtaken


@pytest.fixture(scope="module")
def expected() -> Any:
    return run(0)[0]


def test_the_search_is_worth_looking_at(expected: Any) -> None:
    said, weights, _ = expected
    assert {row[3] for row in said} == {"complete", "pruned", "failed (exception)"}
    assert len(said) == TRIALS + 1
    assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_run_does_not_depend_on_who_is_quicker(expected: Any, seed: int) -> None:
    found, overtaken = run(seed)
    assert overtaken
    assert found == expected


def test_nor_does_one_that_was_stopped_and_goes_on(expected: Any, tmp_path: Path) -> None:
    first, _ = run(7, 9, tmp_path)
    assert first[0] == expected[0][:10]
    said, weights, values = run(8, TRIALS, tmp_path)[0]
    assert (said, weights) == expected[:2]
    np.testing.assert_allclose(values, expected[2], rtol=1e-12)
