"""58 odd tables are answered as is right, and side by side with what others answered."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from bad_inputs import CASES, PREDICT, table
from small import learn, refused, told

from automl.errors import SchemaError

FLAGGED = {
    "inf_in_test_only": [3],
    "unseen_category": range(10),
    "category_dtype_unseen": range(10),
    "numeric_arrives_as_garbage_str": [2],
}
"""Rows to predict in which something had to be repaired."""

SAME = {"reordered_cols", "numeric_arrives_as_str", "predict_1_row"}
"""Rows to predict that are those of the first table in another form."""


def test_there_are_as_many_as_were_measured():
    assert len({case.name for case in CASES}) == 58


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_odd_table_is_answered_as_is_right(case):
    given = table()
    case.change(given)
    if case.refused and not case.refused.endswith(" predict"):
        error = refused(given.x, given.y)
        assert error.code == case.refused
        if case.name == "y_longer":
            assert "300" in error.message
            assert "305" in error.message
        return
    result, said = learn(given.x, given.y)
    predictor = result.predictor
    assert not case.fit or case.fit in said
    if "said" in case.right and not case.new:
        assert said | {finding.code for finding in result.findings}
    if case.refused:
        with pytest.raises(SchemaError, match=r"x2.*E_SCHEMA_COLUMNS"):
            predictor.predict(given.new)
        labels, _ = told(predictor, given.new, on_missing="impute")
        assert len(labels) == PREDICT
        return
    labels, warned = told(predictor, given.new)
    assert len(labels) == len(given.new)
    assert not case.new or case.new in warned
    if case.constant:
        assert len(set(labels.tolist())) == 1
    if case.name in FLAGGED:
        flags = predictor.flags(given.new)[case.new]
        assert np.flatnonzero(flags).tolist() == list(FLAGGED[case.name])
    if case.name in SAME:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = predictor.predict_proba(given.new)
        plain = table().new.iloc[: len(given.new)]
        assert np.array_equal(values, predictor.predict_proba(plain))


def test_labels_keep_their_type():
    cases = {case.name: case for case in CASES}
    for name, dtype in (("target_bool", bool), ("target_str_unicode", str)):
        given = table()
        cases[name].change(given)
        labels = learn(given.x, given.y)[0].predictor.predict(given.new)
        assert {type(label) for label in labels.tolist()} == {dtype}
    given = table()
    cases["class_with_1_member"].change(given)
    assert 9 in learn(given.x, given.y)[0].predictor.classes_


def test_codes_of_categories_are_the_categories():
    given = table()
    next(case for case in CASES if case.name == "cat_arrives_as_int").change(given)
    predictor = learn(given.x, given.y)[0].predictor
    words = given.new.assign(g=given.new["g"].astype(str))
    as_numbers, _ = told(predictor, given.new)
    assert np.array_equal(as_numbers, predictor.predict(words))
