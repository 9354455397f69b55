"""Any table comes in, with a stated outcome for every type."""

import datetime as dt
import enum
import math
import uuid
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from automl.data.column import Form
from automl.data.frame import of_values, take_in
from automl.errors import DataError


class Colour(enum.Enum):
    RED = "red"


def column(values):
    return of_values("x", values)


def cells(raw):
    return {one.name: one.plain() for one in raw.columns}


TABLE = {
    "number": [1.5, None, 3.0],
    "whole": [1, 2, 3],
    "truth": [True, False, None],
    "word": ["a", None, "b"],
    "moment": [dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 2, 12)],
}
EXPECTED = {
    "number": [1.5, None, 3.0],
    "whole": [1, 2, 3],
    "truth": [True, False, None],
    "word": ["a", None, "b"],
    "moment": ["2020-01-01", None, "2020-01-02 12:00:00"],
}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(dict, id="dict"),
        pytest.param(OrderedDict, id="mapping"),
        pytest.param(pd.DataFrame, id="pandas"),
        pytest.param(lambda t: pd.DataFrame(t).astype(object), id="pandas objects"),
        pytest.param(lambda t: pd.DataFrame(t).convert_dtypes(), id="pandas nullable"),
        pytest.param(
            lambda t: pa.table(t).to_pandas(types_mapper=pd.ArrowDtype), id="pandas arrow"
        ),
        pytest.param(pl.DataFrame, id="polars"),
        pytest.param(lambda t: pl.DataFrame(t).lazy(), id="polars lazy"),
        pytest.param(pa.table, id="pyarrow"),
        pytest.param(lambda t: pa.table(t).to_batches()[0], id="record batch"),
        pytest.param(
            lambda t: pa.concat_tables([pa.table(t).slice(0, 1), pa.table(t).slice(1)]),
            id="pyarrow chunks",
        ),
        pytest.param(
            lambda t: [dict(zip(t, row, strict=True)) for row in zip(*t.values(), strict=True)],
            id="rows",
        ),
        pytest.param(
            lambda t: {name: pd.Series(values) for name, values in t.items()}, id="dict of series"
        ),
        pytest.param(
            lambda t: {name: pl.Series(values) for name, values in t.items()}, id="dict of polars"
        ),
        pytest.param(
            lambda t: {name: pa.array(values) for name, values in t.items()}, id="dict of arrow"
        ),
    ],
)
def test_every_source_says_the_same(make):
    raw = take_in(make(TABLE))
    assert raw.n_rows == 3
    assert cells(raw) == EXPECTED
    assert not raw.positional


@pytest.mark.parametrize("n_rows", [2, 200])
def test_few_rows_and_many_are_read_alike(n_rows):
    words = [f"w{i % 7}" if i % 3 else None for i in range(n_rows)]
    for made in (pd.DataFrame({"w": words}), pl.DataFrame({"w": words}), pa.table({"w": words})):
        assert cells(take_in(made)) == {"w": words}


def test_arrays_are_named_by_position():
    raw = take_in(np.arange(6.0).reshape(3, 2))
    assert raw.positional
    assert cells(raw) == {"x0": [0, 2, 4], "x1": [1, 3, 5]}


def test_rows_of_cells_are_named_by_position():
    assert cells(take_in([[1, "a"], [2, "b"]])) == {"x0": [1, 2], "x1": ["a", "b"]}


def test_sparse_matrices_are_read():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    assert cells(take_in(matrix)) == cells(take_in(np.eye(3)))
    with pytest.raises(DataError) as caught:
        take_in(sparse.csr_matrix((2**20, 2**20)))
    assert caught.value.code == "E_DATA_SPARSE"


def test_structured_and_masked_arrays_are_read():
    named = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U1")])
    assert cells(take_in(named)) == {"n": [1, 2], "s": ["a", "b"]}
    masked = np.ma.MaskedArray([[1.0, 2.0]], mask=[[False, True]])
    assert cells(take_in(masked)) == {"x0": [1.0], "x1": [None]}


def test_a_dict_of_scalars_is_one_row():
    raw = take_in({"a": 1, "b": "x", "c": None, "d": np.int64(3)})
    assert raw.n_rows == 1
    assert cells(raw) == {"a": [1], "b": ["x"], "c": [None], "d": [3]}


def test_rows_may_lack_keys():
    assert cells(take_in([{"a": 1}, {"b": "x"}])) == {"a": [1, None], "b": [None, "x"]}


