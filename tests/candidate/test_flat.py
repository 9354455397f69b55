"""Chains over columns of codes as flat tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.candidate.flat import RESERVED, FlatCodes, tables_of
from automl.candidate.matrix import as_numbers
from automl.candidate.preparation import FittedChain, FittedStep
from automl.data.table import UNSEEN, Kind
from automl.plugin import PrepareContext
from automl_prepare import PREPROCESSORS

LEVELS = (4, 1, 30)
N_LEVELS = np.array(LEVELS) + RESERVED
CHAINS = {
    "": (),
    "one_hot": ("one_hot",),
    "one_hot_dense": ("one_hot_dense",),
    "ordinal": ("ordinal",),
    "target_mean": ("target_mean",),
    "frequency": ("frequency",),
    "as_category": ("as_category",),
    "as_category > target_mean": ("as_category", "target_mean"),
    "ordinal > scale": ("ordinal", "scale"),
}
STEPS = {step.name: step for step in PREPROCESSORS}


def chain_of(names):
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(-1, n, 200) for n in LEVELS]).astype(np.int32)
    y = rng.integers(0, 3, 200)
    context = PrepareContext(task="multiclass", n_classes=3, n_rows=200, features=(), seed=0)
    steps, block = [], codes
    for name in names:
        transformer = STEPS[name].build({}, context)
        transformer.fit(block, y)
        block = transformer.transform(block)
        steps.append(FittedStep(name=name, params={}, transformer=transformer))
    return FittedChain(kind=Kind.CATEGORY, steps=tuple(steps))


FITTED = {what: chain_of(names) for what, names in CHAINS.items()}


def through(chain, codes):
    block = codes
    for step in chain.steps:
        block = step.transformer.transform(block)
    found = as_numbers(block, codes=not chain.steps)
    return found if isinstance(found, np.ndarray) else found.toarray()


@pytest.mark.parametrize("what", CHAINS)
@given(st.lists(st.tuples(*(st.integers(-2, n + 3) for n in LEVELS)), min_size=1, max_size=4))
def test_a_table_gives_what_the_chain_gives(what, rows):
    chain = FITTED[what]
    codes = np.array(rows, dtype=np.int32)
    known = np.where(codes < np.array(LEVELS), codes, UNSEEN).astype(np.int32)
    expected = through(chain, known)
    wanted = np.arange(expected.shape[1])[::2]
    tables = tables_of(chain, N_LEVELS, wanted)
    assert tables is not None
    found = FlatCodes(tables, N_LEVELS)(codes)
    assert np.array_equal(found, expected[:, wanted], equal_nan=True)


def test_columns_of_several_have_no_table():
    class Mixed:
        def transform(self, X):
            return X.sum(axis=1, keepdims=True)

    chain = FittedChain(
        kind=Kind.CATEGORY, steps=(FittedStep(name="mixed", params={}, transformer=Mixed()),)
    )
    assert tables_of(chain, N_LEVELS, np.array([0])) is None


def test_tables_larger_than_a_model_are_not_made(monkeypatch):
    monkeypatch.setattr("automl.candidate.flat.MOST_CELLS", 10)
    assert tables_of(FITTED["one_hot"], N_LEVELS, np.arange(5)) is None


def test_nothing_wanted_is_nothing_given():
    tables = tables_of(FITTED["ordinal"], N_LEVELS, np.array([], dtype=int))
    assert tables == []
    assert FlatCodes([], N_LEVELS)(np.zeros((2, 3), dtype=np.int32)).shape == (2, 0)
