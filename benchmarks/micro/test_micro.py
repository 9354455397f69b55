"""Pieces of ours beside the limit that each is held against; see README.md of this folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import automl
from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.model.blend import MAX_CANDIDATES, MAX_ROWS, STEPS, blend
from automl.model.judge import Judge
from automl.model.member import Shelf
from automl.plugin.discovery import discover
from automl.search.jobs import Job
from automl.search.workers import ProcessPool

pytestmark = pytest.mark.filterwarnings("ignore")

TRIALS = 24
FOLDS = 3
N_ROWS = 4_000
SEED = 0


def mixed(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Return a table whose columns are numbers, whole numbers, words and dates in turn."""
    rng = np.random.default_rng(SEED)
    words = np.array([f"word {i}" for i in range(40)])
    makers: list[Callable[[], Any]] = [
        lambda: rng.normal(size=n_rows),
        lambda: rng.integers(0, 1000, n_rows),
        lambda: words[rng.integers(0, len(words), n_rows)],
        lambda: np.where(rng.random(n_rows) < 0.1, np.nan, rng.normal(size=n_rows)),
        lambda: pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, n_rows), "D"),
    ]
    return pd.DataFrame({f"c{i}": makers[i % len(makers)]() for i in range(n_columns)})


def numbers(n_rows: int) -> dict[str, np.ndarray]:
    """Return a table of numbers with two classes."""
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(n_rows, 20))
    y = X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n_rows) > 0
    return {**{f"x{i}": X[:, i] for i in range(20)}, "y": y}


def search(isolation: Any) -> Any:
    """Run the loop over one quick algorithm, in one worker."""
    return automl.fit(
        numbers(N_ROWS),
        "y",
        metric="log_loss",
        budget=automl.Budget(trials=TRIALS),
        plugins=["decision_tree"],
        n_jobs=1,
        strategy=automl.Strategy(isolation=isolation, folds=FOLDS),
    )


def bare(leaderboard: Any) -> None:
    """Fit and ask the trees of a run without any engine."""
    table = numbers(N_ROWS)
    y = table.pop("y")
    X = np.column_stack(list(table.values()))
    fold = np.arange(N_ROWS) % FOLDS
    for row in leaderboard:
        if row.status in {"complete", "pruned"} and row.algorithm == "decision_tree":
            depth = row.params.get("max_depth")
            leaf = max(int(row.params.get("leaf_share", 0.01) * N_ROWS), 1)
            for k in range(FOLDS):
                tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf)
                tree.fit(X[fold != k], y[fold != k])
                tree.predict_proba(X[fold == k])


@pytest.mark.benchmark(group="trial")
class TestTrial:
    """A candidate in our loop, and its fits alone."""

    def test_ours(self, benchmark: Any) -> None:
        search("none")
        benchmark.pedantic(search, args=("none",), rounds=5)

    def test_limit_bare_fits(self, benchmark: Any) -> None:
        board = search("none").leaderboard
        benchmark.pedantic(bare, args=(board,), rounds=5)


@pytest.mark.benchmark(group="trial in a worker")
class TestTrialInAWorker:
    """What isolation costs; a fit starts its worker too."""

    def test_ours(self, benchmark: Any) -> None:
        benchmark.pedantic(search, args=("process",), rounds=3)

    def test_limit_in_process(self, benchmark: Any) -> None:
        benchmark.pedantic(search, args=("none",), rounds=3)


@pytest.mark.benchmark(group="preparation")
class TestPreparation:
    """From a dataframe to our blocks of columns."""

    def test_ours(self, benchmark: Any) -> None:
        frame = mixed(100_000, 50)

        def prepare() -> None:
            raw = take_in(frame)
            schema, _ = infer(raw, Columns())
            apply(schema, raw)

        benchmark.pedantic(prepare, rounds=5)
        benchmark.extra_info["cells a second"] = round(frame.size / benchmark.stats["min"])

    def test_limit_one_pass(self, benchmark: Any) -> None:
        frame = mixed(100_000, 50)

        def look() -> None:
            for name in frame.columns:
                column = frame[name]
                if column.dtype.kind in "ifM":
                    column.to_numpy(copy=True)
                else:
                    pd.factorize(column)

        benchmark.pedantic(look, rounds=5)


def select(metric: str, values: list[np.ndarray], y: np.ndarray) -> None:
    """Blend as a run does."""
    catalog = discover()
    task = catalog.get("task", "binary")
    judge = Judge(metric=catalog.get("metric", metric), decide=task.decide, y=y)
    blend(values, judge, max_members=12)


