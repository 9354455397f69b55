"""Columns of every kind: learned from, repaired or left out, and always said."""

from __future__ import annotations

import datetime as dt
import enum
import pathlib
import uuid
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from small import N, base, found, learn, repeated, told

case = pytest.mark.case
GONE = {"W_DATA_UNUSABLE"}
NUMBER, CATEGORY, DATE = {"W_DATA_NUMBER"}, {"W_DATA_CATEGORY"}, {"W_DATA_DATE"}


class Odd:
    """Can neither be compared, nor hashed, nor written."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__


def outcome(values):
    """Learn from a table with such a column and predict; return what is said of the column."""
    x, y = base()
    frame = pd.DataFrame(x)
    if isinstance(values, list):
        cells = np.empty(N, dtype=object)
        cells[:] = repeated(values)
        values = pd.Series(cells, dtype=object)
    frame["v"] = values
    before = frame.copy(deep=True)
    result, _ = learn(frame, y)
    labels, at_predict = told(result.predictor, frame.iloc[:9])
    assert len(labels) == 9
    assert frame.dtypes.equals(before.dtypes)
    one = told(result.predictor, frame.iloc[3:4])[0]
    assert one.tolist() == labels[3:4].tolist()
    return found(result, "v"), at_predict


@case("D20", "without a value in training it is left out (`W_DATA_ALL_MISSING`)")
@pytest.mark.parametrize("cell", [np.nan, None, pd.NA, pd.NaT, "", "NA"])
@pytest.mark.parametrize("new", [None, 1.0, "a"])
def test_a_column_without_a_value_is_left_out(cell, new):
    x, y = base()
    result, codes = learn({**x, "v": [cell] * N}, y)
    assert codes == {"W_DATA_ALL_MISSING"}
    assert told(result.predictor, {**base(9, 1)[0], "v": [new] * 9})[1] == set()


@case("D20", "without a value at predict time its cells are missing")
@pytest.mark.parametrize("training", [[1.0, 2.0], ["p", "q"], [dt.date(2020, 1, 1)] * 2 + [None]])
@pytest.mark.parametrize("cell", [np.nan, None, pd.NaT])
def test_a_column_may_come_without_a_value(training, cell):
    x, y = base()
    result, _ = learn({**x, "v": repeated(training)}, y)
    assert told(result.predictor, {**base(9, 1)[0], "v": [cell] * 9})[1] == set()


@case("D21", "constant and repeated columns are left out, said; others stay")
def test_columns_that_say_nothing_new_are_left_out():
    x, y = base()
    rare = np.r_[np.zeros(N - 1), 1.0]
    more = {"k": [7] * N, "again": x["a"], "line": 2 * x["a"] + 1, "rare": rare, "c2": x["c"]}
    result, codes = learn({**x, **more}, y)
    assert codes == {"W_DATA_CONSTANT", "W_DATA_DUPLICATE"}
    assert result.predictor.feature_names == ("a", "b", "c", "line", "rare")


@case("D21", "one that tells the target alone stays, said (`W_DATA_LEAK`)")
def test_a_column_that_tells_the_target_is_said():
    x, y = base()
    assert "W_DATA_LEAK" in learn({**x, "leak": (y == "yes") * 1.0}, y)[1]


@case("D22", "left out, said (`W_DATA_IDENTIFIER`)")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("v", list(range(N))),
        ("v", list(range(1, N + 1))),
        ("user_id", [7 * i + 1000 for i in range(N)]),
        ("v", [f"u{i}" for i in range(N)]),
        ("v", [str(uuid.UUID(int=i * 10**30)) for i in range(N)]),
        ("v", [uuid.UUID(int=i * 10**30) for i in range(N)]),
    ],
)
def test_identifiers_are_left_out(name, values):
    x, y = base()
    result, codes = learn({**x, name: values}, y)
    assert codes == {"W_DATA_IDENTIFIER"}
    assert name not in result.predictor.feature_names


@case("D24", "learned from as 64-bit floats; infinite, extreme and rounded numbers are said")
@pytest.mark.parametrize(
    ("values", "code", "at_predict"),
    [
        ([np.inf, -np.inf, 1.0, 2.0], "W_DATA_INFINITE", {"W_SCHEMA_INFINITE"}),
        ([1e300, -1e300, 2e299], "W_DATA_SCALE", set()),
        ([1.7976931348623157e308, -1.7976931348623157e308, 0.0], "W_DATA_SCALE", set()),
        ([1e-300, 3e-300], "W_DATA_SCALE", set()),
        ([5e-324, 1e-323, 0.0], "W_DATA_SCALE", set()),
        ([-0.0, 0.0, 1.0], "W_DATA_NUMBER", set()),
        ([2**53 + 1, 2**53 + 2, 5], "W_DATA_PRECISION", set()),
        ([2**63 - 1, -(2**63), 0], "W_DATA_PRECISION", set()),
        ([2**64 - 1, 0], "W_DATA_PRECISION", set()),
        ([10**400, 1, 2], "W_DATA_INFINITE", {"W_SCHEMA_INFINITE"}),
        (np.array(repeated([2**64 - 1, 0]), dtype=np.uint64), "W_DATA_PRECISION", set()),
        (np.array(repeated([6e4, np.inf]), np.float16), "W_DATA_INFINITE", {"W_SCHEMA_INFINITE"}),
        (np.array(repeated([3e38, -3e38]), dtype=np.float32), "W_DATA_SCALE", set()),
    ],
)
def test_numbers_at_the_limits_are_learned_from(values, code, at_predict):
    codes, said = outcome(values)
    assert codes >= {code, "W_DATA_NUMBER"}
    assert said == at_predict


@case("D24", "numbers of more than 64 bits that do not fit are infinite")
@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="no wider floats")
def test_wider_floats_are_learned_from():
    codes, _ = outcome(np.array(repeated(["1e4000", "1", "2"]), dtype=np.longdouble))
    assert codes == {"W_DATA_INFINITE", "W_DATA_NUMBER"}


@case("D25", "numbers and truth values written as strings are read as such, listed")
@pytest.mark.parametrize(
    ("values", "code"),
    [
        (["1,234", "5,678,901", "12"], "NUMBERS_AS_STRINGS"),
        (["1.5%", "2 %"], "NUMBERS_AS_STRINGS"),
        (["$3", "$1,000.50"], "NUMBERS_AS_STRINGS"),
        ([" 7 ", "8"], "NUMBERS_AS_STRINGS"),
        (["1e3", "2E-4"], "NUMBERS_AS_STRINGS"),
        (["\u0663", "\u0664", "\u0665"], "NUMBERS_AS_STRINGS"),
        (["3,14", "2,5"], "DECIMAL_COMMA"),
        (["1", "NA", "n/a", "?", "-", "", "null", "2"], "NUMBERS_AS_STRINGS"),
        (["TRUE", "false"], "BOOLEAN"),
        ([True, None, False], "BOOLEAN"),
        ([True, np.nan, False], "BOOLEAN"),
        (["Y", "N"], "CATEGORY"),
        (["yes", "no"], "CATEGORY"),
        (["007", "012"], "CATEGORY"),
        ([9999, -1, 3], "NUMBER"),
        ([1, True, 0, 3], "NUMBER"),
        ([1.0, "2.0", 3], "NUMBERS_AS_STRINGS"),
        ([1, "a", None, 2.5, b"z", True], "MIXED_TYPES"),
        (["2020-01-01", 5], "MIXED_TYPES"),
    ],
)
def test_what_strings_say_is_read(values, code):
    codes, at_predict = outcome(values)
    assert f"W_DATA_{code}" in codes
    assert at_predict == set()


@case("D26", "one level is left out, few are a category, many are strings or text")
@pytest.mark.parametrize(
    ("values", "code"),
    [
        (["u"], "CONSTANT"),
        (["u", "v"], "CATEGORY"),
        ([f"k{i}" for i in range(100)], "STRING"),
        ([f"free word {i * i} b" for i in range(N)], "TEXT"),
        (["r1", "r2", *["w"] * (N - 2)], "CATEGORY"),
    ],
)
def test_any_number_of_levels_is_learned_from(values, code):
    assert f"W_DATA_{code}" in outcome(values)[0]


@case("D26", "a hundred thousand levels are strings")
@pytest.mark.slow
def test_very_many_levels_are_learned_from():
    n = 200_000
    x, y = base(n)
    result, _ = learn({**x, "v": [f"k {i % 100_000} {'x' * (i % 7)}" for i in range(n)]}, y)
    assert found(result, "v") & {"W_DATA_STRING", "W_DATA_TEXT"}
    assert len(told(result.predictor, {**base(9, 1)[0], "v": ["k 5"] * 9})[0]) == 9


@case("D26", "cells of a megabyte are read in no time; a number of 1,000 digits is none")
@pytest.mark.parametrize("letter", ["q", "9", " ", "-", ",", "2020-01-01 "])
def test_cells_of_a_megabyte_are_read(letter):
    x, y = base()
    long = letter * 2**20
    for others in (["p", "q"], ["1", "2"], ["2020-01-01", "2020-02-03"]):
        result, _ = learn({**x, "v": [long, *repeated(others)[1:]]}, y)
        told(result.predictor, {**base(3, 1)[0], "v": [long, others[0], long]})


@case("D27", "kept as written; equal letters are compared as they are coded; bytes are decoded")
@pytest.mark.parametrize(
    "values",
    [
        ["😀", "👩‍👩‍👧", "a"],
        ["\u202eabc", "abc"],
        ["a\0b", "a"],
        ["é", "e\u0301"],
        ["a\u200b", "a"],
        ["Ã©", "é"],
        ["\udcff", "a"],
        ["a\nb", "c"],
        ["A", "a"],
        ["İ", "i"],
        [b"\xe9", b"e"],
        [b"\xff\xfe", b"a"],
        np.array(repeated([b"a", b"\xff"])),
    ],
)
def test_strings_are_kept_as_written(values):
    codes, at_predict = outcome(values)
    assert "W_DATA_CATEGORY" in codes
    assert at_predict == set()


E = enum.Enum("E", "A B")


@case("D28", "numbers and words of other types are read; what cannot be is left out, said")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([Decimal("1.1"), Decimal("NaN"), Decimal(2)], NUMBER),
        ([Decimal("sNaN"), Decimal(1), Decimal(2)], NUMBER),
        ([Decimal("Infinity"), Decimal("1E+999"), Decimal(3), Decimal(4)], {"W_DATA_INFINITE"}),
        ([Fraction(1, 3), Fraction(2)], NUMBER),
        ([Fraction(10**400, 3), Fraction(2), Fraction(3)], {"W_DATA_INFINITE"}),
        ([uuid.UUID(int=1), uuid.UUID(int=2)], CATEGORY),
        ([pathlib.PurePosixPath("a"), pathlib.PurePosixPath("b")], CATEGORY),
        ([E.A, E.B], NUMBER),
        ([np.float32(1), np.int8(2)], NUMBER),
        ([bytearray(b"a"), bytearray(b"b")], CATEGORY),
        (['{"a":1}', '{"a":2}'], CATEGORY),
        ([[1], [2]], GONE),
        ([{"a": 1}, {"b": 2}], GONE),
        ([np.ones(2), np.zeros(3)], GONE),
        ([(1, 2), (3,)], GONE),
        ([{1}, frozenset()], GONE),
        ([int, len], GONE),
        ([ValueError("a"), 1], GONE),
        ([..., NotImplemented], GONE),
        ([pd.Series([1]), pd.DataFrame()], GONE),
        ([Odd(), "a"], GONE),
        ([Odd(), 1, 2, 3], {"W_DATA_BAD_CELLS"}),
        ([1, 2, 3, [4]], {"W_DATA_BAD_CELLS"}),
        ([1j, 2], GONE),
    ],
)
def test_objects_are_read_or_left_out(values, expected):
    assert outcome(values)[0] >= expected


def arrow(values, kind):
    return pd.array(repeated(values), dtype=pd.ArrowDtype(kind))


STRUCT = pa.struct([("a", pa.int64())])
TYPES = {
    "Int64": (pd.array(repeated([1, None, 3]), dtype="Int64"), NUMBER),
    "UInt8": (pd.array(repeated([1, None, 3]), dtype="UInt8"), NUMBER),
    "Float64": (pd.array(repeated([1.5, None, 3]), dtype="Float64"), NUMBER),
    "boolean": (pd.array(repeated([True, None, False]), dtype="boolean"), {"W_DATA_BOOLEAN"}),
    "string": (pd.array(repeated(["a", "b", None]), dtype="string"), CATEGORY),
    "string[python]": (pd.array(repeated(["a", "b", None]), dtype="string[python]"), CATEGORY),
    "string[pyarrow]": (pd.array(repeated(["a", "b", None]), dtype="string[pyarrow]"), CATEGORY),
    "category": (pd.Categorical(repeated(["a", "b"])), CATEGORY),
    "unused levels": (pd.Categorical(repeated(["a", "b"]), ["z", "b", "a", "q"]), CATEGORY),
    "missing levels": (pd.Categorical(repeated(["a", None, "b"])), CATEGORY),
    "NA as a level": (pd.Categorical(repeated(["NA", "x"])), CATEGORY),
    "levels of numbers": (pd.Categorical(repeated([3, 1])), CATEGORY),
    "levels of two types": (pd.Categorical(repeated([1, "a"])), CATEGORY),
    "levels of truths": (pd.Categorical(repeated([True, False])), CATEGORY),
    "levels of dates": (pd.Categorical(repeated(pd.date_range("2020", periods=2))), CATEGORY),
    "ordered": (
        pd.Categorical(repeated(["lo", "hi"]), ["lo", "mid", "hi"], ordered=True),
        {"W_DATA_ORDERED"},
    ),
    "no levels": (pd.Categorical([None] * N), {"W_DATA_ALL_MISSING"}),
    "cut": (pd.cut(np.arange(N), 3), {"W_DATA_ORDERED"}),
    "period": (pd.period_range("2020", periods=N, freq="M"), DATE),
    "interval": (pd.IntervalIndex.from_tuples(repeated([(0, 1), (1, 2)])), CATEGORY),
    "timedelta": (pd.to_timedelta(np.arange(N) ** 2, unit="h"), NUMBER),
    "time zone": (pd.date_range("2020", periods=N, tz="Europe/Paris"), DATE),
    "mixed zones": (
        [pd.Timestamp("2020", tz="Asia/Tokyo"), pd.Timestamp("2021", tz="UTC")],
        DATE,
    ),
    "naive and zoned": ([dt.datetime(2020, 1, 1), dt.datetime(2021, 1, 1, tzinfo=dt.UTC)], DATE),
    "NaT": ([pd.Timestamp("2020"), pd.NaT, pd.Timestamp("2021")], DATE),
    "years 1 and 9999": ([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)], DATE),
    "seconds": (np.arange(N).astype("M8[s]"), DATE),
    "years": (np.arange(N).astype("M8[Y]"), DATE),
    "far years": (np.array(repeated([2**61, -(2**61)]), dtype="M8[s]"), DATE),
    "strings of dates": (["2020-01-31", "0001-01-01", "9999-12-31"], DATE),
    "three formats": (["2020-01-31", "31.1.2020", "Jan 31, 2020"], CATEGORY),
    "dates and strings": ([dt.date(2020, 1, 1), "2020-02-01"], DATE),
    "times of day": ([dt.time(1), dt.time(2)], NUMBER),
    "arrow int": (arrow([1, None, 2], pa.int64()), NUMBER),
    "arrow bool": (arrow([True, None, False], pa.bool_()), {"W_DATA_BOOLEAN"}),
    "arrow date": (arrow([dt.date(2020, 1, 1), None], pa.date32()), DATE),
    "arrow zone": (arrow([dt.datetime(2020, 1, 1), None], pa.timestamp("us", "UTC")), DATE),
    "arrow decimal": (arrow([Decimal("1.5"), None], pa.decimal128(10, 2)), NUMBER),
    "arrow dictionary": (arrow(["a", "b"], pa.dictionary(pa.int32(), pa.string())), CATEGORY),
    "arrow binary": (arrow([b"a", b"b"], pa.binary()), CATEGORY),
    "arrow duration": (arrow([dt.timedelta(1), None], pa.duration("s")), NUMBER),
    "arrow time": (arrow([dt.time(1), None], pa.time64("us")), NUMBER),
    "arrow null": (arrow([None], pa.null()), {"W_DATA_ALL_MISSING"}),
    "arrow list": (arrow([[1], [2]], pa.list_(pa.int64())), GONE),
    "arrow struct": (arrow([{"a": 1}, {"a": 2}], STRUCT), GONE),
}


@case("D29", "read by what it means; lists and structs are left out, said")
@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_pandas_has_an_outcome(name):
    values, expected = TYPES[name]
    codes, at_predict = outcome(values)
    assert codes >= expected
    assert at_predict == set()


POLARS = {
    "Categorical": (pl.Series(repeated(["a", "b"]), dtype=pl.Categorical), CATEGORY),
    "Enum": (pl.Series(repeated(["a", "b"]), dtype=pl.Enum(["b", "a"])), {"W_DATA_ORDERED"}),
    "Decimal": (pl.Series(repeated([Decimal("1.5"), Decimal(2)])), NUMBER),
    "Binary": (pl.Series(repeated([b"\xff", b"b"])), CATEGORY),
    "Duration": (pl.Series(repeated([dt.timedelta(1), dt.timedelta(2)])), NUMBER),
    "Time": (pl.Series(repeated([dt.time(1), dt.time(2)])), NUMBER),
    "Date": (pl.Series(repeated([dt.date(2020, 1, 1), None])), DATE),
    "UInt64": (pl.Series(repeated([2**64 - 1, 1]), dtype=pl.UInt64), {"W_DATA_PRECISION"}),
    "Int128": (pl.Series(repeated([2**100, 1]), dtype=pl.Int128), NUMBER),
    "Float32": (pl.Series(repeated([1.5, float("nan"), None]), dtype=pl.Float32), NUMBER),
    "Null": (pl.Series([None] * N), {"W_DATA_ALL_MISSING"}),
    "List": (pl.Series(repeated([[1], [2]])), GONE),
    "Struct": (pl.Series(repeated([{"a": 1}, {"a": 2}])), GONE),
    "Object": (pl.Series(repeated([object(), object()]), dtype=pl.Object), GONE),
}


@case("D29", "the same for polars; what Arrow does not know is read cell by cell")
@pytest.mark.parametrize("name", POLARS)
def test_every_type_of_polars_has_an_outcome(name):
    values, expected = POLARS[name]
    x, y = base()
    frame = pl.DataFrame({**{key: list(cells) for key, cells in x.items()}, "v": values})
    result, _ = learn(frame, y)
    assert found(result, "v") >= expected
    assert told(result.predictor, frame.head(9))[1] == set()


@case("D30", "sparse columns and matrices are learned from; complex numbers are left out, said")
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.arrays.SparseArray(repeated([0.0, 1.0, 0.0])), NUMBER),
        (pd.arrays.SparseArray(repeated([np.nan, 1.0, 2.0])), NUMBER),
        (pd.arrays.SparseArray(repeated([0, 1])), NUMBER),
        (pd.arrays.SparseArray(repeated([True, False])), {"W_DATA_BOOLEAN"}),
        (np.array(repeated([1j, 2])), GONE),
    ],
)
def test_sparse_and_complex_columns(values, expected):
    assert outcome(values)[0] >= expected
