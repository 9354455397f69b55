"""Target and roles are taken out; rows without a target are gone everywhere."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from automl.data.columns import Columns
from automl.data.frame import UNTYPED, take_in
from automl.data.given import separate, weights
from automl.data.infer import infer
from automl.errors import DataError

TABLE = pd.DataFrame(
    {
        "a": [1.0, 2.0, 3.0, 4.0],
        "y": ["yes", None, "no", "yes"],
        "g": ["u", "v", None, "u"],
        "t": pd.to_datetime(["2020-01-02", None, "2020-01-01", None]),
        "w": [1.0, np.nan, 2.0, 0.5],
    }
)
ROLES = Columns(group="g", time="t", weight="w")


def separated(source, target, **columns):
    return separate(source, target, Columns(**columns))


def labels(y, **columns):
    given = separated({"x": list(range(len(y)))}, y, **columns)
    return given.target


def refused(source, target, **columns):
    with pytest.raises(DataError) as caught:
        separated(source, target, **columns)
    return caught.value


@pytest.mark.parametrize("make", [lambda t: t, pl.DataFrame, pa.table, lambda t: t.to_dict("list")])
def test_target_and_roles_are_taken_out(make):
    given = separate(make(TABLE), "y", ROLES)
    assert given.raw.names == ("a", "t")
    assert given.raw.n_rows == 3
    assert given.rows.tolist() == [0, 2, 3]
    assert given.target.labels.tolist() == ["yes", "no", "yes"]
    assert given.groups.tolist()[0] == given.groups.tolist()[2] != given.groups.tolist()[1]
    assert given.groups.dtype == np.int64
    assert given.time[2] == -np.inf
    assert given.time[0] > given.time[1]
    assert given.weight.tolist() == [1.0, 2.0, 0.5]
    assert {(f.code, f.count) for f in given.findings} == {
        ("W_DATA_TARGET_MISSING", 1),
        ("W_DATA_GROUP_MISSING", 1),
        ("W_DATA_TIME_MISSING", 2),
    }
    schema, _ = infer(given.raw, ROLES)
    assert {d.name: d.reason for d in schema.dropped} == {
        "y": "the target",
        "g": "the group",
        "w": "the weight",
    }


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b"],
        np.array(["b", "a", "b"]),
        pd.Series(["b", "a", "b"], name="label"),
        pd.Series(["b", "a", "b"]).astype("category"),
        pd.DataFrame({"label": ["b", "a", "b"]}),
        pl.Series(["b", "a", "b"]),
        pl.DataFrame({"label": ["b", "a", "b"]}),
        pa.array(["b", "a", "b"]),
        pa.array(["b", "a", "b"]).dictionary_encode(),
        np.array([["b"], ["a"], ["b"]]),
    ],
)
def test_a_target_may_be_handed_over_beside(y):
    given = separated({"x": [1, 2, 3]}, y)
    assert given.target.labels.tolist() == ["b", "a", "b"]
    assert given.target.name in {"label", "target"}
    assert given.raw.names == ("x",)


def test_a_target_beside_never_takes_the_name_of_a_column():
    given = separated(pd.DataFrame({"y": [1, 2]}), pd.Series([0, 1], name="y"))
    assert given.target.name == "y_target"
    assert given.raw.names == ("y",)


@pytest.mark.parametrize(
    ("y", "dtype", "expected"),
    [
        ([True, False, True], "b", [True, False, True]),
        ([1, 0, 7], "i", [1, 0, 7]),
        ([1.0, 0.0, None], "f", [1.0, 0.0]),
        (["näe", "ja 😀", " x "], "O", ["näe", "ja 😀", " x "]),
        (["1", "0", "1"], "O", ["1", "0", "1"]),
        (["None", "nan", "a", ""], "O", ["None", "nan", "a"]),
        (["1", "NA", "2"], "O", ["1", "2"]),
        ([b"x", b"y"], "O", ["x", "y"]),
        (pd.Categorical([3, 1, None]), "f", [3.0, 1.0]),
        (pd.Categorical([3, 1]), "i", [3, 1]),
        (pd.array([1, None, 0], dtype="Int64"), "i", [1, 0]),
        (np.array([2**60, 2**60 + 1]), "i", [2**60, 2**60 + 1]),
        ([dt.timedelta(seconds=5), dt.timedelta(seconds=6)], "f", [5.0, 6.0]),
    ],
)
def test_labels_come_back_as_given(y, dtype, expected):
    found = labels(y).labels
    assert found.dtype.kind == dtype
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0", None], [1, 0]),
        (["1.5", "2", None], [1.5, 2.0]),
        (["True", "false", "NA"], [True, False]),
        (["1,234", "5"], [1234.0, 5.0]),
        (["yes", "NA", None], ["yes", "NA"]),
        (["01", "02"], ["01", "02"]),
    ],
)
def test_a_source_without_types_says_what_its_labels_are(cells, expected):
    table = pa.table({"x": ["a"] * len(cells), "y": cells}).replace_schema_metadata({UNTYPED: b"1"})
    found = separated(table, "y").target.labels
    assert found.tolist() == expected
    assert [type(label) for label in found.tolist()] == [type(label) for label in expected]


def test_numbers_are_told_from_names():
    assert labels([1.5, 2.5]).numeric
    assert labels(["1,5", "2,5"]).numbers.tolist() == [1.5, 2.5]
    assert not labels(["a", "b"]).numeric
    assert not labels([True, False]).numeric
    assert labels(["a", "b", "a"]).n_distinct == 2
    assert labels(["1", "2"], kinds={"target": "category"}).kind == "category"


def test_rows_without_a_finite_number_are_left_out():
    given = separated({"x": [1, 2, 3, 4]}, [1.0, np.inf, None, 2.0])
    assert given.rows.tolist() == [0, 3]
    assert [(f.code, f.count) for f in given.findings] == [
        ("W_DATA_TARGET_MISSING", 1),
        ("W_DATA_TARGET_INFINITE", 1),
    ]


def test_rows_correspond_by_position_which_is_said():
    x = pd.DataFrame({"x": [1, 2]}, index=[5, 6])
    assert not separated(x, pd.Series([0, 1], index=[5, 6])).findings
    given = separated(x, pd.Series([0, 1], index=[6, 5]))
    assert [f.code for f in given.findings] == ["W_DATA_INDEX"]
    assert given.target.labels.tolist() == [0, 1]


def test_names_that_are_no_strings_can_be_targets():
    frame = pd.DataFrame([[1, 2], [3, 4]], columns=[0, 1])
    assert separated(frame, 1).target.labels.tolist() == [2, 4]
    frame.columns = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])
    assert separated(frame, ("a", "c")).target.labels.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("source", "target", "columns", "code", "says"),
    [
        (TABLE, "z", {}, "E_DATA_TARGET_UNKNOWN", "'a', 'y', 'g'"),
        (TABLE.rename(columns={"y": "income"}), "incom", {}, "E_DATA_TARGET_UNKNOWN", "'income'?"),
        (np.ones((2, 2)), "y", {}, "E_DATA_TARGET_UNKNOWN", "'x0', 'x1'"),
        (TABLE, None, {}, "E_DATA_TARGET_UNKNOWN", "requires y"),
        (TABLE, [1, 2, 3], {}, "E_DATA_LENGTHS", "4 rows, the target 3"),
        (TABLE.iloc[:0], "y", {}, "E_DATA_EMPTY", "of 0 rows"),
        (TABLE, [None] * 4, {}, "E_DATA_EMPTY", "of 4 rows"),
        (TABLE, np.ones((4, 2)), {}, "E_DATA_TARGET_SHAPE", "2 columns"),
        (TABLE, [1, "1", 0, "0"], {}, "E_DATA_TARGET_TYPES", "int, str"),
        (TABLE, [[1]] * 4, {}, "E_DATA_TARGET_TYPES", "list"),
        (TABLE, "t", {}, "E_DATA_TARGET_TYPES", "dates"),
        (TABLE, "y", {"kinds": {"y": "number"}}, "E_DATA_TARGET_KIND", "'yes'"),
        (TABLE, "y", {"kinds": {"y": "text"}}, "E_DATA_TARGET_KIND", "'text'"),
        (TABLE, "y", {"group": "gg"}, "E_DATA_COLUMN_UNKNOWN", "'g'?"),
        (TABLE, "y", {"time": "g"}, "E_DATA_TIME", "'g'"),
        (TABLE.assign(w=[-1, 1, 1, 1]), "y", {"weight": "w"}, "E_DATA_WEIGHT", "1 weights"),
        (TABLE.assign(w=0), "y", {"weight": "w"}, "E_DATA_WEIGHT", "All weights"),
        (TABLE.assign(w="x"), "y", {"weight": "w"}, "E_DATA_WEIGHT", "3 weights"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(source, target, columns, code, says):
    error = refused(source, target, **columns)
    assert error.code == code
    assert says in str(error)


@pytest.mark.parametrize(
    "times",
    [
        [3, 1, 2, 4],
        ["3/1/2020", "1/1/2020", "2/1/2020", "4/1/2020"],
        ["3", "1", "2", "4"],
    ],
)
def test_time_may_be_numbers_or_strings(times):
    given = separated({"t": times, "y": [1, 0, 1, 0]}, "y", time="t")
    assert given.time.argsort().tolist() == [1, 2, 0, 3]


def test_weights_may_be_checked_alone():
    assert weights(np.array([0.0, 2.0]), "sample_weight").tolist() == [0.0, 2.0]


def test_a_table_without_columns_keeps_its_rows():
    given = separated(pd.DataFrame(index=range(3)), [1, 0, 1])
    assert given.raw.n_rows == 3
    assert given.raw.names == ()


def test_the_source_is_left_as_it_was():
    before = TABLE.copy(deep=True)
    given = separate(TABLE, "y", ROLES)
    given.weight[:] = 9
    given.time[:] = 9
    pd.testing.assert_frame_equal(TABLE, before)


def test_what_was_taken_in_can_be_separated():
    assert separated(take_in(TABLE), "y").target.labels.tolist() == ["yes", "no", "yes"]
