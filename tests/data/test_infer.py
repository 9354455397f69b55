"""Kinds of columns are inferred from the table alone, said, and can be overridden."""

import datetime as dt
import random
import uuid

import numpy as np
import pandas as pd
import pytest

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.table import MISSING, Kind
from automl.errors import DataError

N = 120
DRAW = random.Random(0)  # test data
SYLLABLES = [one + two for one in "bdfgklmnprst" for two in "aeiou"]


def word():
    return "".join(DRAW.choice(SYLLABLES) for _ in range(3))


def words(n_words, n_distinct, n_rows=N):
    levels = list({" ".join(word() for _ in range(n_words)) for _ in range(n_distinct * 2)})
    levels = levels[:n_distinct]
    rest = [DRAW.choice(levels) for _ in range(n_rows - n_distinct)]
    return levels + rest


def learn(values, **columns):
    raw = take_in({"x": values})
    schema, findings = infer(raw, Columns(**columns))
    return schema, {finding.code for finding in findings}, apply(schema, raw).table


def kinds(values, **columns):
    return tuple(feature.kind.value for feature in learn(values, **columns)[0].features)


COLUMNS = {
    "floats": ([0.5 * i for i in range(N)], ("number",)),
    "unique floats": ([DRAW.random() for _ in range(N)], ("number",)),
    "few whole numbers": ([i % 3 for i in range(N)], ("number",)),
    "truths": ([i % 2 == 0 for i in range(N)], ("number",)),
    "truths as strings": (["TRUE", "false"] * (N // 2), ("number",)),
    "numbers as strings": (["1,234", "1.5 %", "$3", " 7 ", "1e3", "NA"] * 20, ("number",)),
    "numbers with some garbage": ([*(str(i * 3 % 50) for i in range(N)), "oops"], ("number",)),
    "codes": ([f"{i * 7 % 30:04d}" for i in range(N)], ("category",)),
    "dates": ([dt.date(2020, 1, 1) + dt.timedelta(i) for i in range(N)], ("date",)),
    "dates as strings": ([f"2020-01-{i % 28 + 1:02d}" for i in range(N)], ("date",)),
    "yes and no": (["yes", "no", None] * 40, ("category",)),
    "many levels": ([word() + word() for _ in range(N)], ("string",)),
    "free text": (words(8, N), ("text",)),
    "names": (words(2, N), ("text",)),
    "long repeated phrases": (words(3, 150, 1500), ("string", "text")),
    "short phrases, few": (words(3, 12), ("category",)),
    "ids": ([f"u{i}" for i in range(N)], ()),
    "shuffled ids": (DRAW.sample([f"AB-{i:05d}" for i in range(N)], N), ()),
    "uuids": ([str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in range(N)], ()),
    "hashes": ([f"{DRAW.getrandbits(128):032x}" for _ in range(N)], ()),
    "row numbers": (list(range(N)), ()),
    "row numbers from 1": (list(range(1, N + 1)), ()),
    "unique whole numbers": (DRAW.sample(range(10_000), N), ("number",)),
    "years in order": (list(range(1900, 1900 + N)), ("number",)),
    "constant": ([7] * N, ()),
    "constant strings": (["a "] * 60 + ["a"] * 60, ()),
    "constant or missing": (["a", None] * 60, ("category",)),
    "nothing": ([None] * N, ()),
    "only missing spellings": (["NA", "?"] * 60, ()),
    "only infinite": ([float("inf")] * N, ()),
    "lists": ([[1, 2]] * N, ()),
    "a few lists": ([["a"], "a", "b", "c", "c"] * 24, ("category",)),
    "mixed": ([1, "a", None, 2.5, b"z", True] * 20, ("category",)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_kind_is_inferred(name):
    values, expected = COLUMNS[name]
    assert kinds(values) == expected


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ids", "W_DATA_IDENTIFIER"),
        ("row numbers", "W_DATA_IDENTIFIER"),
        ("constant", "W_DATA_CONSTANT"),
        ("constant strings", "W_DATA_CONSTANT"),
        ("nothing", "W_DATA_ALL_MISSING"),
        ("only infinite", "W_DATA_INFINITE"),
        ("only infinite", "W_DATA_ALL_MISSING"),
        ("lists", "W_DATA_UNUSABLE"),
        ("lists", "W_DATA_NO_FEATURES"),
        ("a few lists", "W_DATA_BAD_CELLS"),
        ("mixed", "W_DATA_MIXED_TYPES"),
        ("numbers as strings", "W_DATA_NUMBERS_AS_STRINGS"),
        ("numbers with some garbage", "W_DATA_UNREAD"),
        ("dates as strings", "W_DATA_DATES_AS_STRINGS"),
        ("truths as strings", "W_DATA_BOOLEAN"),
        ("long repeated phrases", "W_DATA_TEXT"),
        ("long repeated phrases", "W_DATA_STRING"),
    ],
)
def test_what_is_inferred_is_said(name, code):
    _, codes, _ = learn(COLUMNS[name][0])
    assert code in codes


def test_a_whole_number_named_like_an_id_is_an_identifier():
    keys = DRAW.sample(range(10_000), N)
    for name in ("id", "ID", "PassengerId", "customer_id", "order-id", "uuid", "Unnamed: 0"):
        assert not infer(take_in({name: keys}), Columns())[0].features, name
    for name in ("paid", "grid", "humid", "width", "void"):
        assert infer(take_in({name: keys}), Columns())[0].features, name


def test_an_identifier_is_kept_where_it_is_asked_for():
    keys = [f"u{i}" for i in range(N)]
    assert kinds(keys, kinds={"x": "string"}) == ("string",)
    assert kinds(list(range(N)), kinds={"x": "number"}) == ("number",)


def test_small_tables_have_no_identifiers():
    assert kinds(["a", "b", "c", "d", "e"]) == ("category",)


def test_numbers_as_strings_are_the_numbers():
    _, _, table = learn(["1,234", "1.5 %", "$3", " 7 ", "1e3", "NA"])
    np.testing.assert_array_equal(table.number[:, 0], [1234, 1.5, 3, 7, 1000, np.nan])


def test_a_decimal_comma_is_a_promise():
    schema, codes, table = learn(["3,14", "1.234,5", "2"])
    assert "W_DATA_DECIMAL_COMMA" in codes
    assert table.number[:, 0].tolist() == [3.14, 1234.5, 2]
    again = apply(schema, take_in({"x": ["1,5"]})).table
    assert again.number[0, 0] == 1.5


@pytest.mark.parametrize(
    ("given", "format_", "new"),
    [
        (["31/1/2020", "1/2/2020"], "dmy", "2/1/2020"),
        (["1/31/2020", "2/1/2020"], "mdy", "1/2/2020"),
    ],
)
def test_the_order_of_day_and_month_is_a_promise(given, format_, new):
    schema, codes, _ = learn(given)
    assert schema.features[0].format == format_
    assert "W_DATA_DATE_AMBIGUOUS" not in codes
    table = apply(schema, take_in({"x": [new]})).table
    assert table.date[0, 0] == dt.datetime(2020, 1, 2, tzinfo=dt.UTC).timestamp()


def test_an_ambiguous_order_is_said():
    assert "W_DATA_DATE_AMBIGUOUS" in learn(["1/2/2020", "3/4/2020"])[1]


def test_levels_are_sorted_numbers_by_value():
    schema, _, _ = learn(["10", "9", "b", "a"] * 5, kinds={"x": "category"})
    assert schema.features[0].levels == ("9", "10", "a", "b")


def test_codes_are_positions_of_levels():
    schema, _, table = learn(["b", " a", None, "b", "NA"] * 3)
    assert schema.features[0].levels == ("a", "b")
    assert table.category[:5, 0].tolist() == [1, 0, MISSING, 1, MISSING]
    assert schema.features[0].missing


def test_a_declared_order_is_kept_with_levels_that_are_not_there_yet():
    values = pd.Categorical(["mid", "low"] * 10, categories=["low", "mid", "high"], ordered=True)
    schema, codes, table = learn(values)
    assert schema.features[0].levels == ("low", "mid", "high")
    assert schema.features[0].ordered
    assert "W_DATA_ORDERED" in codes
    assert table.category[:2, 0].tolist() == [1, 0]
    assert apply(schema, take_in({"x": ["high"]})).table.category[0, 0] == 2


def test_a_declared_category_keeps_levels_that_look_missing():
    schema, _, _ = learn(pd.Categorical(["None", "Brick", None] * 10))
    assert schema.features[0].levels == ("Brick", "None")
    table = apply(schema, take_in({"x": ["None", None]})).table
    assert table.category[:, 0].tolist() == [1, MISSING]


def test_a_declared_category_of_numbers_is_a_category():
    assert kinds(pd.Categorical([1, 2, 3] * 20)) == ("category",)
    assert kinds(pd.Categorical([f"level{i % 150}" for i in range(600)])) == ("string",)


def test_an_order_is_given_by_the_user():
    schema, _, table = learn(["low", "high"] * 5, ordered={"x": ("low", "mid", "high")})
    assert schema.features[0].levels == ("low", "mid", "high")
    assert table.category[:2, 0].tolist() == [0, 2]
    schema, _, _ = learn([3, 1, 2] * 5, ordered={"x": (3, 2, 1)})
    assert schema.features[0].levels == ("3", "2", "1")


@pytest.mark.parametrize("order", [("low",), ("low", "high", "low")])
def test_an_order_that_does_not_fit_is_refused(order):
    with pytest.raises(DataError) as caught:
        learn(["low", "high"], ordered={"x": order})
    assert caught.value.code == "E_DATA_LEVELS"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3] * 10, "category"),
        ([1, 2, 3] * 10, "string"),
        (["a b c", "d e f"] * 10, "text"),
        (["007", "008"] * 10, "number"),
        (["1/2/2020", "oops"] * 10, "date"),
        ([True, False] * 10, "category"),
        ([5] * 10, "number"),
        (["a"] * 10, "category"),
        (["yes", "1"] * 10, "number"),
    ],
)
def test_the_user_decides(values, kind):
    assert kinds(values, kinds={"x": kind}) == (kind,)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b"], "number"),
        (["a", "b"], "date"),
        ([1.5, 2.5], "date"),
        ([dt.date(2020, 1, 1), dt.date(2020, 1, 2)], "number"),
    ],
)
def test_an_impossible_kind_is_refused(values, kind):
    with pytest.raises(DataError) as caught:
        learn(values, kinds={"x": kind})
    assert caught.value.code == "E_DATA_KIND"


