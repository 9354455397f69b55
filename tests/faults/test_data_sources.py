"""Forms of tables, names, indexes, roles and files."""

from __future__ import annotations

import collections
import csv
import gzip
import os

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from small import N, base, found, learn, refused, repeated, told

import automl

case = pytest.mark.case
X, Y = base()
NUMBERS = np.c_[X["a"], X["b"]]
ROWS = [[float(a), float(b), c] for a, b, c in zip(*X.values(), strict=True)]


@case("D30", "a sparse matrix of any layout is learned from, as long as it fits into memory dense")
@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_sparse_matrices_are_learned_from(layout):
    matrix = sp.csr_matrix(NUMBERS).asformat(layout)
    result, _ = learn(matrix, Y)
    assert np.array_equal(told(result.predictor, matrix)[0], told(result.predictor, NUMBERS)[0])


@case("D30", "refused where it is too large, or has one dimension")
@pytest.mark.parametrize(
    ("matrix", "code"),
    [
        (sp.csr_array((10**6, 10**5)), "E_DATA_SPARSE"),
        (sp.coo_array(X["a"]), "E_DATA_SHAPE"),
    ],
)
def test_sparse_matrices_that_are_refused(matrix, code):
    assert refused(matrix, np.zeros(matrix.shape[0])).code == code


@case("D31", "any name is learned from under one that is a string and there once, said if new")
@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["a", "a", "a"], {"W_DATA_NAMES"}),
        (["a", "a", "a_2"], {"W_DATA_NAMES"}),
        ([0, 1, 2], set()),
        ([0, "0", ("t", 1)], {"W_DATA_NAMES"}),
        ([None, np.nan, "b"], {"W_DATA_NAMES"}),
        (["", " ", "c"], {"W_DATA_NAMES"}),
        (["q" * 10_000, "b", "c"], set()),
        (["a[0]", 'b{x}:"q"', "c,d"], set()),
        (["a[", "]b", "<c"], set()),
        (["__", "__class__", "__init__"], set()),
        (["'; DROP TABLE x;--", "<script>alert(1)</script>", "=cmd|'/C calc'!A0"], set()),
        (["target", "index", "fold"], set()),
        (["é", "e\u0301", "c"], set()),
        (["A", "a", " a"], set()),
        (["a\0", "b\n", "\tc"], set()),
        ([1, True, "1"], {"W_DATA_NAMES"}),
        (["../../x", "/etc/passwd", "C:\\x"], set()),
        (["naïve 😀", "数据", "\u202erev"], set()),
        ([pd.Timestamp("2020"), b"a", object()], set()),
    ],
)
def test_columns_may_have_any_name(names, codes, tmp_path):
    frame = pd.DataFrame(X)
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    result, said = learn(frame, Y)
    assert said == codes
    assert len(set(result.predictor.feature_names)) == 3
    labels, _ = told(result.predictor, frame)
    result.predictor.save(tmp_path / "model")
    again = automl.load(tmp_path / "model")
    assert np.array_equal(told(again, frame)[0], labels)


@case("D31", "a surrogate in a name is kept")
def test_a_name_may_hold_half_a_letter():
    result, _ = learn({"\ud800": X["a"], "b": X["b"]}, Y)
    assert result.predictor.feature_names == ("\ud800", "b")


@case("D31", "levels of names are joined; a tuple names the target")
def test_levels_of_names_are_joined():
    frame = pd.DataFrame({("a", 1): X["a"], ("a", 2): X["b"], ("y", ""): Y})
    result, codes = learn(frame, ("y", ""))
    assert codes == {"W_DATA_NAMES"}
    assert result.predictor.feature_names == ("a_1", "a_2")


@case("D31", "hostile names and labels are escaped in the HTML of a leaderboard")
def test_html_is_escaped():
    x = {"<script>a</script>": X["a"], "b": X["b"]}
    result, _ = learn({**x, "<img src=x>": Y}, "<img src=x>")
    page = getattr(result.leaderboard, "_repr_html_", str)
    assert "<script" not in page()
    assert "<img" not in page()


