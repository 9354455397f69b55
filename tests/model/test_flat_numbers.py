"""Steps over numbers taken together: the same numbers, or not taken together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.model.flat_numbers import FlatNumbers, lines_of
from automl.plugin import PrepareContext

CELLS = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=2, max_size=12),
    names=st.sampled_from([["impute"], ["scale"], ["impute", "scale"], ["scale", "impute"]]),
)
def test_they_give_what_the_steps_give(rows, names, catalog):
    numbers = np.array(rows)
    numbers[0] = np.nan_to_num(numbers[0])  # no column is empty
    context = PrepareContext(task="binary", n_classes=2, n_rows=len(numbers), features=())
    expected, formulas = numbers, []
    for name in names:
        preprocessor = catalog.preprocessors[name]
        step = preprocessor.build({}, context).fit(expected)
        expected = step.transform(expected)
        formulas.append(preprocessor.formula(step))
    lines = lines_of(formulas, 3)
    if names == ["scale", "impute"]:
        assert lines is None
    else:
        np.testing.assert_array_equal(FlatNumbers(lines)(numbers), expected)


@pytest.mark.parametrize("names", [["quantile"], ["scale", "scale"]])
def test_what_is_more_than_that_is_not_taken_together(names, catalog):
    numbers = np.random.default_rng(0).normal(size=(50, 2))
    context = PrepareContext(task="binary", n_classes=2, n_rows=50, features=())
    built = [
        (catalog.preprocessors[name], catalog.preprocessors[name].build({}, context))
        for name in names
    ]
    formulas = [one.formula(step.fit(numbers)) for one, step in built]
    assert lines_of(formulas, 2) is None
