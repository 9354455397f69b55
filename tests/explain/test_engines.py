"""Contributions to trees, sums and strangers against Shapley values by their definition."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from brute import shapley
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.explain import paths as paths_module
from automl.explain.paths import Paths
from automl.explain.slopes import (
    log_softmax,
    logarithmic_mean,
    logistic_slopes,
    secant,
    share_slopes,
)
from automl.explain.sums import Sums
from automl.model.bounds import Bounds
from automl.model.tuning import SMALLEST, Temper
from automl.plugin.tables import Coefficients, Trees, linked


def trees(rng, *, n_trees, n_cells, depth, width=1, n_outputs=2, sets=()):
    """Return random trees: every node above the depth splits with probability 0.8."""
    sizes, rows, leaves = [], [], []

    def grow(level):
        """Return the splits of a subtree with children that count within it, and its leaves."""
        if level == depth or (level and rng.random() < 0.2):
            leaves.append(rng.normal(size=width))
            return None
        here = len(mine)
        mine.append(
            [int(rng.integers(n_cells)), float(rng.normal()), 0, 0, bool(rng.random() < 0.5)]
        )
        for side in (2, 3):
            before = len(leaves) - first
            child = len(mine)
            mine[here][side] = child if grow(level + 1) is not None else -1 - before
        return here

    for _ in range(n_trees):
        mine: list[list] = []
        first = len(leaves)
        grow(0 if depth else depth)
        sizes.append(len(mine))
        rows += mine
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0, int)] * 5
    feature, threshold, left, right, missing = columns
    coded = np.where(
        rng.random(len(feature)) < 0.4, rng.integers(0, len(sets) or 1, len(feature)), -1
    )
    return Trees(
        sizes=np.array(sizes),
        feature=feature.astype(np.int64),
        threshold=threshold.astype(float),
        left=left.astype(np.int64),
        right=right.astype(np.int64),
        missing_left=missing.astype(bool),
        leaf=np.array(leaves).reshape(-1, width),
        output=rng.integers(0, n_outputs - width + 1, n_trees),
        base=rng.normal(size=n_outputs),
        set_of=coded if sets else None,
        sets=tuple(np.array(one) for one in sets),
    )


def cells(rng, n_rows, n_cells):
    """Return cells that are codes and numbers, some of them missing."""
    found = rng.normal(size=(n_rows, n_cells))
    found[:, ::3] = rng.integers(0, 4, found[:, ::3].shape)
    found[rng.random(found.shape) < 0.1] = np.nan
    return found


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_cells=st.integers(1, 6),
    depth=st.integers(0, 6),
    width=st.integers(1, 2),
    coded=st.booleans(),
    n_rows=st.integers(1, 3),
)
def test_trees_give_shapley_values(seed, n_cells, depth, width, coded, n_rows):
    rng = np.random.default_rng(seed)
    sets = [[0], [1, 3], [0, 2, 3]] if coded else ()
    grown = trees(rng, n_trees=4, n_cells=n_cells, depth=depth, width=width, sets=sets)
    owners = rng.integers(0, 4, n_cells)
    background, rows = cells(rng, 7, n_cells), cells(rng, n_rows, n_cells)
    expected = np.array([shapley(grown.outputs, row, background, owners, 4) for row in rows])
    weights = rng.normal(size=(n_rows, 7, 2, 3))
    with small_steps():
        paths = Paths(grown, owners, background, 4)
        ways = paths.ways(rows)
        found = paths.contributions(ways, weights)
    assert np.allclose(paths.outputs(ways), grown.outputs(rows), rtol=0.0, atol=1e-12)
    assert np.allclose(found, np.einsum("nbco,nbov->ncv", expected, weights), atol=1e-12)
    unused = ~np.isin(np.arange(4), owners[grown.feature])
    assert (found[:, unused] == 0.0).all()


@contextmanager
def small_steps():
    """Few leaves at a time, so that there are several steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths_module, "MOST_PAIRS", 18)
        yield


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), n_columns=st.sampled_from([8, 9, 10]))
def test_ways_of_many_columns_give_shapley_values(seed, n_columns):
    rng = np.random.default_rng(seed)
    n = n_columns
    chain = Trees(
        sizes=np.array([n]),
        feature=rng.permutation(n),
        threshold=rng.normal(size=n) - 1.0,
        left=np.append(np.arange(1, n), -1),
        right=-2 - np.arange(n),
        missing_left=rng.random(n) < 0.5,
        leaf=rng.normal(size=(n + 1, 1)),
        output=np.zeros(1, dtype=int),
        base=np.zeros(1),
    )
    background, rows = cells(rng, 3, n), cells(rng, 2, n)
    expected = np.array([shapley(chain.outputs, row, background, np.arange(n), n) for row in rows])
    weights = rng.normal(size=(2, 3, 1, 1))
    paths = Paths(chain, np.arange(n), background, n)
    found = paths.contributions(paths.ways(rows), weights)
    assert np.allclose(found, np.einsum("nbco,nbov->ncv", expected, weights), atol=1e-12)


