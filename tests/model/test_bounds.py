"""How far predicted numbers may leave the range of the target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import automl
from automl.errors import SchemaWarning
from automl.model.bounds import SOFT, Bounds

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@given(
    targets=st.lists(NUMBERS, min_size=2, max_size=20),
    said=st.lists(NUMBERS, min_size=1, max_size=20),
    share=st.sampled_from([0.0, SOFT]),
)
def test_answers_stay_near_the_range_in_their_order(targets, said, share):
    bounds = Bounds.of(np.array(targets), share)
    values = np.sort(np.array(said))
    bounded = bounds(values)
    slack = bounds.margin + 1e-9 * max(abs(bounds.low), abs(bounds.high))
    assert bounded.min() >= bounds.low - slack
    assert bounded.max() <= bounds.high + slack
    assert (np.diff(bounded) >= 0).all()
    inside = (values >= bounds.low) & (values <= bounds.high)
    np.testing.assert_array_equal(bounded[inside], values[inside])
    assert Bounds.from_json(bounds.to_json()) == bounds


def test_without_a_bound_nothing_is_touched():
    bounds = Bounds.of(np.array([0.0, 1.0]), np.inf)
    np.testing.assert_array_equal(bounds(np.array([-1e9, 1e9])), [-1e9, 1e9])
    assert Bounds.from_json(bounds.to_json()) == bounds


def linear(table, **more):
    strategy = automl.Strategy(isolation="none", **more.pop("choices", {}))
    budget = automl.Budget(trials=2)
    return automl.fit(
        table, "y", plugins=["linear"], budget=budget, strategy=strategy, n_jobs=1, **more
    ).predictor


def test_a_far_row_gives_no_absurd_number(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    predictor = linear({"x": x, "y": 3 * x + rng.normal(size=300)})
    with pytest.warns(SchemaWarning, match="far outside"):
        far = predictor.predict({"x": [1e9, -1e9]})
    width = np.ptp(3 * x) + 6
    assert np.abs(far).max() < 2 * width
    predictor.save(tmp_path / "model")
    with pytest.warns(SchemaWarning, match="far outside"):
        again = automl.load(tmp_path / "model").predict({"x": [1e9, -1e9]})
    np.testing.assert_array_equal(again, far)


def test_a_trend_may_go_on_where_held_out_rows_say_so():
    rng = np.random.default_rng(0)
    day, other = np.arange(400.0), rng.normal(size=400)
    y = 5 * day + 200 * other + 5 * rng.normal(size=400)
    table = {"day": day, "other": other, "y": y}
    predictor = linear(table, columns=automl.Columns(time="day"), choices={"folds": 3})
    assert predictor.info["bounds"]["margin"] is None
    far = predictor.predict({"day": [600.0], "other": [0.0]})
    assert far[0] > 1.2 * y.max()