def test_unknown_columns_are_refused_with_the_nearest_name():
    raw = take_in({"age": [1, 2], "income": [3, 4]})
    for columns in (
        Columns(kinds={"Age ": "number"}),
        Columns(ordered={"agee": ("a",)}),
        Columns(ignored=("ages",)),
        Columns(sensitive=("aeg",)),
        Columns(group="ge"),
    ):
        with pytest.raises(DataError, match="Did you mean 'age'") as caught:
            infer(raw, columns)
        assert caught.value.code == "E_DATA_COLUMN_UNKNOWN"
    with pytest.raises(DataError) as caught:
        infer(raw, Columns(kinds={"age": "numeric"}))
    assert caught.value.code == "E_DATA_KIND"


def test_duplicates_are_left_out_whatever_their_type():
    raw = take_in(
        {
            "a": ["x", "y", "x"] * 10,
            "b": pd.Categorical(["x", "y", "x"] * 10, categories=["y", "x"]),
            "c": [1, 2, 4] * 10,
            "d": ["1", "2", "4"] * 10,
            "e": [1.0, 2.0, 4.5] * 10,
        }
    )
    schema, findings = infer(raw, Columns())
    assert [feature.name for feature in schema.features] == ["a", "c", "e"]
    assert {d.name: d.reason for d in schema.dropped} == {
        "b": "the cells equal those of 'a'",
        "d": "the cells equal those of 'c'",
    }
    assert [f.columns for f in findings if f.code == "W_DATA_DUPLICATE"] == [("b", "d")]
    kept, _ = infer(raw, Columns(kinds={"b": "category"}))
    assert "b" in kept.learned


