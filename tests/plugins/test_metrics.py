"""The metrics agree with scikit-learn's, and are defined where those are not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import automl_metrics

METRICS = {metric.name: metric for metric in automl_metrics.automl_metrics()}


def _binary_probability(values):
    return values[:, 1]


def _same(values):
    return values


def _log_loss(y, values, sample_weight=None):
    labels = np.arange(values.shape[1])
    return sk.log_loss(y, values, sample_weight=sample_weight, labels=labels)


def _brier(y, values, sample_weight=None):
    labels = np.arange(values.shape[1])
    return sk.brier_score_loss(y, values, sample_weight=sample_weight, labels=labels)


def _averaged(score, average):
    def scored(y, said, sample_weight=None):
        return score(y, said, sample_weight=sample_weight, average=average, zero_division=0.0)

    return scored


LABELS = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "mcc": sk.matthews_corrcoef,
    "precision_macro": _averaged(sk.precision_score, "macro"),
    "recall_macro": _averaged(sk.recall_score, "macro"),
    "f1_macro": _averaged(sk.f1_score, "macro"),
    "f1_micro": _averaged(sk.f1_score, "micro"),
    "f1_weighted": _averaged(sk.f1_score, "weighted"),
}
BINARY_LABELS = {
    "precision": _averaged(sk.precision_score, "binary"),
    "recall": _averaged(sk.recall_score, "binary"),
    "f1": _averaged(sk.f1_score, "binary"),
}
NUMBERS = {
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "median_absolute_error": sk.median_absolute_error,
    "r2": sk.r2_score,
    "mape": sk.mean_absolute_percentage_error,
    "pinball": sk.mean_pinball_loss,
}


@st.composite
def classified(draw, n_classes=None):
    """Draw y, probabilities with ties, and weights or None."""
    k = n_classes or draw(st.integers(2, 5))
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.integers(0, draw(st.integers(1, k)), n)
    raw = rng.integers(0, 4, (n, k)) + rng.choice([0.0, 1e-3])
    raw[raw.sum(axis=1) == 0] = 1.0
    weight = rng.integers(0, 4, n) + rng.choice([0.0, 0.5]) if draw(st.booleans()) else None
    if weight is not None and weight.sum() == 0:
        weight[:] = 1.0
    return y, raw / raw.sum(axis=1, keepdims=True), weight


@st.composite
def measured(draw):
    """Draw y and predictions, and weights or None."""
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.integers(0, 6, n) * rng.choice([1.0, 0.37, 1e6])
    said = y + rng.integers(-2, 3, n) * rng.choice([1.0, 0.1])
    weight = rng.integers(1, 4, n).astype(float) if draw(st.booleans()) else None
    return y, said, weight


def _reference(score, y, given_, weight):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(score(y, given_, sample_weight=weight))


@pytest.mark.parametrize("name", LABELS)
@given(case=classified())
@settings(deadline=None, max_examples=60)
def test_scores_of_labels_agree_with_scikit_learn(name, case):
    y, values, weight = case
    said = values.argmax(axis=1)
    ours = METRICS[name].score(y, said, weight)
    assert ours == pytest.approx(_reference(LABELS[name], y, said, weight), abs=1e-9)


@pytest.mark.parametrize("name", BINARY_LABELS)
@given(case=classified(n_classes=2))
@settings(deadline=None, max_examples=60)
def test_scores_of_two_labels_agree_with_scikit_learn(name, case):
    y, values, weight = case
    said = values.argmax(axis=1)
    ours = METRICS[name].score(y, said, weight)
    assert ours == pytest.approx(_reference(BINARY_LABELS[name], y, said, weight), abs=1e-9)


@given(case=classified())
@settings(deadline=None, max_examples=150)
def test_scores_of_probabilities_agree_with_scikit_learn(case):
    y, values, weight = case
    n_classes = values.shape[1]
    for name, score in (("log_loss", _log_loss), ("brier", _brier)):
        ours = METRICS[name].score(y, values, weight)
        assert ours == pytest.approx(_reference(score, y, values, weight), abs=1e-9)
    areas = [
        _reference(sk.roc_auc_score, y == k, values[:, k], weight)
        for k in range(n_classes)
        if 0 < np.average(y == k, weights=weight) < 1
    ]
    ours = METRICS["roc_auc_ovr"].score(y, values, weight)
    assert ours == pytest.approx(np.mean(areas) if areas else np.nan, nan_ok=True)


@given(case=classified(n_classes=2))
@settings(deadline=None, max_examples=150)
def test_scores_of_two_probabilities_agree_with_scikit_learn(case):
    y, values, weight = case
    share = np.average(y, weights=weight)
    area = METRICS["roc_auc"].score(y, values, weight)
    precision = METRICS["average_precision"].score(y, values, weight)
    if 0 < share < 1:
        assert area == pytest.approx(_reference(sk.roc_auc_score, y, values[:, 1], weight))
    else:
        assert np.isnan(area)
    if share > 0:
        expected = _reference(sk.average_precision_score, y, values[:, 1], weight)
        assert precision == pytest.approx(expected)
    else:
        assert np.isnan(precision)


@pytest.mark.parametrize("name", NUMBERS)
@given(case=measured())
@settings(deadline=None, max_examples=60)
def test_scores_of_numbers_agree_with_scikit_learn(name, case):
    y, said, weight = case
    ours = METRICS[name].score(y, said, weight)
    assert ours == pytest.approx(_reference(NUMBERS[name], y, said, weight), rel=1e-9, abs=1e-12)


@given(case=measured())
@settings(deadline=None, max_examples=60)
def test_rmsle_agrees_with_scikit_learn(case):
    y, said, weight = case
    ours = METRICS["rmsle"].score(y, said, weight)
    reference = sk.root_mean_squared_log_error(y, np.maximum(said, 0), sample_weight=weight)
    assert ours == pytest.approx(reference)
    assert np.isnan(METRICS["rmsle"].score(y - 100 * (y.max() + 1), said, weight))


@given(case=classified())
@settings(deadline=None)
def test_calibration_error_is_small_only_where_shares_agree(case):
    y, values, weight = case
    score = METRICS["calibration_error"].score
    assert 0.0 <= score(y, values, weight) <= 1.0
    right = np.eye(values.shape[1])[y]
    assert score(y, right, weight) == 0.0
    rows = np.random.default_rng(0).permutation(len(y))
    shuffled = score(y[rows], values[rows], None if weight is None else weight[rows])
    assert shuffled == pytest.approx(score(y, values, weight))


def test_calibration_error_of_an_overconfident_model():
    y = np.array([0, 1] * 50)
    values = np.tile([0.1, 0.9], (100, 1))
    assert METRICS["calibration_error"].score(y, values, None) == pytest.approx(0.4)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_perfect_answer_gets_the_best_score(metric):
    if "regression" in metric.tasks:
        y = given_ = np.array([1.0, 2.0, 5.0])
    else:
        y = np.array([0, 1, 1, 0])
        given_ = np.eye(2)[y] if metric.reads == "values" else y
    for weight in (None, np.array([1.0, 2.0, 3.0, 4.0])[: len(y)]):
        assert metric.score(y, given_, weight) == pytest.approx(metric.best, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_weights_of_whole_numbers_equal_repeated_rows(metric):
    rng = np.random.default_rng(3)
    weight = rng.integers(0, 4, 60).astype(float)
    rows = np.repeat(np.arange(60), weight.astype(int))
    if "regression" in metric.tasks:
        y, given_ = rng.random(60), rng.random(60)
    else:
        y = rng.integers(0, 2, 60)
        p = rng.integers(0, 11, 60) / 10
        given_ = np.c_[1 - p, p] if metric.reads == "values" else (p > 0.5).astype(int)
    weighted = metric.score(y, given_, weight)
    assert weighted == pytest.approx(metric.score(y[rows], given_[rows], None))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("case", ["one class", "one column", "no rows", "no weight"])
def test_odd_cases_give_a_number_or_nan_without_a_warning(metric, case):
    n = 0 if case == "no rows" else 3
    weight = np.zeros(n) if case == "no weight" else None
    if "regression" in metric.tasks:
        y, given_ = np.zeros(n), np.ones(n)
    else:
        y = np.zeros(n, dtype=np.int64)
        width = 1 if case == "one column" else 2
        given_ = np.eye(width)[y] if metric.reads == "values" else y
    score = metric.score(y, given_, weight)
    assert isinstance(score, float)
    assert not np.isinf(score)


def test_certain_and_wrong_stays_finite():
    assert 30 < METRICS["log_loss"].score(np.array([0]), np.array([[0.0, 1.0]]), None) < 40
    assert METRICS["rmse"].score(np.array([1e300]), np.array([-1e300]), None) == 2e300


def test_float32_values_are_judged_like_float64():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 500)
    values = rng.dirichlet(np.ones(3), 500)
    for name in ("log_loss", "brier", "roc_auc_ovr", "calibration_error"):
        single = METRICS[name].score(y, values.astype(np.float32), None)
        assert single == pytest.approx(METRICS[name].score(y, values, None), abs=1e-5)
