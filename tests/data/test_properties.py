"""What must hold for any table: rows kept, no surprises, one row as good as many."""

import datetime as dt
import json
import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.profile import profile
from automl.data.schema_json import from_json, to_json
from automl.data.table import Kind

QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.text(string.ascii_letters + string.digits + " .,-?é", max_size=12)
CELLS = {
    "floats": st.floats(allow_infinity=False) | st.none(),
    "small": st.integers(-3, 3),
    "whole": st.integers(-(2**70), 2**70),
    "truths": st.booleans() | st.none(),
    "words": WORDS | st.none(),
    "few": st.sampled_from(["a", "b", " b", "c", "NA", None]),
    "numbers as strings": st.integers(0, 9999).map(str) | st.sampled_from(["1,234", "5 %", "$3"]),
    "truths as strings": st.sampled_from(["TRUE", "false", ""]),
    "dates": st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1)) | st.none(),
    "days as strings": st.dates().map(str),
    "slashed days": st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1)).map(
        lambda day: f"{day.day}/{day.month}/{day.year}"
    ),
    "bytes": st.binary(max_size=4),
    "mixed": WORDS | st.floats(allow_infinity=False) | st.booleans() | st.none() | st.dates(),
    "with lists": WORDS | st.lists(st.integers(), max_size=2),
    "nothing": st.none(),
}


@st.composite
def tables(draw, min_rows=1):
    n_rows = draw(st.integers(min_rows, 25))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=6))
    return {
        f"{kind} {position}": draw(st.lists(CELLS[kind], min_size=n_rows, max_size=n_rows))
        for position, kind in enumerate(kinds)
    }


@st.composite
def two_tables(draw):
    """A table to learn from, and one to predict whose columns may hold anything."""
    train = draw(tables())
    n_rows = draw(st.integers(0, 6))
    anything = st.one_of(*CELLS.values(), st.floats(), st.complex_numbers())
    new = {
        name: draw(
            st.lists(
                CELLS[name.rsplit(" ", 1)[0]] if draw(st.booleans()) else anything,
                min_size=n_rows,
                max_size=n_rows,
            )
        )
        for name in train
    }
    return train, new


def equal(ours, theirs):
    for kind in Kind:
        a, b = ours.block(kind), theirs.block(kind)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if kind in {Kind.NUMBER, Kind.DATE}:
            np.testing.assert_array_equal(a, b)
        else:
            assert a.tolist() == b.tolist()


@QUICK
@given(tables())
def test_the_training_table_is_no_surprise(table):
    raw = take_in(table)
    schema, found = infer(raw, Columns())
    applied = apply(schema, raw)
    assert applied.table.n_rows == raw.n_rows
    # Cells that were said to be left out at fit time are said again, nothing else is.
    said = {
        "W_SCHEMA_UNREAD": {"W_DATA_UNREAD", "W_DATA_BAD_CELLS"},
        "W_SCHEMA_INFINITE": {"W_DATA_INFINITE"},
    }
    codes = {finding.code for finding in found}
    for finding in applied.findings:
        assert finding.code in said, finding
        assert said[finding.code] & codes
    for feature in schema.features:
        assert feature.name in table
        assert all(code >= -1 for code in applied.table.category.ravel().tolist())


@QUICK
@given(two_tables())
def test_one_row_is_as_good_as_many(pair):
    train, new = pair
    schema, _ = infer(take_in(train), Columns())
    whole = apply(schema, take_in(new))
    n_rows = len(next(iter(new.values())))
    assert whole.table.n_rows == n_rows
    for row in range(n_rows):
        alone = apply(schema, take_in([{name: cells[row] for name, cells in new.items()}]))
        equal(alone.table, whole.table.take(np.array([row])))


@QUICK
@given(two_tables())
def test_rows_keep_their_number_and_order(pair):
    train, new = pair
    schema, _ = infer(take_in(train), Columns())
    there = take_in(new)
    order = np.arange(there.n_rows)[::-1]
    equal(
        apply(schema, there.take(order)).table,
        apply(schema, there).table.take(order),
    )
    gone = apply(schema, take_in({"other": [1.0, 2.0]}), on_missing="impute")
    assert gone.table.n_rows == 2
    for flags in apply(schema, there).flags.values():
        assert flags.shape == (there.n_rows,)
        assert flags.any()


@QUICK
@given(tables())
def test_a_schema_survives_json(table):
    raw = take_in(table)
    schema, _ = infer(raw, Columns())
    assert from_json(json.loads(json.dumps(to_json(schema)))) == schema
    json.dumps(profile(schema, apply(schema, raw).table), allow_nan=False)


@QUICK
@given(tables())
def test_plain_cells_say_the_same(table):
    raw = take_in(table)
    schema, _ = infer(raw, Columns())
    if any(column.exact is not None for column in raw.columns):
        return
    plain = {column.name: column.plain() for column in raw.columns}
    rows = [dict(zip(plain, cells, strict=True)) for cells in zip(*plain.values(), strict=True)]
    again = apply(schema, take_in(json.loads(json.dumps(rows))))
    ours, theirs = again.table, apply(schema, raw).table
    np.testing.assert_allclose(ours.date, theirs.date, atol=1e-5)
    np.testing.assert_array_equal(ours.number, theirs.number)
    assert ours.category.tolist() == theirs.category.tolist()
    assert ours.text.tolist() == theirs.text.tolist()


@QUICK
@given(tables())
def test_every_library_says_the_same(table):
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    usual = {
        name: cells
        for name, cells in table.items()
        if name.startswith(("floats", "small", "truths", "words", "few", "numbers", "days"))
    }
    if not usual:
        return
    schema, _ = infer(take_in(usual), Columns())
    expected = apply(schema, take_in(usual)).table
    for made in (pd.DataFrame(usual), pl.DataFrame(usual, strict=False), pa.table(usual)):
        applied = apply(schema, take_in(made))
        equal(applied.table, expected)
        ours, _ = infer(take_in(made), Columns())
        assert [f.kind for f in ours.features] == [f.kind for f in schema.features]
        assert [f.levels for f in ours.features] == [f.levels for f in schema.features]
