"""What was learned as plain tables: how they are read, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.plugin import Coefficients, Trees, rounded
from automl.testing.trees import random_trees

CELLS = st.floats(width=64) | st.integers(-2, 80).map(float)
ROWS = st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=5)


def leaf_of(trees, tree, row):
    """Walk down one tree, split by split, as the documentation says."""
    first = int(trees.sizes[:tree].sum())
    at = 0 if trees.sizes[tree] else -1
    while at >= 0:
        split = first + at
        cell = row[trees.feature[split]]
        left = cell <= trees.threshold[split]
        if trees.set_of is not None and trees.set_of[split] >= 0:
            left = cell in trees.sets[trees.set_of[split]].tolist()
        if np.isnan(cell):
            left = trees.missing_left[split]
        at = int((trees.left if left else trees.right)[split])
    return -1 - at


@settings(max_examples=60)
@given(st.integers(0, 10**6), ROWS, st.integers(0, 2))
def test_a_walk_ends_where_the_splits_lead(seed, rows, n_coded):
    trees = random_trees(seed, n_trees=6, n_coded=n_coded)
    X = np.array(rows)
    X[:, 6 - n_coded :] = np.round(np.clip(X[:, 6 - n_coded :], -2, 100))
    expected = [[leaf_of(trees, tree, row) for tree in range(6)] for row in X]
    assert trees.walk(X).tolist() == expected


@settings(max_examples=60)
@given(st.integers(0, 10**6), ROWS)
def test_leaves_add_up_to_their_outputs(seed, rows):
    trees = replace(random_trees(seed, n_trees=6, n_coded=0), base=np.array([0.5, -1.0]))
    X = np.array(rows)
    expected = np.tile(trees.base, (len(X), 1))
    for number, row in enumerate(X):
        for tree in range(6):
            leaf = int(trees.sizes[:tree].sum()) + tree + leaf_of(trees, tree, row)
            expected[number, trees.output[tree]] += trees.leaf[leaf, 0]
    assert np.allclose(trees.outputs(X), expected, rtol=1e-12)


@given(
    st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=20),
    st.booleans(),
    st.integers(-3, 3),
)
def test_rounded_thresholds_decide_as_float32_does(thresholds, strict, steps):
    asked = np.array(thresholds)
    asked = asked[~(np.isneginf(asked) & strict)]  # nothing is less
    found = rounded(asked, strict=strict)
    for start in (found, asked):
        cells = start
        with np.errstate(over="ignore", under="ignore"):
            for _ in range(abs(steps)):
                cells = np.nextafter(cells, np.copysign(np.inf, steps))
            single = cells.astype(np.float32).astype(np.float64)
        expected = single < asked if strict else single <= asked
        assert ((cells <= found) == expected).all()


def test_nodes_in_one_numbering_become_splits_and_leaves():
    nodes = {
        "left": np.array([1, -1, 3, -1, -1, -1]),
        "right": np.array([2, -1, 4, -1, -1, -1]),
        "feature": np.array([0, 0, 1, 0, 0, 0]),
        "threshold": np.array([0.0, 0, 5, 0, 0, 0]),
        "missing_left": np.array([True, False, False, False, False, False]),
        "value": np.array([0.0, 10, 0, 20, 30, 7]),
    }
    trees = Trees.of_nodes(
        np.array([0, 5]),
        nodes,
        output=np.array([0, 0]),
        base=np.array([100.0]),
        sets={2: np.array([4, 6])},
    )
    X = np.array([[np.nan, 0], [1, 4], [1, 5], [-1, 6]])
    assert trees.outputs(X)[:, 0].tolist() == [117, 127, 137, 117]
    assert trees.sizes.tolist() == [2, 0]


def test_links_make_values_of_outputs():
    X = np.array([[2.0], [-800.0]])
    plain = Coefficients(weights=np.array([[1.0]]), base=np.array([1.0]), low=-5.0, high=5.0)
    assert plain.values(X).tolist() == [[3.0], [-5.0]]
    two = replace(plain, link="logistic").values(X)
    assert two.shape == (2, 2)
    assert np.allclose(two.sum(axis=1), 1)
    assert np.isclose(two[0, 1], 1 / (1 + np.exp(-3)))
    three = Coefficients(weights=np.ones((1, 3)), base=np.arange(3.0), link="softmax").values(X)
    assert np.allclose(three.sum(axis=1), 1)
    assert (np.diff(three[0]) > 0).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": np.zeros(1)}, "for each split"),
        ({"leaf": np.zeros((2, 1))}, "one leaf more"),
        ({"output": np.zeros(3, dtype=int)}, "for each tree"),
        ({"output": np.array([1])}, "more outputs"),
        ({"left": np.array([0, -2])}, "later split"),
        ({"right": np.array([-1, -9])}, "later split"),
        ({"set_of": np.array([0, -1])}, "not there"),
    ],
)
def test_what_is_no_tree_is_refused(changes, said):
    sound = Trees(
        sizes=np.array([2]),
        feature=np.array([0, 1]),
        threshold=np.zeros(2),
        left=np.array([1, -2]),
        right=np.array([-1, -3]),
        missing_left=np.zeros(2, dtype=bool),
        leaf=np.zeros((3, 1)),
        output=np.array([0]),
        base=np.zeros(1),
    )
    with pytest.raises(ValueError, match=said):
        replace(sound, **changes)