def members() -> tuple[list[np.ndarray], np.ndarray]:
    """Return 200 members' probabilities for 100,000 rows."""
    rng = np.random.default_rng(SEED)
    y = rng.integers(0, 2, 100_000)
    found = []
    for i in range(200):
        p = 1 / (1 + np.exp(-(y - 0.5 + rng.normal(size=len(y)) * (1 + i / 100))))
        found.append(np.column_stack([1 - p, p]).astype(np.float32))
    return found, y


def sums(values: list[np.ndarray]) -> None:
    """Average as often as greedy selection has to, over as many rows."""
    part = [one[:MAX_ROWS, 1].copy() for one in values]
    total = part[0].copy()
    for step in range(STEPS):
        for one in part if step == 0 else part[:MAX_CANDIDATES]:
            float(((total + one) * np.float32(0.5)).sum())


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "f1"])
class TestSelection:
    """200 members x 100,000 rows, 25 steps."""

    def test_ours(self, benchmark: Any, metric: str) -> None:
        benchmark.group = f"selection: {metric}"
        values, y = members()
        benchmark.pedantic(select, args=(metric, values, y), rounds=2)

    def test_limit_sums(self, benchmark: Any, metric: str) -> None:
        benchmark.group = f"selection: {metric}"
        values, _ = members()
        benchmark.pedantic(sums, args=(values,), rounds=3)


@pytest.mark.benchmark(group="worker")
class TestWorker:
    """A process until it has answered once."""

    def test_ours(self, benchmark: Any, tmp_path: Path) -> None:
        def start() -> None:
            with ProcessPool(
                size=1, handler="operator:itemgetter", argument=0, log_folder=tmp_path
            ) as pool:
                pool.submit(Job(number=1, payload=(1,)))
                pool.wait(60)

        benchmark.pedantic(start, rounds=5)

    def test_limit_python(self, benchmark: Any) -> None:
        def start() -> None:
            subprocess.run([sys.executable, "-c", "pass"], check=True)

        benchmark.pedantic(start, rounds=5)


@pytest.fixture(scope="module")
def boosted() -> Any:
    """Give a predictor of LightGBM alone, its boosters, and a table."""
    found = automl.fit(
        numbers(N_ROWS),
        "y",
        budget=automl.Budget(trials=1),
        plugins=["lightgbm"],
        n_jobs=1,
        strategy=automl.Strategy(isolation="none", folds=FOLDS),
    ).predictor
    found.ready()
    return found


def boosters(predictor: Any) -> list[Any]:
    """Return the LightGBM boosters of a predictor's members."""
    shelf = Shelf(predictor.parts)
    return [shelf.get(0, i, predictor.catalog).estimator.model_ for i in range(FOLDS)]


@pytest.mark.benchmark(group="save")
class TestSave:
    """A model on disk."""

    def test_ours(self, benchmark: Any, boosted: Any, tmp_path: Path) -> None:
        benchmark.pedantic(boosted.save, args=(tmp_path / "model",), rounds=5)

    def test_limit_text_files(self, benchmark: Any, boosted: Any, tmp_path: Path) -> None:
        def save() -> None:
            for i, one in enumerate(boosters(boosted)):
                one.save_model(tmp_path / f"{i}.txt")

        benchmark.pedantic(save, rounds=5)


@pytest.mark.benchmark(group="load")
class TestLoad:
    """A model from disk, ready to predict."""

    def test_ours(self, benchmark: Any, boosted: Any, tmp_path: Path) -> None:
        boosted.save(tmp_path / "model")
        benchmark.pedantic(lambda: automl.load(tmp_path / "model").ready(quick=False), rounds=5)

    def test_limit_text_files(self, benchmark: Any, boosted: Any, tmp_path: Path) -> None:
        from lightgbm import Booster

        for i, one in enumerate(boosters(boosted)):
            one.save_model(tmp_path / f"{i}.txt")
        files = sorted(tmp_path.glob("*.txt"))
        benchmark.pedantic(lambda: [Booster(model_file=one) for one in files], rounds=5)


@pytest.mark.benchmark(group="row")
class TestRow:
    """One row through all members."""

    def test_ours(self, benchmark: Any, boosted: Any) -> None:
        row = {name: float(cells[0]) for name, cells in numbers(10).items() if name != "y"}
        benchmark(boosted.predict_proba, row)

    def test_limit_booster(self, benchmark: Any, boosted: Any) -> None:
        X = np.zeros((1, 20))
        found = boosters(boosted)
        benchmark(lambda: [one.predict(X, num_threads=1) for one in found])
