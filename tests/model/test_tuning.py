"""Certainty of probabilities and weights of classes, tuned on out-of-fold values."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import automl
from automl.data.folds import Fold, FoldPlan
from automl.model.judge import Judge
from automl.model.tuning import Temper, Weighing, said_of, tune, tuned_from_json
from automl.plugin import Metric
from automl.plugin.discovery import discover

CATALOG = discover()
BINARY = CATALOG.get("task", "binary")
MULTICLASS = CATALOG.get("task", "multiclass")


def _plan(n_rows, n_folds=5):
    rows = np.arange(n_rows)
    folds = tuple(
        Fold(train=rows[rows % n_folds != k], test=rows[rows % n_folds == k])
        for k in range(n_folds)
    )
    return FoldPlan(splitter="test", folds=folds, n_rows=n_rows)


def _judge(metric, y, task=BINARY):
    return Judge(metric=CATALOG.get("metric", metric), decide=task.decide, y=y)


def _chances(seed, n_rows, n_classes=2, rare=0.0):
    """Return probabilities that are true, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    scores = 1.5 * rng.normal(size=(n_rows, n_classes)) - rare * np.arange(n_classes)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    y = (p.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    return p, y


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1_000),
    n_classes=st.integers(2, 6),
    power=st.floats(0.4, 2.5),
)
def test_what_is_tuned_keeps_probabilities(seed, n_classes, power):
    p, _ = _chances(seed, 20, n_classes)
    p[0] = np.eye(n_classes)[0]
    weights = tuple(np.random.default_rng(seed).uniform(0.1, 9, n_classes).tolist())
    for tuned in (Temper(power=power), Weighing(weights=weights)):
        values = tuned(p)
        assert (values >= 0).all()
        np.testing.assert_allclose(values.sum(axis=1), 1)
        assert tuned_from_json(asdict(tuned)) == tuned
    tempered = Temper(power=power)(p)
    np.testing.assert_array_equal(tempered.argmax(axis=1), p.argmax(axis=1))
    assert ((tempered.max(axis=1) >= p.max(axis=1) - 1e-9) == (power >= 1)).mean() > 0.9


@pytest.mark.parametrize("true_power", [0.6, 1.6])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_probabilities_that_are_too_certain_or_not_enough_are_tempered(true_power, n_classes):
    p, y = _chances(0, 3_000, n_classes)
    wrong = Temper(power=1 / true_power)(p)
    task = BINARY if n_classes == 2 else MULTICLASS
    judge = _judge("log_loss", y, task)
    tuned, held = tune(wrong, _plan(3_000), judge, task)
    assert tuned.power == pytest.approx(true_power, rel=0.15)
    assert judge(held) < judge(wrong)


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "brier"])
def test_true_probabilities_are_left_alone(metric):
    for seed in range(3):
        p, y = _chances(seed, 400)
        tuned, held = tune(p, _plan(400), _judge(metric, y), BINARY)
        assert tuned is None
        assert held is p


def test_a_rare_class_is_weighed_where_the_metric_asks_for_it():
    p, y = _chances(1, 4_000, rare=2.5)
    judge = _judge("f1", y)
    tuned, held = tune(p, _plan(4_000), judge, BINARY)
    assert tuned.weights[1] > tuned.weights[0]
    fresh, truth = _chances(2, 20_000, rare=2.5)
    task = tuned.of(BINARY)
    decided, plain = task.decide(fresh), BINARY.decide(fresh)
    score = CATALOG.get("metric", "f1").score
    assert score(truth, decided, None) > score(truth, plain, None) + 0.02
    assert judge(held) == pytest.approx(score(truth, decided, None), abs=0.05)
    assert task.name == BINARY.name
    names = np.array(["no", "yes"])
    assert task.lines(truth, fresh, None, names) == BINARY.lines(truth, tuned(fresh), None, names)


def test_rare_classes_of_many_are_weighed():
    p, y = _chances(1, 4_000, n_classes=4, rare=1.0)
    tuned, _ = tune(p, _plan(4_000), _judge("balanced_accuracy", y, MULTICLASS), MULTICLASS)
    assert list(tuned.weights) == sorted(tuned.weights)
    fresh, truth = _chances(2, 20_000, n_classes=4, rare=1.0)
    score = CATALOG.get("metric", "balanced_accuracy").score
    better = score(truth, tuned.of(MULTICLASS).decide(fresh), None)
    assert better > score(truth, MULTICLASS.decide(fresh), None) + 0.05


def test_on_few_rows_weights_do_little_harm():
    worse = 0.0
    for seed in range(12):
        p, y = _chances(seed, 80, rare=1.0)
        tuned, _ = tune(p, _plan(80), _judge("accuracy", y), BINARY)
        fresh, truth = _chances(seed + 100, 5_000, rare=1.0)
        if tuned is not None:
            decided = tuned.of(BINARY).decide(fresh)
            worse += np.mean(BINARY.decide(fresh) == truth) - np.mean(decided == truth)
    assert worse / 12 < 0.01