@case("D32", "an index is ignored; where table and target differ in it, that is said")
@pytest.mark.parametrize(
    "index",
    [
        [0] * N,
        np.random.default_rng(0).permutation(N),
        pd.date_range("2020", periods=N),
        pd.MultiIndex.from_product([range(12), range(10)]),
    ],
)
def test_rows_correspond_by_position(index):
    plain = learn(pd.DataFrame(X), Y)[0]
    frame = pd.DataFrame(X).set_axis(index)
    same, none = learn(frame, pd.Series(Y, index=index))
    other, said = learn(frame, pd.Series(Y, index=range(1000, 1000 + N)))
    assert (none, said) == (set(), {"W_DATA_INDEX"})
    expected = told(plain.predictor, X)[0]
    assert np.array_equal(told(same.predictor, frame)[0], expected)
    assert np.array_equal(told(other.predictor, frame)[0], expected)


@case("D32", "a target in a table of one column, or by an iterator, is one")
@pytest.mark.parametrize(
    "y",
    [
        pd.DataFrame({"y": Y}),
        pl.DataFrame({"y": list(Y)}),
        Y.astype(str)[:, None],
        np.ma.array(Y.astype(str)),
        pl.Series(list(Y)),
        pa.array(list(Y)),
        pd.Series(Y, name="a"),
        tuple(Y),
    ],
)
def test_targets_of_any_form(y):
    result, codes = learn(X, y)
    assert codes == set()
    assert result.predictor.classes_.tolist() == ["no", "yes"]
    assert result.predictor.feature_names == ("a", "b", "c")


@case("D32", "a table of any library is the same table")
@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(X),
        {key: list(cells) for key, cells in X.items()},
        pl.DataFrame({key: list(cells) for key, cells in X.items()}),
        pl.LazyFrame({key: list(cells) for key, cells in X.items()}),
        pa.table({key: list(cells) for key, cells in X.items()}),
        pa.table({key: list(cells) for key, cells in X.items()}).to_batches()[0],
        ROWS,
        [tuple(row) for row in ROWS],
        np.array(ROWS, dtype=object),
        pd.DataFrame(X).to_dict("records"),
        pd.DataFrame(X).to_records(index=False),
        collections.UserDict(X),
    ],
    ids=lambda table: type(table).__name__,
)
def test_tables_of_any_form(table):
    result, codes = learn(table, Y)
    assert codes == set()
    proba = result.predictor.predict_proba(table)
    assert np.array_equal(proba, learn(X, Y)[0].predictor.predict_proba(X))


@case("D32", "cells may come from an iterator")
def test_cells_of_an_iterator_are_taken_in():
    result, _ = learn({"a": iter(X["a"].tolist())}, iter(Y.tolist()))
    assert result.predictor.feature_names == ("a",)


@case("D32", "what is no table is refused, `E_DATA_*`, and told what is one")
@pytest.mark.parametrize(
    ("table", "code"),
    [
        (np.zeros((N, 2, 2)), "E_DATA_SHAPE"),
        (X["a"], "E_DATA_SHAPE"),
        (pd.Series(X["a"]), "E_DATA_SHAPE"),
        ([[1], [1, 2]] * 60, "E_DATA_SHAPE"),
        ([{"a": 1}, [1]] * 60, "E_DATA_SHAPE"),
        (["ab"] * N, "E_DATA_SHAPE"),
        ([{1, 2}] * N, "E_DATA_SHAPE"),
        ([None] * N, "E_DATA_SHAPE"),
        ({"a": [1, 2], "b": [1]}, "E_DATA_SHAPE"),
        ({"a": np.zeros((N, 2))}, "E_DATA_SHAPE"),
        ({"a": set(range(N))}, "E_DATA_SHAPE"),
        ((row for row in ROWS), "E_DATA_SOURCE"),
        (pd.DataFrame(X).groupby("c"), "E_DATA_SOURCE"),
        (b"a,b", "E_DATA_SOURCE"),
        (None, "E_DATA_SOURCE"),
        (5, "E_DATA_SOURCE"),
        (object(), "E_DATA_SOURCE"),
        ("a\0b", "E_DATA_SOURCE"),
        ("", "E_DATA_SOURCE"),
        ("https://example.org/x.csv", "E_DATA_SOURCE"),
        ({}, "E_DATA_LENGTHS"),
        ({"a": X["a"][:-1]}, "E_DATA_LENGTHS"),
        ({"a": [*X["a"], 1.0]}, "E_DATA_LENGTHS"),
    ],
)
def test_what_is_no_table_is_refused(table, code):
    assert refused(table, Y).code == code


