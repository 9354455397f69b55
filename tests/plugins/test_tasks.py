"""The tasks: what a target is taken for, how it is encoded, what an answer looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import automl_tasks
from automl.data.target import Target

TASKS = {task.name: task for task in automl_tasks.automl_tasks()}


def _target(labels, forced="", kind=""):
    labels = np.asarray(labels)
    if labels.dtype.kind in "US":
        labels = labels.astype(object)
    numeric = labels.dtype.kind in "bif"
    return Target(
        name="y",
        labels=labels,
        numeric=numeric,
        numbers=labels.astype(np.float64) if numeric else None,
        n_distinct=len(set(labels.tolist())),
        forced=forced,
        kind=kind,
    )


def _matching(target):
    """Return the names of the tasks that match."""
    return [name for name, task in TASKS.items() if task.matches(target)]


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ([True, False, True], "binary"),
        (["no", "yes", "no"], "binary"),
        (["only", "only"], "binary"),
        ([0, 1] * 10, "binary"),
        ([0, 7000] * 10, "binary"),
        ([1.0, 2.0] * 10, "binary"),
        ([3] * 10, "binary"),
        (["a", "b", "c"], "multiclass"),
        ([f"label {i}" for i in range(50)], "multiclass"),
        ([0, 1, 2] * 10, "multiclass"),
        ([3.0, 4.0, 9.0] * 10, "multiclass"),
        ([11, 12, 21, 22, 31, 41, 42, 43, 52, 71, 81, 82, 90, 95] * 10, "multiclass"),
        ([0, 1, 2, 3], "regression"),
        (list(range(21)) * 10, "regression"),
        ([1, 10, 100, 1000, 5000, 10000] * 20, "regression"),
        ([0.5, 1.0, 1.5] * 20, "regression"),
        ([0.25, 0.75] * 20, "regression"),
        (np.linspace(0, 1, 100), "regression"),
    ],
)
def test_a_target_is_taken_for_one_task(labels, name):
    assert _matching(_target(labels)) == [name]


@pytest.mark.parametrize("name", TASKS)
def test_the_user_can_force_a_task(name):
    assert _matching(_target([0, 1] * 20, forced=name)) == [name]


def test_the_user_can_say_what_the_labels_are():
    assert _matching(_target([0, 1, 2] * 10, kind="number")) == ["regression"]
    assert _matching(_target(np.arange(100.0), kind="category")) == ["multiclass"]
    assert _matching(_target([0.5, 1.5] * 10, kind="category")) == ["binary"]


def test_what_cannot_be_is_not_matched():
    assert _matching(_target(["a", "b"], forced="regression")) == []
    assert _matching(_target(["a", "b"], kind="number")) == []
    assert _matching(_target([0, 1, 2], forced="binary")) == []
    assert _matching(_target([0, 1, 2], forced="something_else")) == []


@given(
    st.one_of(
        st.lists(st.text(max_size=3), min_size=1),
        st.lists(st.booleans(), min_size=1),
        st.lists(st.integers(-5, 5), min_size=1),
    )
)
def test_codes_lead_back_to_the_labels(labels):
    target = _target(np.array(labels, dtype=object if isinstance(labels[0], str) else None))
    encoded = TASKS["multiclass"].encode(target)
    assert encoded.y.dtype == np.int64
    assert encoded.classes.dtype == target.labels.dtype
    assert encoded.classes.tolist() == sorted(set(labels))
    assert encoded.classes[encoded.y].tolist() == labels


def test_numbers_are_encoded_as_they_are():
    target = _target([3, 1, 2])
    encoded = TASKS["regression"].encode(target)
    assert encoded.classes is None
    assert encoded.y.dtype == np.float64
    assert encoded.y.tolist() == [3.0, 1.0, 2.0]
    assert encoded.y is not target.numbers


def test_the_constant_is_the_weighted_mean():
    y, weight = np.array([0, 1, 1]), np.array([2.0, 1.0, 1.0])
    assert TASKS["binary"].constant(y, None, 2).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert TASKS["binary"].constant(y, weight, 2).tolist() == [0.5, 0.5]
    assert TASKS["multiclass"].constant(y, np.zeros(3), 4).tolist() == [0.25] * 4
    assert TASKS["regression"].constant(y.astype(float), weight, 0) == 0.5
    assert TASKS["regression"].constant(y.astype(float), None, 0).shape == ()


def test_the_most_likely_class_is_decided_for():
    values = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    assert TASKS["binary"].decide(values).tolist() == [1, 0, 0]
    assert TASKS["binary"].decide(np.ones((2, 1))).tolist() == [0, 0]
    numbers = np.array([1.5, 2.5])
    assert TASKS["regression"].decide(numbers).tolist() == [1.5, 2.5]


class _Says:
    """Something fitted that says what it was given."""

    def __init__(self, values, classes=None):
        self.values = values
        if classes is not None:
            self.classes_ = classes

    def predict_proba(self, X):
        return self.values


class _Labels:
    """Something fitted that knows labels, or numbers, only."""

    def predict(self, X):
        return np.array([1, 0], dtype=np.float32)


def test_values_have_a_column_for_each_class():
    X = np.zeros((2, 1))
    said = np.array([[0.25, 0.75], [1.0, 0.0]], dtype=np.float32)
    values = TASKS["binary"].values(_Says(said), X, 2)
    assert values.dtype == np.float64
    assert values.tolist() == said.tolist()
    wide = TASKS["multiclass"].values(_Says(said, np.array([0, 2])), X, 3)
    assert wide.tolist() == [[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]]
    assert TASKS["binary"].values(_Labels(), X, 2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    numbers = TASKS["regression"].values(_Labels(), X, 0)
    assert numbers.tolist() == [1.0, 0.0]
    assert numbers.dtype == np.float64


def test_probabilities_of_one_class_only_are_left_to_be_named_by_their_shape():
    values = TASKS["binary"].values(
        _Says(np.array([0.75, 0.0]), np.array([0, 1])), np.zeros((2, 1)), 2
    )
    assert values.shape == (2,)


def test_what_is_said_of_classes_names_the_most_frequent_and_each():
    classes = np.array(["no", "yes"], dtype=object)
    y = np.array([0, 0, 0, 1])
    values = np.array([[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.3, 0.7]])
    whole, no, yes = TASKS["binary"].lines(y, values, None, classes)
    assert whole.startswith("75.0% of the rows are given the right class")
    assert "'no' would be right for 75.0%" in whole
    assert no == "'no': 66.7% of its rows are found, 100.0% of those called so are."
    assert yes == "'yes': 100.0% of its rows are found, 50.0% of those called so are."
    twice = TASKS["binary"].lines(y, values, np.array([1.0, 1.0, 2.0, 0.0]), classes)
    assert twice[0].startswith("50.0%")
    assert twice[2] == "'yes': no row has it, 0.0% of those called so are."
    assert TASKS["binary"].lines(y, values, np.zeros(4), classes) == ()


def test_of_many_classes_only_the_whole_is_said():
    classes = np.arange(20)
    assert len(TASKS["multiclass"].lines(classes, np.eye(20), None, classes)) == 1


def test_what_is_said_of_numbers_is_how_far_off_they_are():
    y = np.arange(101.0)
    off = np.where(np.arange(101) < 60, 1.0, 5.0)
    (line,) = TASKS["regression"].lines(y, y + off, None, None)
    assert "off by at most 1, 90 % by at most 5" in line
    assert "between 5 and 95 in 90 %" in line
    (line,) = TASKS["regression"].lines(y, y + off, (off > 1).astype(float), None)
    assert "off by at most 5" in line
