"""The estimators, held by scikit-learn's own checks and tools."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import automl

QUICK: dict[str, Any] = {
    "budget": automl.Budget(trials=1),
    "n_jobs": 1,
    "strategy": automl.Strategy(isolation="none", folds=1),
}
WEIGHTS_AND_FOLDS = (
    "rows are held out to choose by: a repeated row can be on both sides of a split, a row with "
    "twice the weight cannot"
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS_AND_FOLDS,
    "check_sample_weight_equivalence_on_sparse_data": WEIGHTS_AND_FOLDS,
}


def classifier(**changed: Any) -> automl.AutoMLClassifier:
    return automl.AutoMLClassifier(**{**QUICK, "plugins": ("naive_bayes",), **changed})


def regressor(**changed: Any) -> automl.AutoMLRegressor:
    return automl.AutoMLRegressor(**{**QUICK, "plugins": ("linear",), **changed})


@pytest.fixture(scope="module")
def classes() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(120, 5, random_state=0)


@pytest.mark.filterwarnings("ignore::automl.errors.AutoMLWarning")
@parametrize_with_checks([classifier(), regressor()], expected_failed_checks=lambda _: EXPECTED)
def test_scikit_learn_finds_its_manners(estimator: Any, check: Any) -> None:
    check(estimator)


def test_at_most_five_checks_are_expected_to_fail() -> None:
    assert len(EXPECTED) <= 5
    assert all(EXPECTED.values())


def test_parameters_are_the_words_of_fit() -> None:
    import inspect

    words = list(inspect.signature(automl.fit).parameters)[2:]
    for kind in (automl.AutoMLClassifier, automl.AutoMLRegressor):
        assert list(inspect.signature(kind).parameters) == words
        for name, parameter in inspect.signature(kind).parameters.items():
            assert parameter.default == inspect.signature(automl.fit).parameters[name].default


def test_the_package_does_not_import_scikit_learn_for_them() -> None:
    code = "import sys, automl; assert 'sklearn' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_labels_names_and_leaderboard_are_kept() -> None:
    size = np.random.default_rng(0).normal(size=60)
    table = pd.DataFrame({"size": size, "colour": ["red", "blue", "green"] * 20})
    labels = pd.Series(np.where(table["size"] < 0, "small", "large"), name="what")
    fitted = classifier().fit(table, labels)
    assert fitted.classes_.tolist() == ["large", "small"]
    assert fitted.feature_names_in_.tolist() == ["size", "colour"]
    assert fitted.n_features_in_ == 2
    assert len(fitted.leaderboard_) == 2
    assert fitted.predictor_.target == "target"
    assert set(fitted.predict(table)) <= {"large", "small"}
    assert fitted.predict_proba(table).shape == (60, 2)
    assert fitted.score(table, labels) > 0.8


def test_a_pipeline_and_cross_validation_work(classes: Any) -> None:
    X, y = classes
    pipeline = make_pipeline(StandardScaler(), classifier())
    assert cross_val_score(pipeline, X, y, cv=2).mean() > 0.7


def test_a_grid_over_its_parameters_works(classes: Any) -> None:
    X, y = classes
    grid = GridSearchCV(classifier(), {"seed": [0, 1]}, cv=2, scoring="roc_auc").fit(X, y)
    assert grid.best_score_ > 0.7
    assert set(grid.best_params_) == {"seed"}


def test_a_clone_is_unfitted_and_equal_in_its_parameters(classes: Any) -> None:
    fitted = classifier(seed=3).fit(*classes)
    copy = clone(fitted)
    assert copy.get_params()["seed"] == 3
    with pytest.raises(NotFittedError):
        copy.predict(classes[0])


def test_a_pickle_predicts_the_same(classes: Any) -> None:
    fitted = classifier().fit(*classes)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(classes[0]), fitted.predict_proba(classes[0]))


def test_weights_reach_the_learner(classes: Any) -> None:
    X, y = classes
    tilted = np.where(y == 1, 50.0, 1.0)
    plain, heavy = classifier().fit(X, y), classifier().fit(X, y, sample_weight=tilted)
    assert heavy.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()
    assert heavy.n_features_in_ == X.shape[1]


def test_weights_beside_named_columns_are_no_column(classes: Any) -> None:
    X, y = classes
    table = pd.DataFrame(X, columns=["sample_weight", "b", "c", "d", "e"])
    fitted = classifier().fit(table, y, sample_weight=np.ones(len(y)))
    assert "sample_weight" in fitted.predictor_.feature_names
    assert len(fitted.predict(table)) == len(y)


@pytest.mark.parametrize("shape", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_input_gives_what_dense_input_gives(classes: Any, shape: Any) -> None:
    X, y = classes
    sparse = classifier().fit(shape(X), y, sample_weight=np.ones(len(y)))
    dense = classifier().fit(X, y, sample_weight=np.ones(len(y)))
    np.testing.assert_allclose(sparse.predict_proba(shape(X)), dense.predict_proba(X))


def test_numbers_are_never_taken_for_classes() -> None:
    X, _ = make_regression(60, 3, random_state=0)
    y = np.arange(60) % 3
    assert regressor().fit(X, y).predictor_.task.estimator == "regressor"
    assert classifier().fit(X, y).predictor_.task.estimator == "classifier"


def test_a_task_named_in_the_strategy_wins(classes: Any) -> None:
    strategy = automl.Strategy(isolation="none", folds=1, task="binary")
    assert classifier(strategy=strategy).fit(*classes).predictor_.task.name == "binary"


def test_the_predictor_inside_can_be_saved(classes: Any, tmp_path: Any) -> None:
    fitted = classifier().fit(*classes)
    fitted.predictor_.save(tmp_path / "model")
    again = automl.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(classes[0]), fitted.predict(classes[0]))
