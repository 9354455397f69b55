"""A metric sees what it declares, row by row the same, wherever a score is made."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import automl
from automl.data.columns import Columns
from automl.data.folds import FoldPlan
from automl.data.given import separate
from automl.data.table import Table
from automl.errors import DataWarning, InputError, PluginError
from automl.model.judge import Judge
from automl.plugin import Algorithm, Metric
from automl.search.scoring import Truth, columns_for, score_values
from automl.search.shared import RunData, open_run, write_run

N_ROWS = 240


def metric(score, **changes):
    fields = {
        "name": "some",
        "tasks": frozenset({"binary"}),
        "score": score,
        "reads": "labels",
        "greater_is_better": True,
        "best": np.inf,
        "columns": ("amount",),
    }
    return Metric(**{**fields, **changes})


def gain(y, given, weight, columns):
    values, labels = given
    assert np.array_equal(labels, values.argmax(axis=1))
    return float(np.average(values[:, 1] * (y * columns["amount"] - 50.0) * labels, weights=weight))


def truth_of(n_rows, seed):
    rng = np.random.default_rng(seed)
    values = rng.dirichlet((1.0, 1.0), n_rows)
    truth = Truth(
        y=rng.integers(0, 2, n_rows),
        weight=rng.exponential(1.0, n_rows),
        columns={"amount": rng.exponential(100.0, n_rows)},
    )
    return truth, values


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**16))
def test_a_score_does_not_depend_on_the_order_of_rows(n_rows, seed):
    truth, values = truth_of(n_rows, seed)
    both = metric(gain, reads="both")
    order = np.random.default_rng(seed).permutation(n_rows)
    usual = score_values(both, decide, truth, values)
    assert score_values(both, decide, truth.take(order), values[order]) == pytest.approx(usual)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**16))
def test_the_judge_of_some_rows_scores_these_rows(n_rows, seed):
    truth, values = truth_of(n_rows, seed)
    both = metric(gain, reads="both")
    rows = np.random.default_rng(seed).integers(0, n_rows, n_rows)
    judge = Judge(metric=both, decide=decide, y=truth.y, weight=truth.weight, columns=truth.columns)
    expected = score_values(both, decide, truth.take(rows), values[rows])
    assert judge.of(rows)(values[rows]) == pytest.approx(expected)


def decide(values):
    return values.argmax(axis=1)


def label(key):
    return np.where((key * 7919) % 13 < 5, "yes", "no")


def table(n_rows=N_ROWS, first=0):
    """Every label and weight can be told from the key of its row."""
    key = np.arange(first, first + n_rows)
    rng = np.random.default_rng(first)
    answer = label(key)
    return pd.DataFrame(
        {
            "key": key,
            "word": [f"w{number}" for number in key],
            "x": (answer == "yes") + rng.normal(size=n_rows),
            "z": rng.normal(size=n_rows),
            "w": key % 3 + 1.0,
            "answer": answer,
        }
    )


def aligned(y_true, y_pred, key, word, sample_weight):
    """Share of labels that are right; refuses rows that are not those of the columns."""
    assert key.dtype == np.float64
    assert np.array_equal(y_true, label(key.astype(int)))
    assert word.tolist() == [f"w{int(number)}" for number in key]
    assert sample_weight is None or np.array_equal(sample_weight, key % 3 + 1.0)
    return np.average(y_true == y_pred, weights=sample_weight)


HERE = automl.Strategy(isolation="none")


def run(source, metric, strategy=HERE, **more):
    return automl.fit(
        source,
        "answer",
        metric=metric,
        budget=automl.Budget(trials=3),
        plugins=["linear", "naive_bayes", "nearest_neighbors"],
        strategy=strategy,
        **more,
    )


def complete(result):
    assert {row.status for row in result.leaderboard} <= {"complete", "pruned"}
    assert len(result.leaderboard) > 1
    return result.predictor


def test_rows_and_columns_belong_together_in_every_process():
    ignored = Columns(ignored=("key", "word"), weight="w")
    source = table()
    source.loc[::10, "answer"] = None
    with pytest.warns(DataWarning, match="without a target"):
        predictor = complete(run(source, aligned, automl.Strategy(), columns=ignored, n_jobs=2))
    assert not {"key", "word"} & {*predictor.feature_names}
    assert predictor.evaluate(table(50, first=N_ROWS))["aligned"] > 0.5


def test_a_column_with_a_role_can_be_read():
    roles = Columns(ignored=("word",), group="key")
    complete(run(table(), aligned, columns=roles))


def test_validation_rows_bring_columns_of_their_own():
    strategy = automl.Strategy(validation=table(60, first=N_ROWS), isolation="none")
    complete(run(table(), aligned, columns=Columns(ignored=("key", "word")), strategy=strategy))


def test_a_file_without_types_gives_the_same_columns(tmp_path):
    source = table()
    source.to_csv(tmp_path / "train.csv", index=False)
    predictor = complete(
        run(str(tmp_path / "train.csv"), aligned, columns=Columns(ignored=("key", "word")))
    )
    scores = predictor.evaluate(str(tmp_path / "train.csv"))
    assert scores == predictor.evaluate(source)


def test_missing_cells_are_nan_or_none():
    source = {
        "number": [1.0, None, 3.0],
        "truth": [True, None, False],
        "date": np.array(["1970-01-02", "NaT", "1970-01-01"], dtype="datetime64[D]"),
        "word": ["a", None, "NA"],
        "answer": ["yes", "no", "yes"],
    }
    wanted = metric(gain, columns=("number", "truth", "date", "word"))
    columns = columns_for(wanted, separate(source, "answer", Columns()))
    for name, cells in {
        "number": [1.0, np.nan, 3.0],
        "truth": [1.0, np.nan, 0.0],
        "date": [86_400.0, np.nan, 0.0],
    }.items():
        assert columns[name].dtype == np.float64
        np.testing.assert_array_equal(columns[name], cells)
    assert columns["word"].tolist() == ["a", None, "NA"]


def test_workers_map_the_columns(tmp_path):
    truth, _ = truth_of(5, 0)
    words = np.array(["a", None, "ü", "", "a"], dtype=object)
    none = np.zeros((5, 0))
    table = Table(number=none, category=none, string=none, text=none.astype(object), date=none)
    plan = FoldPlan(splitter="some", folds=(), n_rows=5)
    columns = {**truth.columns, "word": words}
    write_run(
        tmp_path,
        RunData(table=table, y=truth.y, weight=None, plan=plan, sample=table, columns=columns),
    )
    opened = open_run(tmp_path).columns
    np.testing.assert_array_equal(opened["amount"], truth.columns["amount"])
    assert opened["word"].tolist() == words.tolist()


def test_a_column_that_is_not_there_is_named():
    ignored = Columns(ignored=("key", "word"))
    with pytest.raises(InputError, match=r"'aligned' reads the column 'key'.*INPUT_METRIC_COLUMN"):
        run(table().drop(columns="key"), aligned, columns=Columns(ignored=("word",)))
    predictor = run(table(), aligned, columns=ignored).predictor
    with pytest.raises(InputError, match="'word'"):
        predictor.evaluate(table().drop(columns="word"))


@pytest.mark.parametrize("columns", ["amount", ("a", "a"), ("a", 1), ["a"]])
def test_columns_are_a_tuple_of_names(columns):
    with pytest.raises(PluginError, match="a tuple of different names"):
        metric(gain, columns=columns)


class OneColumn:
    """Answers by the sign of one column."""

    def __init__(self, column):
        self.column = column

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        sure = np.where(X[:, self.column] > 0, 0.9, 0.1)
        return np.column_stack([1 - sure, sure])


def one_column(name, column):
    return Algorithm(
        name=name,
        tasks=frozenset({"binary"}),
        build=lambda params, context: OneColumn(column),
        accepts=frozenset({"number", "unscaled"}),
        starts=({},),
        saved=(f"{__name__}.OneColumn",),
    )


def test_optimising_money_chooses_another_model_than_log_loss():
    # Most claims are small and told by the first column; the money is in those that are not.
    rng = np.random.default_rng(0)
    large = rng.random(300) < 0.2
    small_sign, large_sign = rng.normal(size=300), rng.normal(size=300)
    fraud = np.where(large, large_sign, small_sign) > 0
    claims = pd.DataFrame(
        {
            "small_sign": small_sign,
            "large_sign": large_sign,
            "amount": np.where(large, 10_000.0, 10.0),
            "fraud": np.where(fraud, "yes", "no"),
        }
    )

    def kept(y_true, y_pred, amount):
        return np.mean((y_pred == "yes") * (y_true == "yes") * amount)

    def best(metric):
        result = automl.fit(
            claims,
            "fraud",
            metric=metric,
            budget=automl.Budget(trials=2),
            columns=Columns(ignored=("amount",)),
            plugins=["reads_*", one_column("reads_small", 0), one_column("reads_large", 1)],
            strategy=HERE,
        )
        return next(iter(result.leaderboard)).algorithm

    assert best("log_loss") == "reads_small"
    assert best(kept) == "reads_large"
