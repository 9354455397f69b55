"""Greedy selection and the choice between a blend and one member."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.model import blend as module
from automl.model.blend import Judge, average, blend, choose
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


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(2, 60),
    n_members=st.integers(1, 12),
    metric=st.sampled_from([LOG_LOSS, ACCURACY]),
    cap=st.sampled_from([None, 1, 3]),
)
def test_weights_are_a_mean_that_is_no_worse_than_the_best_member(
    seed, n_rows, n_members, metric, cap
):
    y, members = _classes(seed, n_rows, n_members)
    judge = _judge(metric, y)
    weights = blend(members, y, judge, metric.greater_is_better, max_members=cap)
    assert weights.shape == (n_members,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert cap is None or np.count_nonzero(weights) <= cap
    sign = 1 if metric.greater_is_better else -1
    best = max(sign * judge(one) for one in members)
    assert sign * judge(average(members, weights)) >= best - 1e-6 * abs(best)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), metric=st.sampled_from([LOG_LOSS, ACCURACY]))
def test_the_order_of_members_does_not_change_the_score(seed, metric):
    y, members = _classes(seed, 40, 8)
    judge = _judge(metric, y)
    order = np.random.default_rng(seed).permutation(8)
    shuffled = [members[index] for index in order]
    first = blend(members, y, judge, metric.greater_is_better)
    second = blend(shuffled, y, judge, metric.greater_is_better)
    assert np.array_equal(first[order], second)


def test_numbers_are_blended_too():
    rng = np.random.default_rng(1)
    y = rng.normal(size=300)
    members = [y + rng.normal(size=300) for _ in range(10)]
    judge = _judge(RMSE, y)
    weights = blend(members, y, judge, False)
    assert judge(average(members, weights)) < 0.6 * min(judge(one) for one in members)


def test_a_plain_function_is_a_score():
    y, members = _classes(0, 50, 3)
    weights = blend(members, y, lambda values: float(-abs(values[:, 1].mean() - 0.5)), True)
    assert weights.sum() == pytest.approx(1)


def test_members_that_cannot_be_scored_are_left_out():
    y, members = _classes(0, 50, 3)
    members[1] = np.full_like(members[1], np.nan)
    weights = blend(members, y, _judge(LOG_LOSS, y), False)
    assert weights[1] == 0
    hopeless = [np.full_like(members[1], np.nan)] * 2
    assert blend(hopeless, y, _judge(LOG_LOSS, y), False).sum() == 1


def test_a_twin_of_a_member_brings_no_second_member():
    y, members = _classes(3, 100, 1)
    weights = blend(
        [members[0], members[0].copy(), members[0].copy()], y, _judge(LOG_LOSS, y), False
    )
    assert np.count_nonzero(weights) == 1


def test_many_rows_are_sampled_and_the_result_holds_on_all(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 400)
    y, members = _classes(5, 5_000, 12)
    seen = []

    def watched(y, values, weight):
        seen.append(len(y))
        return _log_loss(y, values, weight)

    judge = _judge(_metric("watched", watched), y)
    weights = blend(members, y, judge, False, steps=10)
    assert seen.count(5_000) == 10
    assert set(seen) == {400, 5_000}
    assert judge(average(members, weights)) < min(judge(one) for one in members)


def test_a_sample_keeps_every_class_in_proportion():
    y = np.repeat([0, 1, 2], [9_000, 900, 100])
    rows = module._sample(y, 1_000, 0)
    assert np.bincount(y[rows]).tolist() == [900, 90, 10]
    assert len(set(rows.tolist())) == 1_000


def test_it_stops_at_the_deadline_with_what_it_has():
    y, members = _classes(2, 200, 10)
    judge = _judge(LOG_LOSS, y)
    late = blend(members, y, judge, False, deadline=lambda: 0.0)
    assert np.flatnonzero(late).tolist() == [0]
    ticks = count()
    some = blend(members, y, judge, False, deadline=lambda: 35 - next(ticks))
    assert 1 < np.count_nonzero(some) < 10
    assert judge(average(members, some)) < min(judge(one) for one in members)


class _TrueClass:
    def reduce(self, y, values):
        return values[np.arange(len(y)), y]

    def score(self, y, reduced, weight):
        return float(np.average(-np.log(np.clip(reduced, 1e-15, 1)), weights=weight))


def test_a_fast_form_finds_the_same_blend():
    y, members = _classes(7, 2_000, 15)
    plain = blend(members, y, _judge(LOG_LOSS, y), False)
    fast = blend(members, y, _judge(LOG_LOSS, y, fast=_TrueClass()), False)
    assert np.allclose(plain, fast)


def test_choose_keeps_a_blend_that_is_clearly_better():
    y, members = _classes(0, 2_000, 10)
    judge = _judge(LOG_LOSS, y)
    weights = blend(members, y, judge, False)
    assert np.array_equal(choose(members, weights, judge), weights)


def test_choose_takes_the_single_best_where_the_gain_is_noise():
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    good = y + rng.normal(scale=0.5, size=60)
    members = [good, y + rng.normal(scale=3, size=60)]
    judge = _judge(RMSE, y)
    weights = np.array([0.99, 0.01])
    assert choose(members, weights, judge, errors=50.0).tolist() == [1, 0]
    worse = np.array([0.1, 0.9])
    assert choose(members, worse, judge).tolist() == [1, 0]


def test_choose_without_time_takes_the_single_best():
    y, members = _classes(0, 2_000, 10)
    judge = _judge(LOG_LOSS, y)
    weights = blend(members, y, judge, False)
    chosen = choose(members, weights, judge, deadline=lambda: 0.0)
    best = int(np.argmin([judge(one) for one in members]))
    assert np.flatnonzero(chosen).tolist() == [best]


def test_choose_rarely_keeps_a_blend_of_equals_on_few_rows():
    """Members that differ by noise alone: a blend of copies with jitter is not better."""
    kept = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=40)
        base = y + rng.normal(size=40)
        members = [base + rng.normal(scale=1e-3, size=40) for _ in range(5)]
        judge = _judge(RMSE, y)
        weights = blend(members, y, judge, False)
        kept += np.count_nonzero(choose(members, weights, judge, errors=2.0)) > 1
    assert kept <= 10


def test_bootstrap_error_shrinks_with_rows_beyond_one_sample(monkeypatch):
    y, members = _classes(0, 8_000, 2)
    judge = _judge(LOG_LOSS, y)
    whole = module.bootstrap_error(members[0], members[1], judge, 0, lambda: np.inf)
    monkeypatch.setattr(module, "BOOTSTRAP_ROWS", 1_000)
    part = module.bootstrap_error(members[0], members[1], judge, 0, lambda: np.inf)
    assert part == pytest.approx(whole, rel=0.35)