@case("D32", "a target without an order, or of several columns, is refused")
@pytest.mark.parametrize(
    "y",
    [set(range(N)), {"y": Y}, np.zeros((N, 2)), pd.DataFrame({"p": Y, "q": Y}), np.array(5), 1.5],
)
def test_what_is_no_target_is_refused(y):
    assert refused(X, y).code in {"E_DATA_SHAPE", "E_DATA_TARGET_SHAPE"}


@case("D33", "learned from: one column, more columns than rows, rows without anything, one kind")
@pytest.mark.parametrize(
    "table",
    [
        {"a": X["a"]},
        np.random.default_rng(0).normal(size=(N, 400)),
        pd.DataFrame(X).mask(np.tile(np.arange(N)[:, None] % 7 == 0, 3)),
        pd.DataFrame(X).where(np.random.default_rng(0).random((N, 3)) < 0.02),
        {"c": X["c"], "d": X["c"][::-1]},
        {"t": [f"free words here {i % 7} and {i}" for i in range(N)]},
        {"t": pd.date_range("2020", periods=N)},
    ],
)
def test_tables_of_unusual_shape(table):
    result, _ = learn(table, Y)
    assert len(told(result.predictor, table)[0]) == N


@case("D33", "ten thousand columns of fifty rows are learned from")
@pytest.mark.slow
def test_ten_thousand_columns():
    wide = np.random.default_rng(0).normal(size=(50, 10_000))
    result, codes = learn(wide, Y[:50])
    assert codes == set()
    assert len(told(result.predictor, wide)[0]) == 50


@case("D33", "five million rows are learned from, all of them: nothing is sampled")
@pytest.mark.slow
def test_five_million_rows():
    x = np.random.default_rng(0).normal(size=(5_000_000, 1)).astype(np.float32)
    result, _ = learn(x, x[:, 0] > 0.5)
    assert result.predictor.info["n_rows"] == 5_000_000


@case("D33", "nothing but missing cells: the constant, said")
def test_a_table_without_any_value():
    assert "W_DATA_NO_FEATURES" in learn({"a": [None] * N, "b": [np.nan] * N}, Y)[1]


def weighed(weights):
    return {**X, "w": weights, "y": Y}


W = automl.Columns(weight="w")


@case("D34", "weights of any size from zero up are used")
@pytest.mark.parametrize(
    "weights", [[1.0], [0.0, 1.0], [True, False], ["1", "2"], [1e308], [1e-320, 1e-310], [3]]
)
def test_weights_are_used(weights):
    result, codes = learn(weighed(repeated(weights)), "y", columns=W)
    assert codes == set()
    assert [row.status for row in result.leaderboard][:1] == ["complete"]


@case("D34", "missing, infinite, negative, all zero, no numbers at all: refused, `E_DATA_WEIGHT`")
@pytest.mark.parametrize(
    "weights", [[-1.0, 1.0], [np.nan, 1], [None, 1], [np.inf, 1], [0.0], ["a"], [[1]], [pd.NaT]]
)
def test_what_are_no_weights_is_refused(weights):
    assert refused(weighed(repeated(weights)), "y", columns=W).code == "E_DATA_WEIGHT"


@case("D34", "dates, a column that is not there, or the target are no weights")
def test_other_columns_are_no_weights():
    dates = weighed(pd.date_range("2020", periods=N))
    assert refused(dates, "y", columns=W).code == "E_DATA_WEIGHT"
    assert refused({**X, "y": Y}, "y", columns=W).code == "E_DATA_COLUMN_UNKNOWN"
    own = automl.Columns(weight="y")
    assert refused({**X, "y": repeated([1, 2])}, "y", columns=own).code == "E_DATA_ROLES"