def test_what_is_taken_in_is_taken_in_once():
    raw = take_in(TABLE)
    assert take_in(raw) is raw


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (np.arange(3), "E_DATA_SHAPE"),
        (np.zeros((2, 2, 2)), "E_DATA_SHAPE"),
        (pd.Series([1, 2]), "E_DATA_SHAPE"),
        ({"a": [1], "b": [1, 2]}, "E_DATA_SHAPE"),
        ({"a": [1], "b": 5}, "E_DATA_SHAPE"),
        ({"a": np.zeros((2, 2))}, "E_DATA_SHAPE"),
        ([1, 2, 3], "E_DATA_SHAPE"),
        (object(), "E_DATA_SOURCE"),
        (7, "E_DATA_SOURCE"),
    ],
)
def test_what_is_no_table_is_refused(source, code):
    with pytest.raises(DataError) as caught:
        take_in(source)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("values", "form", "expected"),
    [
        ([Decimal("1.1"), Decimal("NaN"), 2], Form.NUMBER, [1.1, None, 2]),
        ([Fraction(1, 2), 1], Form.NUMBER, [0.5, 1]),
        ([True, 0.5, None], Form.NUMBER, [1, 0.5, None]),
        ([10**400, 1], Form.NUMBER, [None, 1]),
        ([np.float32(0.5), pd.NA, np.nan], Form.NUMBER, [0.5, None, None]),
        ([dt.date(1970, 1, 2), pd.NaT, None], Form.DATE, ["1970-01-02", None, None]),
        ([np.datetime64("1970-01-02"), np.datetime64("NaT")], Form.DATE, ["1970-01-02", None]),
        (
            [dt.datetime(1970, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))],
            Form.DATE,
            ["1970-01-01"],
        ),
        ([dt.timedelta(minutes=1), None], Form.NUMBER, [60, None]),
        ([dt.time(1, 0, 1)], Form.NUMBER, [3601]),
        ([b"a", b"\xff\xfe", bytearray(b"b")], Form.STRING, ["a", "ÿþ", "b"]),
        ([uuid.UUID(int=0), None], Form.STRING, ["00000000-0000-0000-0000-000000000000", None]),
        ([Colour.RED], Form.STRING, ["red"]),
        ([np.str_("a"), float("nan"), "b"], Form.STRING, ["a", None, "b"]),
        ([1, "a", None, 2.5, b"z", True], Form.STRING, ["1", "a", None, "2.5", "z", "True"]),
        ([1.0, dt.date(1970, 1, 1)], Form.STRING, ["1", "1970-01-01"]),
        ([None, float("nan")], Form.NUMBER, [None, None]),
        ([], Form.NUMBER, []),
        ([[1], {"a": 1}, 1j], Form.STRING, [None, None, None]),
        (np.array([1, 2], dtype=np.uint8), Form.NUMBER, [1, 2]),
        (np.array([1.5], dtype=np.float16), Form.NUMBER, [1.5]),
        (np.array([1 + 1j]), Form.STRING, [None]),
        (np.array(["a", "b"]), Form.STRING, ["a", "b"]),
        (np.array(["1970-01-02"], dtype="datetime64[D]"), Form.DATE, ["1970-01-02"]),
        (np.array([90], dtype="timedelta64[s]"), Form.NUMBER, [90]),
        (range(3), Form.NUMBER, [0, 1, 2]),
        ((n for n in (1, 2)), Form.NUMBER, [1, 2]),
        (pd.Series([1, None], dtype="Int64"), Form.NUMBER, [1, None]),
        (pd.Series([1, 2], dtype="Int8"), Form.NUMBER, [1, 2]),
        (pd.Series([1.5, None], dtype="Float64"), Form.NUMBER, [1.5, None]),
        (pd.Series([True, None], dtype="boolean"), Form.BOOLEAN, [True, None]),
        (pd.Series(["a", None], dtype="string"), Form.STRING, ["a", None]),
        (pd.Series(["a", None], dtype="string[python]"), Form.STRING, ["a", None]),
        (pd.Series(pd.arrays.SparseArray([0.0, 1.0])), Form.NUMBER, [0, 1]),
        (pd.Series(pd.period_range("1970-01", periods=1, freq="M")), Form.DATE, ["1970-01-01"]),
        (pd.Series(pd.interval_range(0, 1)), Form.STRING, ["(0, 1]"]),
        (pd.Series(pd.to_timedelta(["1min"])), Form.NUMBER, [60]),
        (pd.Series(["1970-01-01 01:00"], dtype="datetime64[ns, Europe/Paris]"), Form.DATE, None),
        (pd.Index(["a", "b"]), Form.STRING, ["a", "b"]),
        (pd.array([1, None], dtype="Int64"), Form.NUMBER, [1, None]),
        (pa.array([None, None]), Form.NUMBER, [None, None]),
        (pa.array([Decimal("1.5"), None]), Form.NUMBER, [1.5, None]),
        (pa.array([dt.date(1970, 1, 2)]), Form.DATE, ["1970-01-02"]),
        (pa.array([dt.time(0, 1)]), Form.NUMBER, [60]),
        (pa.array([90], pa.duration("s")), Form.NUMBER, [90]),
        (pa.array([1], pa.time32("s")), Form.NUMBER, [1]),
        (pa.array([b"a", None]), Form.STRING, ["a", None]),
        (pa.array([[1], None]), Form.STRING, [None, None]),
        (pa.array([{"a": 1}]), Form.STRING, [None]),
        (pa.array(["a"] * 50, pa.string_view()), Form.STRING, ["a"] * 50),
        (pa.array(["a", "b"]).dictionary_encode(), Form.STRING, ["a", "b"]),
        (pa.array([2, 1, None]).dictionary_encode(), Form.STRING, ["2", "1", None]),
        (pl.Series(["a", None], dtype=pl.Categorical), Form.STRING, ["a", None]),
        (pl.Series(["a"], dtype=pl.Enum(["b", "a"])), Form.STRING, ["a"]),
    ],
)
def test_every_type_has_an_outcome(values, form, expected):
    made = column(values)
    assert made.form is form
    if expected is not None:
        assert made.plain() == pytest.approx(expected)
    assert made.missing.tolist() == [cell is None for cell in made.plain()] or math.isinf(
        made.values[0]  # noqa: PD011  # a field of ours
    )


