"""The schema is a promise: repaired by a rule that is said, or refused with one error."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.table import MISSING, UNSEEN
from automl.errors import InputError, SchemaError

TRAIN = pd.DataFrame(
    {
        "age": [20.0, 30.0, 40.0, None] * 10,
        "city": ["Rome", "Oslo", "Rome", None] * 10,
        "since": pd.date_range("2020-01-01", periods=40),
        "vip": [True, False, True, False] * 10,
        "grade": ["1", "2", "x", "1"] * 10,
        "note": [f"some words about row {chr(97 + i % 26)}{i}" for i in range(40)],
        "key": [f"u{i}" for i in range(40)],
    }
)
SCHEMA, _ = infer(take_in(TRAIN), Columns())
NEW = TRAIN.iloc[[0, 1, 3]]


def applied(new, **more):
    return apply(SCHEMA, take_in(new), **more)


def codes(result):
    return [finding.code for finding in result.findings]


def same(result, expected=None):
    expected = applied(NEW) if expected is None else expected
    for kind, block in expected.table.blocks().items():
        assert pd.DataFrame(result.table.block(kind)).equals(pd.DataFrame(block))


def test_the_same_columns_are_no_finding():
    assert applied(NEW).findings == ()
    assert applied(NEW).flags == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: t, id="as it was"),
        pytest.param(lambda t: t.set_index(pd.Index([9, 9, 9])), id="another index"),
        pytest.param(lambda t: t.convert_dtypes(), id="nullable"),
        pytest.param(lambda t: t.astype(object), id="objects"),
        pytest.param(lambda t: t.astype({"city": "category"}), id="categorical"),
        pytest.param(pl.DataFrame, id="polars"),
        pytest.param(lambda t: t.to_dict("list"), id="dict of columns"),
        pytest.param(lambda t: t.to_dict("records"), id="list of dicts"),
        pytest.param(lambda t: t.drop(columns="key"), id="without what was left out"),
        pytest.param(
            lambda t: t.assign(since=t.since.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")),
            id="another time zone",
        ),
        pytest.param(lambda t: t.assign(vip=t.vip.astype(int)), id="truths as numbers"),
        pytest.param(lambda t: t.assign(age=t.age.astype("Int64")), id="whole numbers"),
    ],
)
def test_the_same_rows_in_other_clothes_are_no_finding(change):
    result = applied(change(NEW))
    same(result)
    assert codes(result) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t[list(t.columns[::-1])], ["W_SCHEMA_ORDER"]),
        (lambda t: t.assign(more=1, again=2), ["W_SCHEMA_EXTRA"]),
        (lambda t: t.assign(age=["20", " 3e1", "NA"]), ["W_SCHEMA_TYPE"]),
        (lambda t: t.assign(since=t.since.astype(str)), ["W_SCHEMA_TYPE"]),
        (lambda t: t.assign(vip=["true", "False", "0"]), ["W_SCHEMA_TYPE"]),
        (lambda t: t.assign(grade=[1, 2, 1]), ["W_SCHEMA_TYPE"]),
        (lambda t: t.assign(grade=[1.0, 2.0, 1.0]), ["W_SCHEMA_TYPE"]),
        (lambda t: t.assign(grade=["1.0", "2", " 1"]), []),
        (lambda t: t.set_axis(t.columns, axis=1).to_numpy(), ["W_SCHEMA_NAMES"]),
    ],
)
def test_what_can_be_repaired_is_repaired_and_said(change, expected):
    result = applied(change(NEW))
    same(result)
    assert codes(result) == expected


def test_a_truth_finds_its_level():
    schema, _ = infer(take_in({"x": ["True", "False", "maybe"] * 5}), Columns())
    table = apply(schema, take_in({"x": [True, False]})).table
    assert [schema.features[0].levels[code] for code in table.category[:, 0]] == ["True", "False"]
    schema, _ = infer(take_in({"x": [0, 1] * 5}), Columns(kinds={"x": "category"}))
    assert apply(schema, take_in({"x": [True, False]})).table.category[:, 0].tolist() == [1, 0]


def test_missing_columns_are_refused_in_one_error_that_names_every_difference():
    with pytest.raises(SchemaError) as caught:
        applied(NEW.rename(columns={"age": "Age"}).drop(columns="city").assign(vip="x"))
    error = caught.value
    assert error.code == "E_SCHEMA_COLUMNS"
    for part in ("'age' is missing", "Did you mean 'Age'", "'city' is missing", "'Age' was not"):
        assert part in error.message
    assert "'vip' was boolean and came as string" in error.message
    assert "on_missing='impute'" in error.remedy


def test_missing_columns_are_imputed_where_that_is_asked_for():
    result = applied(NEW[["age", "note"]], on_missing="impute")
    assert codes(result) == ["W_SCHEMA_MISSING"]
    assert result.findings[0].columns == ("city", "since", "vip", "grade")
    assert (result.table.category == MISSING).all()
    assert np.isnan(result.table.date).all()
    assert result.table.n_rows == 3
    nothing = applied({"other": [1.0, 2.0]}, on_missing="impute")
    assert nothing.table.n_rows == 2
    assert nothing.table.text.tolist() == [[None], [None]]


def test_another_way_to_deal_with_missing_columns_is_refused():
    with pytest.raises(InputError) as caught:
        applied(NEW, on_missing="ignore")
    assert caught.value.code == "E_INPUT_ON_MISSING"


def test_cells_that_cannot_be_read_flag_their_row():
    result = applied(NEW.assign(age=["20", "oops", "nan"], since=["2020-01-01", "soon", None]))
    assert np.isnan(result.table.number[:, 0]).tolist() == [False, True, True]
    assert result.flags["W_SCHEMA_UNREAD"].tolist() == [False, True, False]
    assert {f.code: f.count for f in result.findings}["W_SCHEMA_UNREAD"] == 2
    lists = applied(NEW.assign(city=[["Rome"], "Oslo", None]))
    assert lists.flags["W_SCHEMA_UNREAD"].tolist() == [True, False, False]


def test_numbers_are_no_dates_and_dates_no_numbers():
    result = applied(NEW.assign(since=[1.5, 2.5, 3.5]))
    assert result.flags["W_SCHEMA_UNREAD"].all()
    result = applied(NEW.assign(age=NEW.since))
    assert result.flags["W_SCHEMA_UNREAD"].all()


def test_infinite_numbers_flag_their_row():
    result = applied(NEW.assign(age=[np.inf, 30.0, -np.inf]))
    assert np.isnan(result.table.number[:, 0]).tolist() == [True, False, True]
    assert result.flags["W_SCHEMA_INFINITE"].tolist() == [True, False, True]
    assert "W_SCHEMA_RANGE" not in result.flags


def test_numbers_out_of_range_flag_their_row():
    result = applied(NEW.assign(age=[19.0, 30.0, np.nan]))
    assert codes(result) == ["W_SCHEMA_RANGE"]
    assert not result.findings[0].warn
    assert result.flags["W_SCHEMA_RANGE"].tolist() == [True, False, False]
    assert result.table.number[0, 0] == 19


def test_numbers_beyond_a_small_float_are_cut():
    result = applied(NEW.assign(age=[1e300, -1e300, 20.0]))
    assert np.isfinite(result.table.number[:, 0].astype(np.float32)).all()
    tiny, _ = infer(take_in({"x": [1e-200, 2e-200]}), Columns())
    table = apply(tiny, take_in({"x": [1e200, -1e200]})).table
    assert table.number[:, 0].tolist() == [1e30, -1e30]


def test_unseen_categories_flag_their_row():
    result = applied(NEW.assign(city=["Rome", "Paris", None]))
    assert codes(result) == ["W_SCHEMA_UNSEEN"]
    column = [f.name for f in SCHEMA.features if f.kind == "category"].index("city")
    assert result.table.category[:, column].tolist() == [1, UNSEEN, MISSING]
    assert result.flags["W_SCHEMA_UNSEEN"].tolist() == [False, True, False]


def test_unseen_strings_are_only_listed():
    schema, _ = infer(
        take_in({"x": [f"q{'wxyz'[i % 4]}{'ab' * (i % 50)}" for i in range(150)]}),
        Columns(kinds={"x": "string"}),
    )
    result = apply(schema, take_in({"x": ["new"]}))
    assert [(f.code, f.warn) for f in result.findings] == [("W_SCHEMA_UNSEEN_STRING", False)]
    assert result.table.string[0, 0] == UNSEEN


def test_two_levels_that_say_one_number_are_not_guessed():
    schema, _ = infer(take_in({"x": ["01", "1", "b"] * 5}), Columns())
    table = apply(schema, take_in({"x": ["1.0", "01", "1"]})).table
    assert table.category[:, 0].tolist() == [UNSEEN, 0, 1]


@pytest.mark.parametrize("n_rows", [0, 1])
def test_no_row_and_one_row_keep_the_shape(n_rows):
    result = applied(NEW.iloc[:n_rows])
    whole = applied(NEW)
    for kind, block in whole.table.blocks().items():
        assert result.table.block(kind).shape == (n_rows, block.shape[1])
        assert result.table.block(kind).dtype == block.dtype
    assert result.findings == ()


def test_a_row_without_anything_is_a_row():
    result = applied([dict.fromkeys(TRAIN.columns)])
    assert result.table.n_rows == 1
    assert result.findings == ()


def test_text_is_stripped_and_missing_where_it_says_so():
    result = applied(NEW.assign(note=[" hello ", "NA", 5]))
    assert result.table.text[:, 0].tolist() == ["hello", None, "5"]


def test_arrays_fit_where_their_width_does():
    schema, _ = infer(take_in(np.arange(12.0).reshape(4, 3)), Columns())
    frame = pd.DataFrame(np.ones((1, 3)), columns=["a", "b", "c"])
    result = apply(schema, take_in(frame))
    assert [f.code for f in result.findings] == ["W_SCHEMA_NAMES", "W_SCHEMA_RANGE"]
    with pytest.raises(SchemaError):
        apply(schema, take_in(frame[["a"]]))
    narrow = applied(NEW.drop(columns="key").to_numpy())
    same(narrow)
    with pytest.raises(SchemaError):
        applied(np.ones((1, 2)))


def test_columns_left_out_by_role_are_not_mentioned():
    schema, _ = infer(take_in({"a": [1, 2], "k": [3, 3]}), Columns())
    assert apply(schema, take_in({"a": [1], "k": [5]})).findings == ()


def test_a_source_without_types_has_no_type_to_break():
    raw = take_in({"x": ["1", "2", "4"] * 5})
    schema, _ = infer(type(raw)(columns=raw.columns, n_rows=raw.n_rows, untyped=True), Columns())
    assert apply(schema, take_in({"x": [1, 2.0]})).findings == ()


def test_the_same_rows_give_the_same_bits():
    first, second = applied(NEW).table, applied(NEW).table
    assert first.number.tobytes() == second.number.tobytes()


def test_dates_are_seconds():
    moment = dt.datetime(2020, 1, 3, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    table = applied(NEW.assign(since=[moment] * 3)).table
    assert table.date[0, 0] == moment.timestamp()