@case("D34", "as many weights as rows: unequal lengths are refused")
def test_weights_of_another_length_are_refused():
    assert refused({**X, "w": [1.0] * (N - 1), "y": Y}, "y", columns=W).code == "E_DATA_SHAPE"


@case("D35", "one group is refused, `E_DATA_SPLIT`; rows without a group form one, said")
@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([1], "E_DATA_SPLIT"),
        ([None], "E_DATA_SPLIT"),
        (list(range(N)), set()),
        ([1, 2], set()),
        ([np.nan, 1, 2], {"W_DATA_GROUP_MISSING"}),
        ([None, "a", "b"], {"W_DATA_GROUP_MISSING"}),
    ],
)
def test_groups(groups, expected):
    table, columns = {**X, "g": repeated(groups), "y": Y}, automl.Columns(group="g")
    if isinstance(expected, str):
        assert refused(table, "y", columns=columns).code == expected
    else:
        assert learn(table, "y", columns=columns)[1] == expected


@case("D35", "ties and unsorted times are split between times; rows without one come first, said")
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([1, 1, 2], set()),
        (list(range(N))[::-1], set()),
        ([f"2020-01-{day:02d}" for day in range(1, 29)], set()),
        ([pd.Timestamp("2020"), pd.NaT, pd.Timestamp("2021")], {"W_DATA_TIME_MISSING"}),
        ([1], "E_DATA_SPLIT"),
        ([pd.NaT], "E_DATA_SPLIT"),
        (["a", "b"], "E_DATA_TIME"),
    ],
)
def test_times(times, expected):
    table, columns = {**X, "t": repeated(times), "y": Y}, automl.Columns(time="t")
    if isinstance(expected, str):
        assert refused(table, "y", columns=columns).code == expected
    else:
        assert learn(table, "y", columns=columns)[1] == expected


CSV = pd.DataFrame({**X, "y": Y}).to_csv(index=False)
LINES = CSV.splitlines()


