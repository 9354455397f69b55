"""Compromises between the score and what a prediction costs."""

from __future__ import annotations

import numpy as np
import pytest

import automl


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = X[:, 0] - X[:, 1] + np.where(X[:, 2] > 0, X[:, 3], -X[:, 3]) + rng.normal(size=400) / 5
    return {**{f"x{i}": X[:, i] for i in range(4)}, "y": y}


def fit(table, **strategy):
    return automl.fit(
        table,
        "y",
        budget=automl.Budget(trials=9),
        plugins=["linear", "decision_tree", "extra_trees"],
        strategy=automl.Strategy(isolation="none", folds=3, **strategy),
    )


def test_no_compromise_is_beaten_by_another(table):
    found = fit(table, objectives=("latency_ms", "n_bytes"))
    front = found.front
    assert len(front) >= 2
    assert found.predictor is front[0].predictor
    for one in front:
        others = [other for other in front if other is not one]
        assert not any(
            other.cv_score <= one.cv_score  # an error, the smaller the better
            and other.latency_ms <= one.latency_ms
            and other.n_bytes <= one.n_bytes
            for other in others
        )
        assert one.predictor.info["cv_score"] == one.cv_score
        assert one.predictor.predict(table).shape == (400,)
    assert [one.cv_score for one in front] == sorted(one.cv_score for one in front)
    assert "ms a row" in repr(front[0])
    weights = {row.algorithm for row in found.leaderboard if row.weight > 0}
    assert weights == {part.candidate.algorithm for part in found.predictor.parts}


def test_size_alone_is_a_cost_too(table):
    front = fit(table, objectives=("n_bytes",)).front
    assert [one.n_bytes for one in front] == sorted((one.n_bytes for one in front), reverse=True)


def test_a_limit_is_kept_by_the_predictor(table, monkeypatch):
    # A part more takes a millisecond more, whatever else the machine does.
    monkeypatch.setattr("automl.model.front.milliseconds", lambda one, rows: float(len(one.parts)))
    found = fit(table, max_ms=1.5)
    assert len(found.front) >= 2
    assert len(found.predictor.parts) == 1
    assert found.predictor is found.front[-1].predictor


def test_what_nothing_keeps_to_is_said(table):
    with pytest.warns(automl.errors.RunWarning, match=r"W_RUN_LATENCY|answers a row in 1e-06 ms"):
        found = fit(table, max_ms=1e-6)
    quickest = min(found.front, key=lambda one: one.latency_ms)
    assert found.predictor is quickest.predictor


def test_without_objectives_there_is_no_front(table):
    assert fit(table).front == ()


@pytest.mark.parametrize(
    ("given", "code"),
    [({"objectives": ("ms",)}, "E_INPUT_OBJECTIVE"), ({"max_ms": 0.0}, "E_INPUT_MAX_MS")],
)
def test_wrong_costs_are_refused(given, code):
    with pytest.raises(automl.errors.InputError) as caught:
        automl.Strategy(**given)
    assert caught.value.code == code
