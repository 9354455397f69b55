"""Estimators of other people in one call."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from automl.errors import PluginError
from automl.plugin import Algorithm, Context, Float, Validation
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins
from automl.plugin.stepwise import EPOCHS, STEPS, _ends, learn, way_of
from automl.plugin.wrap import class_of
from automl.testing import CheckFailedError, plugin_checks


def context(n_classes: int, threads: int = 3) -> Context:
    return Context(task="any", n_classes=n_classes, n_rows=9, n_columns=2, seed=7, threads=threads)


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


def wrapped(kind: str, path: str, **more) -> Algorithm:
    return Algorithm.wrap("foreign", **{kind: f"sklearn.{path}"}, **more)


def test_a_class_given_by_name_is_read_when_it_is_asked_for():
    one = wrapped("classifier", "ensemble:HistGradientBoostingClassifier")
    assert (one.accepts, one.weights, one.fit) == ({"number"}, False, None)
    assert one.imports == ("sklearn.ensemble",)
    known = one.known()
    assert (known.accepts, known.weights) == ({"number", "missing"}, True)
    assert (known.fit, known.read) == (learn, None)
    module = "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"
    assert known.saved == (f"{module}.HistGradientBoostingClassifier",)
    assert known.known() == known
    assert pickle.loads(pickle.dumps(one)).known() == known


def test_the_catalogue_gives_an_algorithm_with_all_that_is_known():
    one = wrapped("classifier", "linear_model:LogisticRegression")
    catalog = discover(Plugins(add=(one,)))
    assert catalog.algorithms["foreign"] is one
    assert catalog.get("algorithm", "foreign").weights


def test_fields_that_were_replaced_stay():
    one = replace(wrapped("regressor", "ensemble:ExtraTreesRegressor"), cost=9.0, max_classes=5)
    assert (one.known().cost, one.known().max_classes) == (9.0, 5)
    declared = wrapped("regressor", "ensemble:ExtraTreesRegressor", weights=False, accepts=["date"])
    assert (declared.known().weights, declared.known().accepts) == (False, {"date"})


def test_a_learner_of_two_classes_says_so():
    known = wrapped("classifier", "gaussian_process:GaussianProcessClassifier").known()
    assert known.max_classes is None

    class Two(BaseEstimator):
        def fit(self, X, y):
            return self

        def __sklearn_tags__(self):
            from sklearn.utils import ClassifierTags

            tags = super().__sklearn_tags__()
            tags.classifier_tags = ClassifierTags(multi_class=False)
            return tags

    assert Algorithm.wrap("two", classifier=Two).max_classes == 2


def test_a_class_that_cannot_be_read_keeps_the_careful_defaults():
    one = Algorithm.wrap("gone", classifier="surely_not_there:Model")
    assert one.known() == replace(one, read=None)


def test_a_missing_module_makes_it_unavailable_not_broken():
    one = Algorithm.wrap("gone", classifier="surely_not_there.models:Model")
    catalog = discover(Plugins(add=(one,)))
    assert "gone" not in catalog.algorithms
    assert "needs the module 'surely_not_there'" in catalog.unavailable["algorithm", "gone"]
    named = replace(one, requires=("surely-not-there>=2",))
    said = discover(Plugins(add=(named,))).unavailable["algorithm", "gone"]
    assert "pip install surely-not-there>=2" in said


def test_a_talkative_class_is_told_to_be_quiet():
    class Loud:
        def __init__(self, verbose=True, thread_count=None, random_seed=None, n_jobs=None):
            self.verbose, self.seed, self.n_jobs = verbose, random_seed, n_jobs
            self.thread_count = thread_count

        def fit(self, X, y):
            return self

    built = Algorithm.wrap("loud", regressor=Loud).build({}, context(0))
    assert (built.verbose, built.seed, built.n_jobs, built.thread_count) == (False, 7, 3, None)


STEPWISE = [
    ("classifier", "linear_model:SGDClassifier", {"loss": "log_loss"}),
    ("classifier", "linear_model:Perceptron", {}),
    ("regressor", "linear_model:SGDRegressor", {}),
    ("classifier", "neural_network:MLPClassifier", {"hidden_layer_sizes": [8]}),
    ("classifier", "ensemble:GradientBoostingClassifier", {"n_estimators": 40}),
    ("regressor", "ensemble:GradientBoostingRegressor", {"n_iter_no_change": 5}),
    ("regressor", "ensemble:HistGradientBoostingRegressor", {"max_iter": 40}),
    ("classifier", "ensemble:RandomForestClassifier", {"n_estimators": 30}),
    ("regressor", "ensemble:BaggingRegressor", {"n_estimators": 20}),
]


def data(kind: str):
    make = make_classification if kind == "classifier" else make_regression
    X, y = make(n_samples=300, n_features=8, random_state=0)
    y = y if kind == "classifier" else (y - y.mean()) / y.std()
    return X[:200], y[:200], Validation(X=X[200:], y=y[200:])


@pytest.mark.parametrize(("kind", "path", "params"), STEPWISE, ids=str)
@threadpool_limits.wrap(limits=1)
def test_what_learns_bit_by_bit_learns_in_rounds(kind, path, params):
    one = wrapped(kind, path).known()
    assert one.fit is learn
    X, y, validation = data(kind)
    for validated in (validation, None):
        heard: list[int] = []
        estimator = one.build(params, context(2 if kind == "classifier" else 0, threads=1))

        def report(round_, score=None, heard=heard):
            heard.append(round_)
            return False

        one.fit(estimator, X, y, np.ones(len(y)) if one.weights else None, validated, report)
        assert heard == sorted(set(heard))
        assert heard[0] >= 1
        assert estimator.score(validation.X, validation.y) > (0.6 if kind == "classifier" else 0.3)

    stopped: list[int] = []

    def stop(round_, score=None):
        stopped.append(round_)
        return len(stopped) == 2

    estimator = one.build(params, context(2 if kind == "classifier" else 0, threads=1))
    one.fit(estimator, X, y, None, validation, stop)
    assert len(stopped) == 2
    assert len(estimator.predict(X)) == len(y)


def test_the_best_round_is_kept_and_a_forest_grows_to_its_limit():
    X, y, validation = data("classifier")
    noise = np.random.default_rng(0).integers(0, 2, len(y))
    estimator = class_of("sklearn.ensemble:GradientBoostingClassifier", "x")(n_estimators=400)
    scores = {}

    def report(round_, score=None):
        scores[round_] = score
        return False

    learn(estimator, X, noise, None, validation, report)
    assert len(estimator.estimators_) == max(scores, key=scores.get)
    assert max(scores) < 400, "boosting on noise stops early"
    forest = class_of("sklearn.ensemble:RandomForestClassifier", "x")(n_estimators=50)
    learn(forest, X, noise, None, validation, lambda round_, score=None: False)
    assert len(forest.estimators_) == 50
    whole = class_of("sklearn.ensemble:RandomForestClassifier", "x")(50, random_state=0)
    forest = class_of("sklearn.ensemble:RandomForestClassifier", "x")(50, random_state=0)
    learn(forest, X, y, None, validation, lambda round_, score=None: False)
    assert np.allclose(forest.predict_proba(X), whole.fit(X, y).predict_proba(X))


def test_without_validation_rows_epochs_end():
    X, y, _ = data("classifier")
    heard = []
    estimator = class_of("sklearn.linear_model:SGDClassifier", "x")(max_iter=1000)
    learn(estimator, X, y, None, None, lambda round_, score=None: heard.append(round_))
    assert heard == list(range(1, EPOCHS + 1))


@pytest.mark.parametrize(
    "path",
    [
        "svm:SVC",
        "linear_model:LogisticRegression",
        "naive_bayes:GaussianNB",
        "linear_model:ElasticNet",
        "ensemble:AdaBoostClassifier",
        "neighbors:KNeighborsClassifier",
    ],
)
def test_what_learns_in_one_go_is_left_to_it(path):
    # The epochs of naive Bayes, or of a solver, would be no rounds.
    assert not way_of(class_of(f"sklearn.{path}", "x")).limit


@given(st.integers(1, 5000))
def test_the_steps_of_an_ensemble_end_at_its_limit(limit):
    ends = list(_ends(limit))
    assert ends == sorted(set(ends))
    assert ends[-1] == limit
    assert len(ends) <= STEPS


def test_a_classifier_without_probabilities_is_worth_its_scores():
    catalog = discover()
    X, y, validation = data("classifier")
    values = {}
    for n_classes, task in ((2, "binary"), (3, "multiclass")):
        codes = y + (X[:, 0] > 1) if n_classes == 3 else y
        estimator = class_of("sklearn.svm:LinearSVC", "x")().fit(X, codes)
        said = catalog.tasks[task].values(estimator, validation.X, n_classes)
        values[task] = said
        assert said.shape == (100, n_classes)
        assert np.allclose(said.sum(axis=1), 1)
        assert (said.argmax(axis=1) == estimator.predict(validation.X)).all()
    assert len(np.unique(values["binary"])) > 50, "they say how sure"


FOREIGN = [
    ("classifier", "linear_model:SGDClassifier"),
    ("classifier", "svm:LinearSVC"),
    ("regressor", "ensemble:GradientBoostingRegressor"),
]


@pytest.mark.parametrize(("kind", "path"), FOREIGN, ids=str)
def test_a_wrapped_estimator_passes_the_kit(kind, path):
    slow = {"a_saved_model_loads_elsewhere", "a_run_completes", "corners_of_the_space_fit"}
    broken = {}
    for check in plugin_checks(wrapped(kind, path)):
        try:
            if check.id not in slow:
                check()
        except CheckFailedError as error:
            broken[check.id] = str(error)
    assert not broken
