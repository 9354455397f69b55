"""Estimators of other people in one call."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression

from automl.errors import PluginError
from automl.plugin import Algorithm, Context, Float


def context(n_classes: int) -> Context:
    return Context(task="any", n_classes=n_classes, n_rows=9, n_columns=2, seed=7, threads=3)


def test_classes_by_name_are_imported_at_first_use_only():
    code = """
import sys
from automl.plugin import Algorithm
one = Algorithm.wrap("one", classifier="sklearn.tree:DecisionTreeClassifier")
assert not any(name.startswith("sklearn") for name in sys.modules), "imported too early"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_estimator_is_built_with_params_seed_and_threads():
    one = Algorithm.wrap(
        "forest",
        classifier="sklearn.ensemble:RandomForestClassifier",
        regressor="sklearn.ensemble:RandomForestRegressor",
        space={"max_features": Float(0.1, 1.0)},
        starts=[{}, {"max_features": 0.5}],
    )
    assert one.tasks == {"binary", "multiclass", "regression"}
    built = one.build({"max_features": 0.5}, context(2))
    assert type(built).__name__ == "RandomForestClassifier"
    assert (built.max_features, built.random_state, built.n_jobs) == (0.5, 7, 3)
    assert type(one.build({}, context(0))).__name__ == "RandomForestRegressor"
    assert one.starts == ({}, {"max_features": 0.5})
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_class_itself_is_read():
    booster = Algorithm.wrap("one", classifier=HistGradientBoostingClassifier)
    assert booster.accepts == {"number", "missing"}
    assert booster.weights
    linear = Algorithm.wrap("two", classifier=LogisticRegression, regressor=RandomForestRegressor)
    assert linear.accepts == {"number", "sparse"}
    assert linear.threads
    assert "sklearn.ensemble._forest.RandomForestRegressor" in linear.saved


def test_what_is_declared_wins():
    one = Algorithm.wrap(
        "one",
        classifier=HistGradientBoostingClassifier,
        accepts={"number"},
        weights=False,
        saved=None,
    )
    assert (one.accepts, one.weights, one.saved) == ({"number"}, False, None)


def test_an_estimator_that_says_nothing_of_itself_gets_careful_defaults():
    class Plain:
        def __init__(self, depth):
            self.depth = depth

        def fit(self, X, y):
            return self

    one = Algorithm.wrap("plain", regressor=Plain, starts=[{"depth": 2}])
    assert one.accepts == {"number"}
    assert not one.weights
    assert one.build({"depth": 2}, context(0)).depth == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"classifier": "sklearn.tree.DecisionTreeClassifier"},
        {"regressor": LogisticRegression()},
    ],
)
def test_what_cannot_be_wrapped_is_refused_where_it_is_written(given):
    with pytest.raises(PluginError, match="E_PLUGIN_WRAP"):
        Algorithm.wrap("one", **given)


def test_a_class_that_is_not_there_is_named_when_it_is_built():
    one = Algorithm.wrap("one", classifier="sklearn.tree:Oak")
    with pytest.raises(PluginError, match="no 'Oak' in"):
        one.build({}, context(2))
    with pytest.raises(PluginError, match="no estimator for the task"):
        one.build({}, context(0))