def written(folder, content, name="t.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@case("D36", "read whatever wrote it: marks, encodings, separators, line ends, packed, long lines")
@pytest.mark.parametrize(
    "content",
    [
        CSV,
        "\ufeff" + CSV,
        CSV.encode("utf-16"),
        CSV.encode("utf-16-le"),
        CSV.replace("x", "é").encode("latin-1"),
        CSV.replace("x", "€").encode("cp1252"),
        CSV.replace(",", ";"),
        CSV.replace(",", "\t"),
        CSV.replace(",", "|"),
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\r"),
        "\n\n".join(LINES),
        gzip.compress(CSV.encode(), mtime=0),
        CSV.replace("x", '"x ""q"", \n z"'),
        CSV.replace("x", "x\0"),
        CSV.replace("x", "=cmd|' /C calc'!A0"),
        CSV.replace("x", "q" * 20_000_000, 1),
    ],
    ids=range(17),
)
def test_csv_is_read(content, tmp_path):
    result, codes = learn(written(tmp_path, content), "y")
    assert codes == set()
    assert result.predictor.feature_names == ("a", "b", "c")
    assert result.predictor.info["n_rows"] == N


@case("D36", "a trailing comma is an empty column, left out, said")
def test_a_trailing_comma_is_an_empty_column(tmp_path):
    path = written(tmp_path, "\n".join(line + "," for line in LINES))
    assert learn(path, "y")[1] == {"W_DATA_ALL_MISSING", "W_DATA_NAMES"}


@case("D36", "without a header columns are called `x0`, ...; a target of another name is refused")
def test_a_file_without_a_header(tmp_path):
    numbers = "\n".join(f"{i * i % 7},{i % 5},{i % 2}" for i in range(N))
    result, _ = learn(written(tmp_path, numbers), "x2")
    assert result.predictor.feature_names == ("x0", "x1")
    path = written(tmp_path, "\n".join(LINES[1:]))
    assert refused(path, "income").code == "E_DATA_TARGET_UNKNOWN"


@case("D36", "refused with one line that says what is wrong, ragged lines by their number")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E_INPUT_EMPTY"),
        (b" \n\n", "E_INPUT_EMPTY"),
        (b"\0" * 500, "E_INPUT_EMPTY"),
        (LINES[0], "E_DATA_EMPTY"),
        ("\n".join([*LINES[:5], LINES[5] + ",9", *LINES[6:]]), "E_INPUT_RAGGED"),
        ("\n".join([*LINES[:5], "1", *LINES[6:]]), "E_INPUT_RAGGED"),
        (CSV + '1,2,"abc', "E_INPUT_RAGGED"),
        ("# a comment\n" + CSV, "E_INPUT_RAGGED"),
        (gzip.compress(CSV.encode(), mtime=0)[:-20], "E_INPUT_FILE"),
        (CSV.encode("utf-32"), "E_INPUT_FORMAT"),
        (b"BZh91AY&SY" + bytes(range(256)), "E_INPUT_FORMAT"),
        (b"\x80\x04K\x01.", "E_INPUT_FORMAT"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "E_INPUT_FORMAT"),
        (b"\x93NUMPY\x01\0" + bytes(range(256)), "E_INPUT_FORMAT"),
        (b"PK\x03\x04" + bytes(range(256)), "E_INPUT_FORMAT"),
        (b"SQLite format 3\0" + bytes(range(256)), "E_INPUT_FORMAT"),
        (bytes(range(1, 256)) * 20, "E_INPUT_ENCODING"),
        ("<!doctype html><html>404</html>", "E_DATA_TARGET_UNKNOWN"),
        ("," * 1000, "E_DATA_TARGET_UNKNOWN"),
        ('"' * 1001, "E_DATA_TARGET_UNKNOWN"),
    ],
)
def test_files_that_are_no_csv_are_refused(content, code, tmp_path):
    error = refused(written(tmp_path, content), "y")
    assert error.code == code
    if code == "E_INPUT_RAGGED" and content.startswith("a,"):
        assert "line " in str(error)


@case("D36", "a folder, a file that is not there, a pipe: refused, `E_INPUT_FILE`")
def test_places_that_are_no_files_are_refused(tmp_path):
    assert refused(tmp_path, "y").code == "E_INPUT_FILE"
    assert refused(tmp_path / "none.csv", "y").code == "E_INPUT_FILE"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.csv")
        assert refused(tmp_path / "pipe.csv", "y").code == "E_INPUT_FILE"


@case("D36", "other formats, cut off, empty or nested without end, are refused by name")
@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.json", "[" * 100_000, "E_INPUT_FORMAT"),
        ("t.jsonl", '{"a": 1}\n{"a": ', "E_INPUT_FORMAT"),
        ("t.jsonl", "1\n2\n", "E_INPUT_FORMAT"),
        ("t.parquet", b"PAR1" + bytes(99), "E_INPUT_FORMAT"),
        ("t.arrow", b"ARROW1\0\0" + bytes(range(99)), "E_INPUT_FORMAT"),
        ("t.feather", b"", "E_INPUT_EMPTY"),
    ],
)
def test_other_formats_that_are_damaged_are_refused(name, content, code, tmp_path):
    assert refused(written(tmp_path, content, name), "y").code == code


@case("D36", "a line of 100 MB is read")
@pytest.mark.slow
def test_a_line_of_a_hundred_megabytes(tmp_path):
    path = written(tmp_path, CSV.replace("x", "q" * 100_000_000, 1))
    result, _ = learn(path, "y")
    assert found(result, "c")


@case("D36", "cells that a spreadsheet would run are written so that it does not")
def test_formulas_are_not_written_to_csv(tmp_path):
    from automl.cli.write import write_file

    cells = ["=cmd|' /C calc'!A0", "@SUM(A1)", "+1+1", "-1+1", "\t=1", "no"]
    write_file([{"prediction": cells, "=1+1": cells}], str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert all(not cell.startswith(("=", "@", "+", "-", "\t")) for row in rows for cell in row)
