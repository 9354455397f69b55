"""What makes scores hard to trust is said; the profile and the schema are plain JSON."""

import json

import numpy as np
import pandas as pd
import pytest

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.infer import infer
from automl.data.profile import profile
from automl.data.schema_json import from_json, to_json
from automl.data.suspect import suspect
from automl.errors import InputError

N = 400
RANDOM = np.random.default_rng(0)
X = {
    "noise": RANDOM.normal(size=N),
    "few": RANDOM.integers(0, 4, N),
    "word": RANDOM.choice(list("abc"), N),
    "name": [f"{RANDOM.integers(10**6)} of {i}" for i in range(N)],
}


def suspicions(table, y, n_classes):
    raw = take_in(table)
    schema, _ = infer(raw, Columns(kinds={"word": "category", "name": "string"}))
    y = np.asarray(y, dtype=np.int64 if n_classes else np.float64)
    return {
        finding.code: finding
        for finding in suspect(schema, apply(schema, raw).table, "y", y, n_classes)
    }


Y = RANDOM.integers(0, 2, N)


def test_an_ordinary_target_is_not_suspicious():
    assert suspicions(X, Y, 2) == {}
    assert suspicions(X, RANDOM.normal(size=N), 0) == {}


@pytest.mark.parametrize(
    "leak",
    [
        Y * 1.0,
        Y * 2.0 + RANDOM.normal(size=N) * 0.01,
        np.where(Y == 1, np.nan, RANDOM.normal(size=N)),
        np.where(Y == 1, "spam", "ham"),
    ],
    ids=["copy", "copy with noise", "missing where it is one", "words"],
)
def test_a_column_that_tells_the_class_is_said(leak):
    found = suspicions({**X, "leak": leak}, Y, 2)
    assert found["W_DATA_LEAK"].columns == ("leak",)


def test_a_column_that_tells_one_of_many_classes_is_said():
    y = RANDOM.integers(0, 5, N)
    assert suspicions({**X, "leak": y * 1.0}, y, 5)["W_DATA_LEAK"].columns == ("leak",)


@pytest.mark.parametrize("way", [lambda y: 3 * y + 1, np.exp], ids=["in a line", "in order"])
def test_a_column_that_tells_the_number_is_said(way):
    y = RANDOM.normal(size=N)
    assert suspicions({**X, "leak": way(y)}, y, 0)["W_DATA_LEAK"].columns == ("leak",)


@pytest.mark.parametrize(
    ("y", "n_classes", "code", "count"),
    [
        ([0] * N, 1, "W_DATA_ONE_CLASS", 0),
        ([3.5] * N, 0, "W_DATA_ONE_CLASS", 0),
        ([1] * 3 + [0] * (N - 3), 2, "W_DATA_RARE_CLASS", 1),
        ([1] * 3 + [0] * (N - 3), 2, "W_DATA_IMBALANCE", 3),
    ],
)
def test_a_poor_target_is_said(y, n_classes, code, count):
    assert suspicions(X, y, n_classes)[code].count == count


def test_few_rows_are_said():
    table = {name: values[:10] for name, values in X.items()}
    assert suspicions(table, Y[:10], 2)["W_DATA_FEW_ROWS"].count == 10


TABLE = pd.DataFrame(
    {
        "number": [1.0, 2.0, None, 4.0] * 5,
        "huge": [1e300, 2e300, 3e300, 4e300] * 5,
        "word": ["a", "a", "b", None] * 5,
        "moment": pd.date_range("2020", periods=20),
        "note": [f"many words stand here {chr(97 + i)}{i}" for i in range(20)],
    }
)


def learned():
    raw = take_in(TABLE)
    schema, _ = infer(raw, Columns())
    return schema, apply(schema, raw).table


def test_a_profile_is_in_the_units_of_the_user():
    found = json.loads(json.dumps(profile(*learned()), allow_nan=False))
    assert found["n_rows"] == 20
    assert list(found["columns"]) == list(TABLE.columns)
    number = found["columns"]["number"]
    assert number["missing"] == 0.25
    assert number["quantiles"][0] == 1.0
    assert number["quantiles"][-1] == 4.0
    assert number["mean"] == pytest.approx(7 / 3)
    assert found["columns"]["huge"]["quantiles"][-1] == pytest.approx(4e300)
    assert found["columns"]["word"] == {
        "kind": "category",
        "missing": 0.25,
        "n_levels": 2,
        "counts": {"a": 10, "b": 5},
    }
    assert found["columns"]["moment"]["quantiles"][0] == 1577836800.0
    assert found["columns"]["note"]["length"]["max"] == len("many words stand here a10")


def test_a_profile_of_missing_cells_says_so():
    schema, table = learned()
    empty = apply(schema, take_in({"other": [1.0]}), on_missing="impute").table
    found = profile(schema, empty)["columns"]
    assert {column["missing"] for column in found.values()} == {1.0}
    assert profile(schema, table.take(slice(0, 0)))["n_rows"] == 0


def test_a_schema_survives_json():
    schema, _ = learned()
    data = json.loads(json.dumps(to_json(schema), allow_nan=False))
    assert from_json(data) == schema


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 99},
        {"features": [{"name": "a"}]},
        {"features": [{"name": "a", "kind": "sound", "levels": []}]},
        {"features": 5},
        {"dropped": [{}]},
    ],
)
def test_what_is_no_schema_is_refused(damage):
    data = to_json(learned()[0]) | damage
    with pytest.raises(InputError) as caught:
        from_json(data)
    assert caught.value.code == "E_SCHEMA_JSON"


def test_a_schema_of_tomorrow_may_say_more():
    data = to_json(learned()[0])
    data["features"][0]["colour"] = "red"
    assert from_json(data) == learned()[0]
