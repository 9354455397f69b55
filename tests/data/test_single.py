"""The short way of one row: the same table as the usual way, or none."""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.single import SingleRow
from automl.data.table import Kind

N_ROWS = 60
RNG = np.random.default_rng(0)
TABLE = {
    "size": [None if i % 9 == 0 else float(x) for i, x in enumerate(RNG.normal(size=N_ROWS))],
    "count": [int(x) for x in RNG.integers(0, 500, N_ROWS)],
    "huge": [float(x) for x in RNG.normal(size=N_ROWS) * 1e40],
    "member": [bool(x) for x in RNG.integers(0, 2, N_ROWS)],
    "color": [["red", " green", "?", "3"][x] for x in RNG.integers(0, 4, N_ROWS)],
    "day": [str(dt.date(2020, 1, 1) + dt.timedelta(days=i)) for i in range(N_ROWS)],
    "when": [dt.datetime(2020, 1, 1) + dt.timedelta(hours=i) for i in range(N_ROWS)],
    "name": [f"name {x}" for x in RNG.integers(0, 45, N_ROWS)],
    "note": [f"some words {i} about {i * i} things, all of them others" for i in range(N_ROWS)],
}
SCHEMA, _ = infer(take_in(TABLE), Columns(kinds={"name": "string"}))
ROW = {name: cells[1] for name, cells in TABLE.items()}
READ = SingleRow(SCHEMA)

CELLS = (
    st.sampled_from([cell for cells in TABLE.values() for cell in cells])
    | st.none()
    | st.floats()
    | st.integers(-(2**60), 2**60)
    | st.booleans()
    | st.sampled_from(["red", "green", "RED", "3", "3.0", "", " ", "nan", "1,5", "2020-02-30"])
    | st.text(max_size=5)
    | st.sampled_from([np.int64(3), np.float32(0.1), np.bool_(True), dt.date(2020, 1, 1), [1]])
)


def same(first, second):
    return all(
        np.array_equal(first.block(kind), second.block(kind), equal_nan=kind.value in "number date")
        and first.block(kind).dtype == second.block(kind).dtype
        for kind in Kind
    )


def test_the_kinds_are_what_the_test_is_about():
    assert {feature.kind for feature in SCHEMA.features} == set(Kind)


@settings(max_examples=400)
@given(st.dictionaries(st.sampled_from(sorted(TABLE)), CELLS, max_size=3))
def test_a_row_is_read_as_the_usual_way_reads_it(changes):
    row = ROW | changes
    table = READ(row)
    if table is not None:
        usual = apply(SCHEMA, take_in(row))
        assert same(table, usual.table)
        assert not any(finding.warn for finding in usual.findings)


@pytest.mark.parametrize("form", ["dict", "list", "pandas", "polars"])
@pytest.mark.parametrize("number", [1, 2, 30])
def test_a_clean_row_takes_the_short_way(form, number):
    row = {name: cells[number] for name, cells in TABLE.items() if name != "when"}
    row["when"] = None
    if form == "dict":
        source = row
    elif form == "list":
        source = [row]
    else:
        frames = pytest.importorskip(form)
        source = frames.DataFrame([row])
    table = READ(source)
    assert table is not None
    assert same(table, apply(SCHEMA, take_in(source)).table)


def test_a_moment_in_a_dict_is_read():
    pandas = pytest.importorskip("pandas")
    moments = [dt.datetime(2020, 5, 1, 7, 3, 2, 999_999), dt.datetime(2020, 5, 1, tzinfo=dt.UTC)]
    moments.append(pandas.Timestamp("2020-01-01 10:30:00.123456789"))
    for moment in moments:
        row = ROW | {"when": moment}
        assert same(READ(row), apply(SCHEMA, take_in(row)).table)
        assert READ(pandas.DataFrame([row])) is None
    assert READ(ROW | {"when": pandas.NaT}) is None


def test_columns_in_another_order_are_put_back():
    table = READ(dict(reversed(ROW.items())) | {"when": None})
    assert same(table, READ(ROW | {"when": None}))


@pytest.mark.parametrize(
    "source",
    [
        {name: cell for name, cell in ROW.items() if name != "size"},
        ROW | {"another": 1},
        ROW | {"color": "violet"},
        ROW | {"count": 10**9},
        ROW | {"count": "12"},
        ROW | {"size": float("inf")},
        ROW | {"day": "no day"},
        {name: [cell] for name, cell in ROW.items()},
        [ROW, ROW],
        [list(ROW.values())],
        "rows.csv",
        None,
    ],
)
def test_whatever_needs_a_word_takes_the_usual_way(source):
    assert READ(source) is None


def test_names_are_looked_at_once_but_not_kept_without_end():
    read = SingleRow(SCHEMA)
    for number in range(300):
        assert read(ROW | {f"more {number}": 1}) is None
    assert sys.getsizeof(read._shapes) < 10_000
    assert read(ROW | {"when": None}) is not None


def test_columns_without_names_take_the_usual_way():
    schema, _ = infer(take_in(np.array([[1.0, 2.5], [3.0, 4.0], [5.0, 4.5]])), Columns())
    assert SingleRow(schema)({"x0": 1.0, "x1": 2.5}) is None