def test_one_hold_out_is_tried_in_parts():
    p, y = _chances(0, 3_000)
    fold = Fold(train=np.arange(500), test=np.arange(500, 3_500))
    plan = FoldPlan(splitter="test", folds=(fold,), n_rows=3_500)
    tuned, _ = tune(Temper(power=2.0)(p), plan, _judge("log_loss", y), BINARY)
    assert tuned.power == pytest.approx(0.5, rel=0.1)


def test_nothing_is_tuned_without_time_or_leave():
    p, y = _chances(1, 2_000, rare=2.5)
    judge = _judge("f1", y)
    assert tune(p, _plan(2_000), judge, BINARY, deadline=lambda: 0.0)[0] is None
    assert tune(p, _plan(2_000), judge, replace(BINARY, weighable=False))[0] is None
    both = Metric(
        name="both",
        tasks=frozenset({"binary"}),
        score=lambda y, given, weight: judge.metric.score(y, given[1], weight),
        reads="both",
        greater_is_better=True,
        best=1.0,
    )
    assert tune(p, _plan(2_000), replace(judge, metric=both), BINARY)[0] is None
    alone = np.ones((2_000, 1))
    assert tune(alone, _plan(2_000), _judge("accuracy", y * 0), BINARY)[0] is None


def test_what_is_tuned_is_told():
    assert said_of(Temper(power=0.8), ["a", "b"], "log_loss", 0.51234567, 0.5) == (
        "Probabilities are made less certain, since log_loss is then 0.5 instead of 0.512346."
    )
    said = said_of(Weighing(weights=(0.5, 1.5)), ["no", "yes"], "f1", 0.5, 0.6)
    assert said == (
        "The class is decided on with weights ('yes' 3, 'no' 1), since f1 is then 0.6 instead of "
        "0.5."
    )
    assert "..." in said_of(Weighing(weights=(1.0,) * 9), [*"abcdefghi"], "f1", 0.5, 0.6)


def _search(rarity):
    """Return the result of a search for a rare class, and fresh rows."""
    rng = np.random.default_rng(0)

    def draw(n_rows):
        x = rng.normal(size=n_rows)
        answer = np.where(rng.random(n_rows) < 1 / (1 + np.exp(rarity - 1.2 * x)), "yes", "no")
        return {"x": x, "noise": rng.normal(size=n_rows), "answer": answer}

    result = automl.fit(
        draw(1_500),
        "answer",
        metric="f1",
        budget=automl.Budget(trials=2),
        plugins=["linear"],
        strategy=automl.Strategy(isolation="none", folds=3),
    )
    return result, draw(4_000)


@pytest.fixture(scope="module")
def rare():
    """Give a predictor of a rare class, and fresh rows."""
    result, fresh = _search(2.5)
    return result.predictor, fresh


@pytest.mark.filterwarnings("ignore:Classes of")
def test_candidates_that_never_say_a_class_are_blended_by_their_probabilities():
    result, fresh = _search(4.5)
    tried = [row for row in result.leaderboard if row.number and row.rank]
    assert tried
    assert max(row.cv_score for row in tried) < 0.1
    assert result.predictor.info["cv_score"] > 0.1
    assert result.predictor.evaluate(fresh)["f1"] > 0.1


def test_a_predictor_decides_with_weights_and_keeps_its_probabilities(rare, tmp_path):
    predictor, fresh = rare
    weighing = tuned_from_json(predictor.info["tuned"])
    proba, labels = predictor.predict_proba(fresh), predictor.predict(fresh)
    assert labels.tolist() == predictor.classes_[weighing(proba).argmax(axis=1)].tolist()
    assert (labels == "yes").sum() > (proba[:, 1] > 0.5).sum()
    assert predictor.evaluate(fresh)["f1"] == pytest.approx(predictor.info["cv_score"], abs=0.06)
    assert "The class is decided on with weights ('yes'" in predictor.info["lines"][-1]
    predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model")
    for other in (loaded, copy.deepcopy(predictor), pickle.loads(pickle.dumps(predictor))):
        assert other.predict(fresh).tolist() == labels.tolist()
        np.testing.assert_allclose(other.predict_proba(fresh), proba)


@pytest.mark.parametrize("tuned", [{"power": 0.5}, {"weights": [1.0, 30.0]}, None])
def test_a_saved_model_says_what_was_tuned(make, toys, tuned, tmp_path):
    predictor = make()
    rows = {"size": [0.1, -0.2, 1.0], "color": ["red", "blue", "red"], "weight_kg": [5.0, 4.0, 6.0]}
    before = predictor.predict_proba(rows)
    info = {**predictor.info, "tuned": tuned}
    if tuned and "power" in tuned:
        sample = {**info["sample"]}
        sample["values"] = Temper(**tuned)(np.array(sample["values"])).tolist()
        info["sample"] = sample
    changed = type(predictor)(
        schema=predictor.schema,
        task=predictor.task,
        metric=predictor.metric,
        target=predictor.target,
        classes=predictor.classes,
        parts=predictor.parts,
        catalog=predictor.catalog,
        info=info,
    )
    changed.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model", plugins=[toys])
    expected = Temper(**tuned)(before) if tuned and "power" in tuned else before
    np.testing.assert_allclose(loaded.predict_proba(rows), expected)
    if tuned and "weights" in tuned:
        assert set(loaded.predict(rows).tolist()) == {"yes"}
