"""Tables to predict that are not what was learned from."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from small import N, base, learn, repeated, told

import automl
from automl.errors import DataError, SchemaError

case = pytest.mark.case


def frame(n=N, seed=0):
    x, _ = base(n, seed)
    random = np.random.default_rng(seed)
    more = {
        "i": random.integers(0, 9, n),
        "d": pd.date_range("2020", periods=n),
        "t": repeated([True, False, False], n),
        "g": repeated(["1", "2", "b3"], n),
    }
    return pd.DataFrame({**x, **more})


@pytest.fixture(scope="module")
def result():
    return learn(frame(), base()[1], plugins=["linear", "tree"], budget=automl.Budget(trials=2))[0]


@pytest.fixture(scope="module")
def model(result):
    return result.predictor


@pytest.fixture
def new():
    return frame(10)


def same(model, changed, new):
    """Whether changed rows get the very probabilities of the rows as they were."""
    codes = told(model, changed)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("automl.model.reading._warn", lambda *_: None)
        equal = np.array_equal(model.predict_proba(changed), model.predict_proba(new))
    return equal, codes


@case("P01", "refused, `E_SCHEMA_COLUMNS`, naming all; imputed where that is asked for, said")
def test_a_missing_column(model, new):
    fewer = new.drop(columns=["b", "d"])
    with pytest.raises(SchemaError, match=r"'b' is missing.*'d' is missing") as caught:
        model.predict(fewer)
    assert caught.value.code == "E_SCHEMA_COLUMNS"
    assert told(model, fewer, on_missing="impute")[1] == {"W_SCHEMA_MISSING"}


@case("P02", "left out, said (`W_SCHEMA_EXTRA`); the target is not mentioned")
@pytest.mark.parametrize(("name", "code"), [("zz", {"W_SCHEMA_EXTRA"}), ("target", set())])
def test_a_new_column(model, new, name, code):
    assert same(model, new.assign(**{name: 1}), new) == (True, code)


@case("P02", "the second of two columns of one name is a new one")
def test_a_column_twice(model, new):
    assert same(model, pd.concat([new, new[["a"]]], axis=1), new) == (True, {"W_SCHEMA_EXTRA"})


@case("P03", "the same values")
def test_another_order(model, new):
    assert same(model, new[new.columns[::-1]], new) == (True, set())


@case("P04", "refused, with the name it may be")
@pytest.mark.parametrize("name", ["B", " b "])
def test_a_column_spelled_otherwise(model, new, name):
    with pytest.raises(SchemaError, match=f"Did you mean {name!r}"):
        model.predict(new.rename(columns={"b": name}))


@case("P05", "predicted, said (`W_SCHEMA_UNSEEN`), the row flagged")
@pytest.mark.parametrize("dtype", [object, "category"])
def test_an_unseen_category(model, new, dtype):
    new["c"] = pd.Series(["ZZ", *new["c"][1:]]).astype(dtype)
    assert told(model, new)[1] == {"W_SCHEMA_UNSEEN"}
    assert model.flags(new)["W_SCHEMA_UNSEEN"].tolist() == [True] + [False] * 9


@case("P06", "the same values, said (`W_SCHEMA_TYPE`) where the family of types is another")
@pytest.mark.parametrize(
    ("name", "change", "codes"),
    [
        ("g", lambda cells: cells.map({"1": 1, "2": 2.0, "b3": "b3"}), set()),
        ("i", lambda cells: cells.astype(float), set()),
        ("i", lambda cells: cells.astype("Int64"), set()),
        ("i", lambda cells: cells.astype(str), {"W_SCHEMA_TYPE"}),
        ("i", lambda cells: cells.astype(float).astype(str), {"W_SCHEMA_TYPE"}),
        ("i", lambda cells: cells.map(lambda cell: str(cell).encode()), {"W_SCHEMA_TYPE"}),
        ("t", lambda cells: cells.astype(int), set()),
        ("t", lambda cells: cells.astype(str), {"W_SCHEMA_TYPE"}),
        ("c", lambda cells: cells.astype("category"), set()),
        ("c", lambda cells: cells.map(str.encode), set()),
    ],
)
def test_another_type(model, new, name, change, codes):
    assert same(model, new.assign(**{name: change(new[name])}), new) == (True, codes)


@case("P07", "the gaps are missing, never zero")
@pytest.mark.parametrize("dtype", [float, "Int64", object])
def test_whole_numbers_with_gaps(model, new, dtype):
    cells = new["i"].astype(dtype)
    cells[0] = None
    gaps = new.assign(i=cells)
    assert told(model, gaps)[1] == set()
    expected = told(model, new.assign(i=[np.nan, *new["i"][1:]]))[0]
    assert np.array_equal(told(model, gaps)[0], expected)


@case("P08", "missing, said (`W_SCHEMA_UNREAD`), the row flagged; the others as ever")
@pytest.mark.parametrize("wrong", ["oops", [1], 1j, {"a": 1}, "1,2,3", "9" * 2**20])
def test_a_number_that_cannot_be_read(model, new, wrong):
    cells = new["a"].astype(object)
    cells.iloc[2] = wrong
    changed = new.assign(a=cells)
    labels, codes = told(model, changed)
    assert "W_SCHEMA_UNREAD" in codes
    assert model.flags(changed)["W_SCHEMA_UNREAD"].tolist() == [i == 2 for i in range(10)]
    assert np.delete(labels, 2).tolist() == np.delete(model.predict(new), 2).tolist()


@case("P09", "the same values; what cannot be read is missing, said, flagged")
@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda cells: cells.astype(str), {"W_SCHEMA_TYPE"}),
        (lambda cells: cells.dt.tz_localize("UTC"), set()),
        (lambda cells: cells.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), set()),
        (lambda cells: cells.dt.date, set()),
        (lambda cells: cells.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), {"W_SCHEMA_TYPE"}),
    ],
)
def test_dates_in_another_form(model, new, change, codes):
    assert same(model, new.assign(d=change(new["d"])), new) == (True, codes)
    for wrong in ("never", 5, "31.12.2020"):
        assert "W_SCHEMA_UNREAD" in model.flags(new.assign(d=[wrong] * 10))


@case("P10", "no row gives an empty result of the right shape, one what it gets among others")
@pytest.mark.parametrize("empty", [[], {}, pd.DataFrame(), frame(10).iloc[:0]])
def test_no_row(model, empty):
    assert told(model, empty) == (pytest.approx(np.array([])), set())
    assert model.predict_proba(empty).shape == (0, 2)


@case("P10", "one row gets what it gets among others, but for the order of a sum")
def test_one_row(model, new):
    together = model.predict_proba(new)
    alone = np.concatenate([model.predict_proba(new.iloc[[i]]) for i in range(10)])
    np.testing.assert_allclose(alone, together, rtol=1e-12)


@case("P10", "a million rows are predicted in pieces")
@pytest.mark.slow
def test_a_million_rows(model, new):
    many = pd.concat([new] * 100_000, ignore_index=True)
    proba = model.predict_proba(many)
    assert np.array_equal(proba[-10:], model.predict_proba(new))


@case("P11", "predicted")
@pytest.mark.parametrize("cell", [None, np.nan, ""])
def test_a_row_without_a_value(model, new, cell):
    rows = pd.DataFrame({name: pd.Series([cell, cell], dtype=object) for name in new})
    assert len(told(model, rows)[0]) == 2


@case("P12", "missing, said (`W_SCHEMA_INFINITE`), the row flagged")
@pytest.mark.parametrize("cell", [np.inf, -np.inf, "inf", 10**400])
def test_infinite_numbers(model, new, cell):
    cells = new["a"].astype(object)
    cells.iloc[3] = cell
    changed = new.assign(a=cells)
    assert "W_SCHEMA_INFINITE" in told(model, changed)[1]
    assert model.flags(changed)["W_SCHEMA_INFINITE"].tolist() == [i == 3 for i in range(10)]


@case("P13", "the same values; an array is taken by position, said (`W_SCHEMA_NAMES`)")
@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda table: table.to_numpy(), {"W_SCHEMA_NAMES"}),
        (lambda table: table.to_numpy().tolist(), {"W_SCHEMA_NAMES"}),
        (lambda table: table.to_dict("list"), set()),
        (lambda table: table.to_dict("records"), set()),
        (lambda table: table.to_records(index=False), set()),
        (pl.from_pandas, set()),
        (pa.Table.from_pandas, set()),
    ],
)
def test_another_form_of_table(model, new, change, codes):
    assert same(model, change(new), new) == (True, codes)


@case("P13", "a dict of cells is one row")
def test_a_dict_is_one_row(model, new):
    assert same(model, new.iloc[0].to_dict(), new.iloc[:1]) == (True, set())


@case("P13", "another number of columns, a single column or a mixture is refused")
@pytest.mark.parametrize(
    ("table", "code"),
    [
        (np.zeros((2, 3)), "E_SCHEMA_COLUMNS"),
        (np.zeros((2, 30)), "E_SCHEMA_COLUMNS"),
        ([1, 2, 3], "E_DATA_SHAPE"),
        (pd.Series([1, 2]), "E_DATA_SHAPE"),
        ([{"a": 1}, [1]], "E_DATA_SHAPE"),
        (None, "E_DATA_SOURCE"),
    ],
)
def test_what_does_not_fit_is_refused(model, table, code):
    with pytest.raises((DataError, SchemaError)) as caught:
        model.predict(table)
    assert caught.value.code == code


@case("P14", "ignored: rows keep their number and order")
def test_an_index_that_repeats(model, new):
    assert same(model, new.set_axis([0] * 10), new) == (True, set())


@case("P15", "predicted, the row flagged (`W_SCHEMA_RANGE`); far outside it is said as well")
@pytest.mark.parametrize(
    ("cell", "codes"), [(3.9, set()), (1e6, {"W_SCHEMA_FAR"}), (-1e308, {"W_SCHEMA_FAR"})]
)
def test_numbers_out_of_range(model, new, cell, codes):
    new.loc[4, "a"] = cell
    assert told(model, new)[1] == codes
    for code in {"W_SCHEMA_RANGE", *codes}:
        assert model.flags(new)[code].tolist() == [i == 4 for i in range(10)]


@case("P16", "threads get what one gets, the first prediction included")
def test_threads_predict_at_once(model, tmp_path):
    rows = frame(50, 3)
    model.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: loaded.predict_proba(rows), range(24)))
    assert all(np.array_equal(one, model.predict_proba(rows)) for one in found)


CHILD = """
import sys, pandas as pd, automl
model = automl.load(sys.argv[1])
print(model.predict_proba(pd.read_parquet(sys.argv[2])).tobytes().hex())
"""


@case("P16", "processes that read one model get what one gets")
def test_processes_predict_at_once(model, tmp_path):
    rows = frame(50, 3)
    rows.to_parquet(tmp_path / "rows.parquet")
    model.save(tmp_path / "model.zip")
    words = [
        sys.executable,
        "-c",
        CHILD,
        str(tmp_path / "model.zip"),
        str(tmp_path / "rows.parquet"),
    ]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    found = {child.communicate()[0].strip() for child in running}
    assert found == {model.predict_proba(rows).tobytes().hex()}


@case("P17", "`NotFittedError` of scikit-learn; nothing else can exist without having learned")
def test_prediction_before_learning(new):
    from sklearn.exceptions import NotFittedError

    for estimator in (automl.AutoMLClassifier(), automl.AutoMLRegressor()):
        with pytest.raises(NotFittedError):
            estimator.predict(new)


@case("P20", "the same bits, also after saving and loading")
def test_the_same_rows_give_the_same_bits(model, new, tmp_path):
    first = model.predict_proba(new).tobytes()
    model.save(tmp_path / "model")
    assert model.predict_proba(new).tobytes() == first
    assert automl.load(tmp_path / "model").predict_proba(new).tobytes() == first
