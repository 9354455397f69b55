"""Rules for blends are compared by what they do to unseen rows."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import stacking
from benchmarks.blending import main, tables
from benchmarks.portfolio.records import (
    Asked,
    Configuration,
    Record,
    write_question,
    write_record,
)


def _table(folder, task, seed):
    rng = np.random.default_rng(seed)
    n_rows, n_classes = 150, {"binary": 2, "multiclass": 3, "regression": 0}[task]
    y = rng.integers(0, n_classes, 2 * n_rows) if n_classes else rng.normal(size=2 * n_rows)
    asked = Asked(
        table=f"{task}_{seed}",
        split=f"{seed:016d}",
        task=task,
        metric={"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task],
        greater_is_better=task == "binary",
        n_classes=n_classes,
        n_folds=3,
        seed=0,
        constant={"binary": 0.5, "multiclass": 1.1, "regression": 1.0}[task],
        constant_unseen={"binary": 0.5, "multiclass": 1.1, "regression": 1.0}[task],
        y=y[:n_rows],
        fold=(np.arange(n_rows) % 3).astype(np.int8),
        y_unseen=y[n_rows:],
    )
    write_question(folder, asked)
    for number in range(7):
        values = y + rng.normal(size=2 * n_rows)
        if n_classes:
            scores = 2 * np.eye(n_classes)[y] + rng.normal(size=(2 * n_rows, n_classes))
            values = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        record = Record(
            asked=asked,
            configuration=Configuration(algorithm="any", start={"n": number}, origin="test"),
            candidate={},
            seconds=1.0,
            failure="it failed" if number == 6 else "",
            values=values[:n_rows].astype(np.float32),
            unseen=values[n_rows:].astype(np.float32),
        )
        write_record(folder, record, f"{number:016d}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    for seed, task in enumerate(["binary", "multiclass", "regression"]):
        _table(folder, task, seed)
    return folder


def test_what_failed_is_left_out(cache):
    assert [len(table.values) for table in tables(cache)] == [6, 6, 6]


def test_blends_of_independent_members_are_better_than_the_best_of_them(cache):
    words = ["rules", "--cache", str(cache), "--members", "6", "--members", "9", "--rows", "100"]
    said = CliRunner().invoke(main, words, catch_exceptions=False).output
    assert "100 rows, 6 candidates, 3 tables" in said
    assert "9 candidates" not in said
    rows = dict(line[2:].split(" | ")[:3:2] for line in said.splitlines() if "(ours)" in line)
    assert float(rows["greedy and bags (ours)"]) > 1


def test_what_is_tuned_is_compared_where_there_are_classes(cache):
    words = ["tuning", "--cache", str(cache), "--rows", "0"]
    said = CliRunner().invoke(main, words, catch_exceptions=False).output
    assert "balanced_accuracy, all rows, 2 tables" in said
    assert "| by the task's own, tuned |" in said
    assert "| ours |" in said


def test_a_second_layer_is_compared_with_one(cache):
    words = ["--cache", str(cache), "--rows", "0"]
    said = CliRunner().invoke(stacking.main, words, catch_exceptions=False).output
    rows = dict(line[2:].split(" | ")[:3:2] for line in said.splitlines() if line.startswith("| "))
    assert list(rows) == ["rule", "one layer", "and trees", "and boosting", "and both"]
    assert float(rows["one layer"]) == 0
