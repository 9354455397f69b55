"""A metric bound to rows, and the rows that are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from automl.model import judge as module
from automl.model.judge import Judge, draw_rows, spread_rows
from automl.plugin import Metric


def _rmse(y, values, weight):
    return float(np.sqrt(np.average((y - values) ** 2, weights=weight)))


RMSE = Metric(
    name="rmse",
    tasks=frozenset({"any"}),
    score=_rmse,
    reads="values",
    greater_is_better=False,
    best=0.0,
)


def test_a_gain_is_greater_where_it_is_better():
    judge = Judge(metric=RMSE, decide=lambda values: values, y=np.arange(4.0))
    assert judge.gain(np.arange(4.0) + 1) == -1
    assert judge.gain(np.full(4, np.nan)) == -np.inf


def test_spread_rows_keep_every_class_in_proportion():
    y = np.repeat([0, 1, 2], [9_000, 900, 100])
    rows = spread_rows(y, 1_000, 0)
    assert np.bincount(y[rows]).tolist() == [900, 90, 10]
    assert len(set(rows.tolist())) == 1_000
    assert spread_rows(y, 10_000, 0) is None


def test_rows_are_drawn_within_their_class():
    y = np.array([2, 0, 1, 1, 0, 2, 2, 0])
    for seed in range(10):
        rows = draw_rows(y, np.random.default_rng(seed))
        assert np.bincount(y[rows]).tolist() == np.bincount(y).tolist()
    drawn = draw_rows(np.arange(50.0), np.random.default_rng(0))
    assert len(drawn) == 50
    assert 20 < len(set(drawn.tolist())) < 45


def test_every_row_is_drawn_as_often():
    y = np.repeat([0, 1], [3, 5])
    rng = np.random.default_rng(0)
    times = np.bincount(np.concatenate([draw_rows(y, rng) for _ in range(4_000)]))
    assert times == pytest.approx(np.full(8, 4_000), rel=0.1)


def test_bootstrap_error_shrinks_with_rows_beyond_one_sample(monkeypatch):
    rng = np.random.default_rng(0)
    y = rng.normal(size=8_000)
    one, other = y + rng.normal(size=8_000), y + rng.normal(size=8_000)
    judge = Judge(metric=RMSE, decide=lambda values: values, y=y)
    whole = module.bootstrap_error(one, other, judge, 0, lambda: np.inf)
    monkeypatch.setattr(module, "BOOTSTRAP_ROWS", 1_000)
    part = module.bootstrap_error(one, other, judge, 0, lambda: np.inf)
    assert part == pytest.approx(whole, rel=0.35)
    assert module.bootstrap_error(one, other, judge, 0, lambda: 0.0) == np.inf
