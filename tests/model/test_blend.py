"""Greedy selection of a blend, bagged over rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.model import blend as module
from automl.model.blend import average, blend
from automl.model.judge import Judge
from automl.plugin import Metric


def _log_loss(y, values, weight):
    true = values[np.arange(len(y)), y]
    return float(np.average(-np.log(np.clip(true, 1e-15, 1)), weights=weight))


def _accuracy(y, labels, weight):
    return float(np.average(y == labels, weights=weight))


def _rmse(y, values, weight):
    return float(np.sqrt(np.average((y - values) ** 2, weights=weight)))


def _metric(name, score, reads="values", greater=False):
    return Metric(
        name=name,
        tasks=frozenset({"any"}),
        score=score,
        reads=reads,
        greater_is_better=greater,
        best=1.0 if greater else 0.0,
    )


LOG_LOSS = _metric("log_loss", _log_loss)
ACCURACY = _metric("accuracy", _accuracy, reads="labels", greater=True)
RMSE = _metric("rmse", _rmse)


def _codes(values):
    return values.argmax(axis=1)


def _classes(seed, n_rows, n_members, noise=1.5):
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    members = []
    for _ in range(n_members):
        p = 1 / (1 + np.exp(-(2 * y - 1 + rng.normal(scale=noise, size=n_rows))))
        members.append(np.stack([1 - p, p], axis=1).astype(np.float32))
    return y, members


def _judge(metric, y, **more):
    return Judge(metric=metric, decide=_codes, y=y, **more)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(2, 60),
    n_members=st.integers(1, 12),
    metric=st.sampled_from([LOG_LOSS, ACCURACY]),
    cap=st.sampled_from([None, 1, 3]),
)
def test_weights_are_a_mean(seed, n_rows, n_members, metric, cap):
    y, members = _classes(seed, n_rows, n_members)
    judge = _judge(metric, y)
    weights = blend(members, judge, max_members=cap)
    assert weights.shape == (n_members,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert cap is None or np.count_nonzero(weights) <= cap


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from([LOG_LOSS, ACCURACY]))
def test_the_order_of_members_does_not_matter(seed, metric):
    y, members = _classes(seed, 40, 8)
    judge = _judge(metric, y)
    order = np.random.default_rng(seed).permutation(8)
    first = blend(members, judge)
    second = blend([members[index] for index in order], judge)
    assert np.allclose(first[order], second)


@pytest.mark.parametrize("metric", [LOG_LOSS, ACCURACY])
def test_a_blend_is_better_than_its_best_member(metric):
    y, members = _classes(0, 2_000, 10)
    judge = _judge(metric, y)
    gain = judge.gain(average(members, blend(members, judge)))
    assert gain > max(judge.gain(one) for one in members)


def test_numbers_are_blended_too():
    rng = np.random.default_rng(1)
    y = rng.normal(size=300)
    members = [y + rng.normal(size=300) for _ in range(10)]
    judge = _judge(RMSE, y)
    weights = blend(members, judge)
    assert judge(average(members, weights)) < 0.6 * min(judge(one) for one in members)


def test_members_that_cannot_be_scored_are_left_out():
    y, members = _classes(0, 50, 3)
    members[1] = np.full_like(members[1], np.nan)
    weights = blend(members, _judge(LOG_LOSS, y))
    assert weights[1] == 0
    hopeless = [np.full_like(members[1], np.nan)] * 2
    assert blend(hopeless, _judge(LOG_LOSS, y)).tolist() == [1, 0]


def test_a_metric_that_fails_on_some_samples_of_rows_is_no_harm():
    y, members = _classes(0, 60, 4)

    def picky(y, values, weight):
        if len(set(values[:, 1].tolist())) < 60:
            raise ValueError("a row is there twice")
        return _log_loss(y, values, weight)

    weights = blend(members, _judge(_metric("picky", picky), y))
    assert weights.sum() == pytest.approx(1)


def test_a_twin_of_a_member_brings_no_second_member():
    y, members = _classes(3, 100, 1)
    weights = blend([members[0], members[0].copy(), members[0].copy()], _judge(LOG_LOSS, y))
    assert np.count_nonzero(weights) == 1


def test_scores_that_are_known_are_not_asked_again():
    y, members = _classes(3, 5_000, 6)
    seen = []

    def watched(y, values, weight):
        seen.append(len(y))
        return _log_loss(y, values, weight)

    judge = _judge(LOG_LOSS, y)
    asked = replace(judge, metric=_metric("watched", watched))
    known = [judge(one) for one in members]
    assert np.array_equal(blend(members, asked, scores=known), blend(members, judge))


def test_many_rows_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 400)
    monkeypatch.setattr(module, "BAG_ROWS", 200)
    y, members = _classes(5, 5_000, 12)
    seen = []

    def watched(y, values, weight):
        seen.append(len(y))
        return _log_loss(y, values, weight)

    judge = _judge(_metric("watched", watched), y)
    weights = blend(members, judge)
    assert seen.count(5_000) == len(members)
    assert set(seen) == {5_000, 400, 200}
    assert judge(average(members, weights)) < min(judge(one) for one in members)


def test_members_that_are_alike_do_not_keep_another_out(monkeypatch):
    monkeypatch.setattr(module, "MAX_CANDIDATES", 8)
    rng = np.random.default_rng(0)
    y = rng.normal(size=500)
    first, other = rng.normal(size=(2, 500))
    alike = [y + first + rng.normal(scale=0.05, size=500) for _ in range(20)]
    judge = _judge(RMSE, y)
    weights = blend([*alike, y + 1.2 * other], judge)
    assert weights[-1] > 0.2
    assert blend(alike[:9], judge).sum() == pytest.approx(1)


def test_many_classes_leave_fewer_rows(monkeypatch):
    monkeypatch.setattr(module, "MAX_CELLS", 1_000)
    y, members = _classes(5, 5_000, 3)
    seen = set()

    def watched(y, values, weight):
        seen.add(values.shape)
        return _log_loss(y, values, weight)

    blend(members, _judge(_metric("watched", watched), y))
    assert seen == {(5_000, 2), (500, 2)}


def test_of_the_true_class_alone_the_same_blend_comes():
    y, members = _classes(7, 2_000, 15)
    weight = np.random.default_rng(0).random(2_000)
    plain = blend(members, _judge(LOG_LOSS, y, weight=weight))
    seen = set()

    def watched(y, values, weight):
        seen.add(values.shape[1])
        return _log_loss(y, values, weight)

    metric = replace(_metric("watched", watched), true_class_only=True)
    fast = blend(members, _judge(metric, y, weight=weight), scores=[0.5] * 15)
    assert np.allclose(plain, fast)
    assert seen == {1}


def test_it_stops_at_the_deadline_with_what_it_has():
    y, members = _classes(2, 200, 10)
    judge = _judge(LOG_LOSS, y)
    late = blend(members, judge, deadline=lambda: 0.0)
    assert np.flatnonzero(late).tolist() == [0]
    scores = [judge(one) for one in members]
    late = blend(members, judge, scores=scores, deadline=lambda: 0.0)
    assert np.flatnonzero(late).tolist() == [int(np.argmin(scores))]
    ticks = count()
    some = blend(members, judge, scores=scores, deadline=lambda: 35 - next(ticks))
    assert 1 < np.count_nonzero(some) < 10
    assert judge(average(members, some)) < min(scores)


def test_on_few_rows_more_candidates_do_no_harm():
    """The best of many equals is one that was lucky; the blend does not fall for it."""
    alone, blended, fewer = [], [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=1_060)
        members = [y + rng.normal(scale=rng.uniform(1, 1.1), size=1_060) for _ in range(40)]
        seen, unseen = _judge(RMSE, y[:60]), _judge(RMSE, y[60:])
        first, second = [one[:60] for one in members], [one[60:] for one in members]
        best = int(np.argmax([seen.gain(one) for one in first]))
        alone.append(unseen(second[best]))
        blended.append(unseen(average(second, blend(first, seen, max_members=12))))
        fewer.append(unseen(average(second[:8], blend(first[:8], seen, max_members=12))))
    assert np.mean(blended) < np.mean(fewer) < np.mean(alone)


@pytest.mark.parametrize("seed", range(6))
def test_a_light_member_stays_only_where_the_score_needs_it(seed):
    y, members = _classes(seed, 400, 14, noise=1.0 + seed)
    judge = _judge(LOG_LOSS, y)
    weights = blend(members, judge)
    alone = max(judge.gain(members[index]) for index in np.flatnonzero(weights))
    whole = judge.gain(average(members, weights))
    least = whole - module.BORNE * (whole - alone)
    lightest = np.where(weights > 0, weights, np.inf).argmin()
    if weights[lightest] < module.LIGHT:
        others = np.where(np.arange(len(weights)) == lightest, 0.0, weights)
        assert judge.gain(average(members, others)) < least


def test_light_members_that_nobody_misses_are_left_out():
    y, members = _classes(3, 400, 4)
    judge = _judge(LOG_LOSS, y)
    library = module.Library.of(members, judge, 0)
    given = np.array([0.6, 0.385, 0.01, 0.005])
    left = module._without_light(library, given, lambda: np.inf)
    assert left[3] == 0
    assert left.sum() == pytest.approx(1)
    assert left[0] > given[0]
    heavy = np.array([0.3, 0.25, 0.25, 0.2])
    assert np.array_equal(module._without_light(library, heavy, lambda: np.inf), heavy)
    assert np.array_equal(module._without_light(library, given, lambda: 0.0), given)
