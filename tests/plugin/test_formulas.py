"""Formulas: what they compute, what they refuse, and how codes are read off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from automl.candidate.preparation import FittedChain, FittedStep
from automl.data.table import Kind
from automl.plugin.formulas import (
    Affine,
    Clip,
    Combine,
    Draft,
    Formula,
    IsMissing,
    Lookup,
    Product,
    Softmax,
    Sparse,
)

NAN = np.nan


def test_columns_come_out_in_the_order_asked_for():
    draft = Draft(2)
    half = draft.add(Affine(columns=np.array([0]), center=np.array([1.0]), scale=np.array([2.0])))
    cut = draft.add(Clip(columns=half, low=-1.0, high=1.0))
    gone = draft.add(IsMissing(columns=np.array([1])))
    formula = draft.formula(gone, cut, np.array([1]))
    out = formula.outputs(np.array([[2.0, NAN], [9.0, 5.0], [NAN, 0.0]]))
    np.testing.assert_array_equal(out, [[1, 0.5, NAN], [0, 1, 5], [0, NAN, 0]])
    assert formula.starts == (2, 3, 4, 5)


def test_a_formula_that_reads_what_is_not_there_is_refused():
    late = Clip(columns=np.array([1]), low=0.0, high=1.0)
    with pytest.raises(ValueError, match="not there yet"):
        Formula(n_in=1, operations=(late,), out=np.array([0]))
    with pytest.raises(ValueError, match="not there"):
        Formula(n_in=1, operations=(), out=np.array([1]))


def test_nothing_is_divided_by_zero():
    ratio = Combine(how="quotient", first=np.array([0]), second=np.array([1]))
    out = Formula(n_in=2, operations=(ratio,), out=np.array([2])).outputs(
        np.array([[1.0, 0.0], [0.0, 0.0], [3.0, -0.0], [3.0, 2.0]])
    )
    np.testing.assert_array_equal(out[:, 0], [NAN, NAN, NAN, 1.5])


def test_shares_of_large_numbers_are_finite():
    softmax = Formula(n_in=2, operations=(Softmax(columns=np.arange(2)),), out=np.array([2, 3]))
    np.testing.assert_allclose(softmax.outputs(np.array([[1e300, 1e300]])), [[0.5, 0.5]])


@given(
    code=st.one_of(st.integers(-2, 12).map(float), st.just(NAN), st.sampled_from([1e30, -7.0])),
    sparse=st.booleans(),
)
def test_a_code_has_its_row_and_what_is_not_known_the_first(code, sparse):
    dense = np.array([[9.0, 0.0], [8.0, 1.0], [0.0, 0.0], [6.0, 3.0]])
    rows = csr_matrix(dense)
    table = (
        Sparse(data=rows.data, indices=rows.indices, starts=rows.indptr, n_columns=2)
        if sparse
        else dense
    )
    out = Lookup(column=0, table=table).of(np.array([[code], [0.0]]))
    place = 1 if np.isnan(code) else int(code) + 2 if -2 <= code < 2 else 0
    np.testing.assert_array_equal(out, [dense[place], dense[2]])


def test_operations_need_no_rows_and_no_columns():
    nothing = np.zeros(0, dtype=np.int64)
    formula = Formula(
        n_in=0,
        operations=(Product(columns=nothing, weights=np.zeros((0, 2)), base=np.array([3.0, 4.0])),),
        out=np.arange(2),
    )
    assert formula.outputs(np.zeros((2, 0))).tolist() == [[3.0, 4.0]] * 2
    assert formula.outputs(np.zeros((0, 0))).shape == (0, 2)


class Level:
    """The code, twice its size and whether there is one, told apart by the columns they are of."""

    def transform(self, X):
        numbers = np.asarray(X, dtype=np.float64)
        return np.concatenate([np.maximum(numbers, -1.0), 2.0 * numbers], axis=1)

    def lineage(self, n_in):
        return [(j,) for j in range(n_in)] * 2


class Mixed:
    def transform(self, X):
        return np.asarray(X, dtype=np.float64).sum(axis=1, keepdims=True)


def chain(*steps):
    fitted = [FittedStep(name=type(one).__name__, params={}, transformer=one) for one in steps]
    return FittedChain(kind=Kind.CATEGORY, steps=tuple(fitted))


CODES = np.array([[0, 0], [2, 1], [-1, -2], [7, 7]], dtype=np.int32)


def test_a_step_over_codes_is_read_off():
    formula, left = chain(Level()).by_code([3, 2])
    assert left == ()
    known = np.where(CODES < [3, 2], CODES, -2)
    np.testing.assert_array_equal(formula.outputs(CODES), Level().transform(known))


def test_codes_without_a_step_are_numbers():
    formula, left = chain().by_code([3, 2])
    assert left == ()
    out = formula.outputs(CODES)
    np.testing.assert_array_equal(out, [[0, 0], [2, 1], [NAN, NAN], [NAN, NAN]])


def test_what_mixes_columns_is_left_to_its_own_formula():
    formula, left = chain(Level(), Mixed()).by_code([3, 2])
    assert [step.name for step in left] == ["Mixed"]
    assert formula.outputs(CODES[:1]).shape == (1, 4)
    formula, left = chain(Mixed()).by_code([3, 2])
    assert formula is None
    assert len(left) == 1
