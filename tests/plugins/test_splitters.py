"""The splitters: what they promise, on any target, groups and times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import automl_splitters
from automl.errors import DataError
from automl.plugin import SplitRequest

SPLIT = {splitter.name: splitter.split for splitter in automl_splitters.automl_splitters()}
FOLDS = ("stratified", "k_fold", "group", "stratified_group")
CLASS_ONLY = ("stratified", "stratified_holdout", "stratified_group")


def _request(y, *, n_folds=5, groups=None, time=None, seed=0, repeats=1):
    return SplitRequest(
        y=np.asarray(y), n_folds=n_folds, groups=groups, time=time, seed=seed, repeats=repeats
    )


@st.composite
def requests(draw, *, numbers=False):
    """Draw a target with rare classes, groups, times with ties, and what is wanted."""
    n = draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = np.minimum(rng.geometric(0.5, n), 6) - 1
    if numbers:
        y = rng.choice([rng.normal(size=n), rng.integers(0, 3, n).astype(float)])
    groups = rng.integers(0, draw(st.integers(2, 12)), n)
    groups[:2] = (0, 1)
    time = rng.integers(0, draw(st.integers(2, 30)), n).astype(float)
    time[:2] = (0, 1)
    return _request(
        y,
        n_folds=draw(st.integers(2, 8)),
        groups=groups,
        time=time,
        seed=draw(st.integers(0, 2**31)),
        repeats=draw(st.integers(1, 3)),
    )


def _check_rows(splits, n):
    assert splits
    for train, test in splits:
        for rows in (train, test):
            assert rows.dtype == np.int64
            assert len(rows)
            assert (np.diff(rows) > 0).all()
            assert rows[0] >= 0
            assert rows[-1] < n
        assert not np.intersect1d(train, test).size


@pytest.mark.parametrize("name", SPLIT)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
def test_rows_are_sorted_and_on_one_side_only(name, data):
    request = data.draw(requests(numbers=name not in CLASS_ONLY and data.draw(st.booleans())))
    try:
        splits = SPLIT[name](request)
    except DataError:
        assert name == "forward"
        return
    _check_rows(splits, len(request.y))
    again = SPLIT[name](request)
    for (train, test), (same_train, same_test) in zip(splits, again, strict=True):
        assert np.array_equal(train, same_train)
        assert np.array_equal(test, same_test)


@pytest.mark.parametrize("name", FOLDS)
@given(request_=requests())
@settings(deadline=None, max_examples=60)
def test_every_row_is_tested_once_a_repeat(name, request_):
    splits = SPLIT[name](request_)
    n = len(request_.y)
    per_repeat = len(splits) // request_.repeats
    assert 2 <= per_repeat <= request_.n_folds
    for start in range(0, len(splits), per_repeat):
        tests = [test for _, test in splits[start : start + per_repeat]]
        assert np.array_equal(np.sort(np.concatenate(tests)), np.arange(n))
    for train, test in splits:
        assert len(train) + len(test) == n


@pytest.mark.parametrize("name", ["group", "stratified_group", "forward"])
@given(request_=requests())
@settings(deadline=None, max_examples=60)
def test_no_group_is_on_both_sides(name, request_):
    try:
        splits = SPLIT[name](request_)
    except DataError:
        assert name == "forward"
        return
    for train, test in splits:
        assert not np.intersect1d(request_.groups[train], request_.groups[test]).size


@given(request_=requests())
@settings(deadline=None, max_examples=100)
def test_training_is_never_later_than_testing(request_):
    n_moments = len(np.unique(request_.time))
    alone = _request(request_.y, n_folds=request_.n_folds, time=request_.time)
    splits = SPLIT["forward"](alone)
    assert len(splits) == min(request_.n_folds, n_moments - 1)
    tested = np.concatenate([test for _, test in splits])
    assert len(tested) == len(set(tested.tolist()))
    for train, test in splits:
        assert request_.time[train].max() < request_.time[test].min()
    assert request_.time[tested].max() == request_.time.max()


@given(request_=requests())
@settings(deadline=None, max_examples=60)
def test_classes_are_spread_evenly(request_):
    splits = SPLIT["stratified"](request_)
    for label in np.unique(request_.y):
        counts = [int((request_.y[test] == label).sum()) for _, test in splits]
        assert max(counts) - min(counts) <= 1
    sizes = [len(test) for _, test in splits]
    assert max(sizes) - min(sizes) <= 1


@given(request_=requests())
@settings(deadline=None, max_examples=60)
def test_a_class_of_one_row_is_trained_on(request_):
    counts = np.bincount(request_.y)
    assume((counts > 1).any())
    for train, _ in SPLIT["stratified_holdout"](request_):
        assert np.isin(np.flatnonzero(counts == 1), request_.y[train]).all()


def test_numbers_are_spread_over_the_folds():
    y = np.random.default_rng(0).lognormal(sigma=2, size=500)
    means = [np.log(y[test]).mean() for _, test in SPLIT["k_fold"](_request(y))]
    assert np.ptp(means) < 0.1


def test_stratified_groups_keep_the_shares_near():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 2000)
    y = (rng.random(2000) < rng.random(200)[groups] * 0.4).astype(int)
    splits = SPLIT["stratified_group"](_request(y, groups=groups))
    shares = [y[test].mean() for _, test in splits]
    assert np.ptp(shares) < 0.02
    sizes = [len(test) for _, test in splits]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize(("n", "share"), [(100, 0.2), (50_000, 0.2), (100_000, 0.1)])
@pytest.mark.parametrize("name", ["holdout", "stratified_holdout"])
def test_a_holdout_is_ten_to_twenty_percent(name, n, share):
    y = np.arange(n) % 3
    ((_, test),) = SPLIT[name](_request(y))
    assert len(test) == pytest.approx(share * n, rel=0.05)


def test_repeats_and_seeds_give_other_folds():
    y = np.arange(100) % 2
    first, second = SPLIT["stratified"](_request(y, n_folds=2, repeats=2))[::2]
    other = SPLIT["stratified"](_request(y, n_folds=2, seed=1))[0]
    assert not np.array_equal(first[1], second[1])
    assert not np.array_equal(first[1], other[1])


def test_rows_without_a_time_count_as_the_earliest():
    time = np.array([np.nan, 1.0, 2.0, 3.0, np.nan, 4.0])
    for train, _ in SPLIT["forward"](_request(np.zeros(6), n_folds=3, time=time)):
        assert {0, 4} <= set(train.tolist())


@pytest.mark.parametrize(
    ("name", "roles", "says"),
    [
        ("k_fold", {"y": [1.0]}, "1 row"),
        ("group", {"y": [0, 1]}, "group column"),
        ("group", {"y": [0, 1], "groups": np.zeros(2, dtype=int)}, "one value only"),
        ("forward", {"y": [0, 1]}, "time column"),
        ("forward", {"y": [0, 1], "time": np.zeros(2)}, "one value only"),
        (
            "forward",
            {"y": [0] * 4, "time": np.arange(4.0), "groups": np.zeros(4, dtype=int)},
            "Every group is there at all times",
        ),
    ],
)
def test_what_cannot_be_split_is_said(name, roles, says):
    with pytest.raises(DataError, match=says) as caught:
        SPLIT[name](_request(**roles))
    assert caught.value.code == "E_DATA_SPLIT"