def test_bad_cells_are_marked_with_their_reason():
    made = column(["a", [1], None, {"b": 1}])
    assert made.bad.tolist() == [False, True, False, True]
    assert made.reason == "dict, list"
    assert made.mixed == ("dict", "list", "str")


def test_categorical_types_are_declared():
    levels = ["low", "high", "never"]
    made = column(pd.Series(pd.Categorical(["high", None], categories=levels, ordered=True)))
    assert made.declared
    assert made.ordered
    assert made.levels == tuple(levels)
    assert made.plain() == ["high", None]
    assert column(pd.Series([3, 1, 3], dtype="category")).plain() == ["3", "1", "3"]
    numbers = pd.Categorical([10, 9], categories=[10, 9], ordered=True)
    assert column(pd.Series(numbers)).levels == ("10", "9")
    arrow = pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array([10, 9]), ordered=True)
    assert column(arrow).levels == ("10", "9")


def test_large_whole_numbers_keep_their_digits_beside():
    made = column(np.array([2**63 - 1, -(2**63)]))
    assert made.exact.tolist() == [2**63 - 1, -(2**63)]
    assert column([2**60, None, 1]).exact.tolist() == [2**60, 0, 1]
    assert made.spelled()[1] == (str(-(2**63)), str(2**63 - 1))


@pytest.mark.parametrize(
    ("labels", "names", "codes"),
    [
        (["a", "a", "a_2"], ["a", "a_3", "a_2"], ["W_DATA_NAMES"]),
        ([0, 1], ["0", "1"], ["W_DATA_NAMES_TYPE"]),
        ([0, "x", ("t", 1)], ["0", "x", "t_1"], ["W_DATA_NAMES", "W_DATA_NAMES_TYPE"]),
        (["", None, " "], ["unnamed_0", "unnamed_1", "unnamed_2"], ["W_DATA_NAMES"]),
        ([math.nan, "b"], ["unnamed_0", "b"], ["W_DATA_NAMES"]),
        (["a[0]", 'b{x}:"q"', "\u202erev 😀"], ["a[0]", 'b{x}:"q"', "\u202erev 😀"], []),
        ([1, "1"], ["1", "1_2"], ["W_DATA_NAMES", "W_DATA_NAMES_TYPE"]),
    ],
)
def test_names_are_made_unique_strings(labels, names, codes):
    frame = pd.DataFrame(np.zeros((2, len(labels))))
    frame.columns = pd.Index(labels, dtype=object, tupleize_cols=False)
    raw = take_in(frame)
    assert list(raw.names) == names
    assert [finding.code for finding in raw.findings] == codes


def test_a_multi_index_of_columns_is_flattened():
    frame = pd.DataFrame(np.zeros((2, 2)))
    frame.columns = pd.MultiIndex.from_tuples([("a", 1), ("a", "")])
    assert take_in(frame).names == ("a_1", "a")


def test_the_source_is_left_as_it_was():
    frame = pd.DataFrame(TABLE, index=[5, 5, 7])
    before = frame.copy(deep=True)
    raw = take_in(frame)
    for made in raw.columns:
        made.values[:] = 0  # noqa: PD011  # a field of ours
    pd.testing.assert_frame_equal(frame, before)
    array = np.ones((2, 2))
    take_in(array).columns[0].values[:] = 0  # noqa: PD011  # a field of ours
    assert array.all()


def test_read_only_arrays_are_taken_in(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    assert take_in(np.load(tmp_path / "x.npy", mmap_mode="r")).n_rows == 3