def test_ignored_columns_are_left_out_and_not_missed():
    raw = take_in({"a": [1, 2], "b": [1, 3]})
    schema, findings = infer(raw, Columns(ignored=("b",)))
    assert schema.learned == ("a",)
    assert [f.code for f in findings if f.columns == ("b",)] == ["W_DATA_IGNORED"]
    assert not apply(schema, take_in({"a": [1]})).findings


@pytest.mark.parametrize("size", [1e300, 1e-300, 5e-324, 1.7e308, 1e30])
def test_extreme_numbers_fit_a_small_float(size):
    values = [size, -size / 2, 0.0, None]
    schema, codes, table = learn(values)
    assert "W_DATA_SCALE" in codes
    assert schema.features[0].high == size
    cells = table.number[:, 0].astype(np.float32)
    assert np.isfinite(cells[:3]).all()
    assert cells[0] > 0


def test_ordinary_numbers_are_left_alone():
    schema, codes, table = learn([1e12, 1e-12, 3.0])
    assert schema.features[0].scale == 1.0
    assert "W_DATA_SCALE" not in codes
    assert table.number[:, 0].tolist() == [1e12, 1e-12, 3.0]


def test_precision_is_said():
    assert "W_DATA_PRECISION" in learn([2**53 + 1, 5, 7] * 20)[1]
    assert "W_DATA_PRECISION" not in learn([2.0**60, 5, 7] * 20)[1]


def test_the_target_is_never_looked_at():
    table = {"a": [1, 2, 3] * 10, "b": ["x", "y", "z"] * 10}
    schema, _ = infer(take_in(table), Columns())
    again, _ = infer(take_in(dict(table)), Columns())
    assert schema == again
    assert schema.names == ("a", "b")
    assert [f.kind for f in schema.features] == [Kind.NUMBER, Kind.CATEGORY]