def test_a_way_of_more_columns_than_bits_is_refused():
    n = 70
    chain = Trees(
        sizes=np.array([n]),
        feature=np.arange(n),
        threshold=np.zeros(n),
        left=np.append(np.arange(1, n), -1),
        right=-2 - np.arange(n),
        missing_left=np.zeros(n, dtype=bool),
        leaf=np.arange(n + 1.0)[:, None],
        output=np.zeros(1, dtype=int),
        base=np.zeros(1),
    )
    with pytest.raises(ValueError, match="70 columns"):
        Paths(chain, np.arange(n), np.zeros((3, n)), n)
    # Cells of one column share its bit.
    few = Paths(chain, np.arange(n) % 60, np.zeros((3, n)), 60)
    found = few.contributions(few.ways(np.ones((1, n))), np.ones((1, 3, 1, 1)))
    assert found.sum() == pytest.approx(3 * (chain.outputs(np.ones((1, n))) - n + n).item())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), clipped=st.booleans())
def test_sums_give_shapley_values_and_are_cut_without_a_rest(seed, clipped):
    rng = np.random.default_rng(seed)
    bounds = {"low": -0.5, "high": 0.5} if clipped else {}
    table = Coefficients(weights=rng.normal(size=(5, 2)), base=rng.normal(size=2), **bounds)
    owners = np.array([0, 2, 2, 0, 3])
    background, rows = rng.normal(size=(6, 5)), rng.normal(size=(2, 5))
    weights = rng.normal(size=(2, 6, 2, 1))
    sums = Sums(table, owners, background, 4)
    ways = sums.ways(rows)
    assert np.allclose(sums.outputs(ways), table.outputs(rows))
    found = sums.contributions(ways, weights)
    assert (found[:, 1] == 0.0).all()
    change = table.outputs(rows)[:, None] - table.outputs(background)
    gone = np.einsum("nbo,nbov->n", change, weights)
    assert found.sum(axis=(1, 2)) == pytest.approx(gone, abs=1e-9)
    if not clipped:
        expected = np.array([shapley(table.outputs, row, background, owners, 4) for row in rows])
        assert np.allclose(found, np.einsum("nbco,nbov->ncv", expected, weights))


# Slopes carry every difference over without a rest

LOGITS = st.lists(st.floats(-300, 300), min_size=3, max_size=3).map(np.array)


@given(before=LOGITS, after=LOGITS)
def test_slopes_of_links_leave_no_rest(before, after):
    one, other = before[None], after[None]
    rise = logistic_slopes(one[:, :1], other[:, :1])
    gone = rise * (other - one)[:, :1]
    said = [linked(x[:, :1], "logistic")[:, 1:] for x in (one, other)]
    assert np.allclose(gone, said[1] - said[0], atol=1e-12)
    slopes = share_slopes(log_softmax(one), log_softmax(other))
    said = [linked(x, "softmax") for x in (one, other)]
    assert np.isfinite(slopes).all()
    assert np.allclose(slopes @ (after - before), said[1] - said[0], atol=1e-10)
    assert np.allclose(slopes.sum(axis=1), 0.0, atol=1e-10)


def test_slopes_of_nothing_are_derivatives():
    x = np.array([[0.3, -1.0, 2.0]])
    p = linked(x, "softmax")[0]
    assert np.allclose(share_slopes(log_softmax(x), log_softmax(x))[0], np.diag(p) - np.outer(p, p))
    share = linked(x[:, :1], "logistic")[0, 1]
    assert np.allclose(logistic_slopes(x[:, :1], x[:, :1]), share * (1 - share))
    assert np.allclose(logarithmic_mean(x, x), np.exp(x))
    assert secant(x, x, x, x).tolist() == [[1.0] * 3]
    assert secant(x, x, 0 * x, 0 * x).tolist() == [[0.0] * 3]


SHARES = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 1e-3)


@given(before=SHARES, after=SHARES, power=st.floats(0.4, 2.3))
def test_tempered_probabilities_leave_no_rest(before, after, power):
    one, other = (np.array([p]) / sum(p) for p in (before, after))
    temper = Temper(power=power)
    slopes = temper.slopes(one, other)
    change = temper(other) - temper(one)
    # Below the smallest probability nothing changes, and slopes there reach 1 / SMALLEST.
    near = 1e-9 if min(*one[0], *other[0]) > 1e3 * SMALLEST else 1e-3
    assert np.allclose(slopes @ (other - one)[0], change, atol=near)


@given(
    before=st.floats(-50, 50),
    after=st.floats(-50, 50),
    margin=st.sampled_from([0.0, 0.5, 4.0, np.inf]),
)
def test_bounded_numbers_leave_no_rest(before, after, margin):
    bounds = Bounds(low=-10.0, high=10.0, margin=margin)
    one, other = np.array([[before]]), np.array([[after]])
    gone = bounds.slopes(one, other) * (other - one)
    assert np.allclose(gone, bounds(other) - bounds(one), atol=1e-9)
