"""Tables with too little in them, and targets of every kind."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from small import N, base, learn, refused, repeated, told

import automl

case = pytest.mark.case
NEW = base(20, 1)[0]


@case("D01", "refused, `E_DATA_EMPTY`")
@pytest.mark.parametrize("table", [{"a": [], "y": []}, pd.DataFrame(columns=["a", "y"])])
def test_no_rows_are_refused(table):
    assert refused(table, "y").code == "E_DATA_EMPTY"


@case("D02", "refused, `E_DATA_SPLIT`: nothing could be held out")
@pytest.mark.parametrize("label", ["yes", 1.5])
def test_one_row_is_refused(label):
    assert refused({"a": [1.0], "y": [label]}, "y").code == "E_DATA_SPLIT"


@case("D03", "learned from, if only the constant, and said (`W_DATA_FEW_ROWS`)")
@pytest.mark.parametrize("n_rows", [2, 3, 5, 9])
@pytest.mark.parametrize("kind", ["class", "number"])
def test_few_rows_are_learned_from(n_rows, kind):
    x, y = base(n_rows)
    result, codes = learn(x, y if kind == "class" else np.arange(n_rows) / 4)
    assert "W_DATA_FEW_ROWS" in codes
    assert len(told(result.predictor, NEW)[0]) == 20


@case("D04", "the constant is predicted, said (`W_DATA_NO_FEATURES`)")
@case("D05", "the constant is predicted, said (`W_DATA_NO_FEATURES`)")
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (pd.DataFrame(index=range(N)), base()[1]),
        (np.zeros((N, 0)), base()[1]),
        ({"y": base()[1]}, "y"),
        ({"y": np.arange(N) / 7}, "y"),
    ],
)
def test_nothing_to_learn_from_is_answered_by_the_constant(x, y):
    result, codes = learn(x, y)
    assert "W_DATA_NO_FEATURES" in codes
    labels, _ = told(result.predictor, pd.DataFrame(index=range(4)))
    assert len(labels) == 4
    assert len(set(labels.tolist())) == 1


@case("D06", "refused, `E_DATA_TARGET_UNKNOWN`, with the nearest name")
@pytest.mark.parametrize("name", ["incme", "Income", " income", ("income", "x"), 7, "", None])
def test_a_target_that_is_not_there_is_refused(name):
    x, y = base()
    if isinstance(name, tuple):
        assert refused({**x, "income": y}, name).code == "E_DATA_LENGTHS"
        return
    error = refused({**x, "income": y}, name)
    assert error.code == "E_DATA_TARGET_UNKNOWN"
    if isinstance(name, str) and name:
        assert "'income'" in str(error)


@case("D07", "refused, `E_DATA_EMPTY`, where no row has a target")
@pytest.mark.parametrize("cell", [np.nan, None, np.inf, "", pd.NA, pd.NaT])
def test_a_target_without_values_is_refused(cell):
    assert refused(base()[0], [cell] * N).code == "E_DATA_EMPTY"


@case("D07", "rows without a target are left out and counted, never filled")
def test_rows_without_a_target_are_left_out():
    x, _ = base()
    y = np.abs(np.sin(np.arange(N)))
    y[:10], y[10:12] = np.nan, (np.inf, -np.inf)
    result, codes = learn(x, y)
    assert codes >= {"W_DATA_TARGET_MISSING", "W_DATA_TARGET_INFINITE"}
    said = {finding.code: finding.count for finding in result.findings}
    assert (said["W_DATA_TARGET_MISSING"], said["W_DATA_TARGET_INFINITE"]) == (10, 2)


@case("D08", "the constant is predicted, said (`W_DATA_ONE_CLASS`)")
@case("D09", "the constant is predicted, said (`W_DATA_ONE_CLASS`)")
@pytest.mark.parametrize("label", [3.5, 1, True, "a", "", "nan"])
def test_one_label_is_predicted(label):
    x, _ = base()
    if label == "":
        assert refused(x, [label] * N).code == "E_DATA_EMPTY"
        return
    result, codes = learn(x, [label] * N)
    labels, _ = told(result.predictor, NEW)
    assert "W_DATA_ONE_CLASS" in codes
    assert labels.tolist() == [label] * 20


@case("D10", "it stays in `classes_`, said (`W_DATA_RARE_CLASS`); its score says little")
@pytest.mark.parametrize("n_rare", [1, 3])
def test_a_class_of_one_row_stays(n_rare):
    x, y = base()
    y[:n_rare] = [f"rare {i}" for i in range(n_rare)]
    result, codes = learn(x, y)
    assert "W_DATA_RARE_CLASS" in codes
    assert len(result.predictor.classes_) == 2 + n_rare
    assert result.predictor.predict_proba(NEW).shape == (20, 2 + n_rare)


@case("D10", "where each row has a class of its own no column is said to tell it")
def test_classes_of_one_row_each_are_no_leak():
    _, codes = learn(base()[0], [f"c{i}" for i in range(N)])
    assert "W_DATA_RARE_CLASS" in codes
    assert "W_DATA_LEAK" not in codes


@case("D11", "learned from; classes that are rare are said")
@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [1000, 10_000])
def test_many_classes_are_learned_from(n_classes):
    x, _ = base(2 * n_classes)
    result, codes = learn(x, [f"class {i % n_classes}" for i in range(2 * n_classes)])
    assert "W_DATA_RARE_CLASS" in codes
    assert result.predictor.predict_proba(NEW).shape == (20, n_classes)


@case("D12", "learned from, said (`W_DATA_IMBALANCE`, `W_DATA_RARE_CLASS`)")
def test_three_positives_are_learned_from():
    x, _ = base(30_000)
    y = np.zeros(30_000, dtype=int)
    y[[5, 15_000, 29_000]] = 1
    result, codes = learn(x, y)
    assert codes >= {"W_DATA_IMBALANCE", "W_DATA_RARE_CLASS"}
    assert result.predictor.classes_.tolist() == [0, 1]


@case("D13", "few are taken as classes, many as numbers: listed (`W_DATA_TARGET_CLASSES`, ...)")
@pytest.mark.parametrize(
    ("y", "code", "dtype"),
    [
        (repeated([0, 1, 2]), "CLASSES", np.int64),
        (repeated([0.0, 1.0, 2.0]), "CLASSES", np.float64),
        (repeated(range(12)), "CLASSES", np.int64),
        (repeated([-1, 1]), "CLASSES", np.int64),
        (list(range(N)), "NUMBER", np.float64),
        (repeated([1.5, 2.5, 7.25, 8.0]), "NUMBER", np.float64),
        (repeated([2**62 + 1, 2**62 + 3]), "CLASSES", np.int64),
        (np.array(repeated([2**64 - 1, 5]), dtype=np.uint64), "CLASSES", np.uint64),
    ],
)
def test_what_numbers_are_taken_as_is_said(y, code, dtype):
    result, _ = learn(base()[0], y)
    labels, _ = told(result.predictor, NEW)
    assert f"W_DATA_TARGET_{code}" in {finding.code for finding in result.findings}
    assert labels.dtype == dtype
    if code == "CLASSES":
        assert set(labels.tolist()) <= set(np.asarray(y).tolist())


@case("D13", "`Columns(kinds=...)` decides otherwise")
@pytest.mark.parametrize("kind", ["number", "category"])
def test_the_user_decides_what_numbers_are(kind):
    x, _ = base()
    columns = automl.Columns(kinds={"y": kind})
    result, _ = learn({**x, "y": repeated([0, 1, 2])}, "y", columns=columns)
    assert (result.predictor.classes is None) == (kind == "number")


@case("D14", "labels of one type come back as they were given")
@pytest.mark.parametrize(
    "labels",
    [
        [True, False],
        ["näe", "ja 😀"],
        [" yes", "no "],
        ["nan", "ok"],
        ["None", "NA"],
        ["a\nb", "c,d"],
        ["a\0b", "\ud800"],
        ["<b>x</b>", "=cmd|'/C calc'!A0"],
        ["q" * 100_000, "b"],
        ["inf", "a"],
        ["01", "02"],
        [np.str_("a"), np.str_("b")],
        [np.True_, np.False_],
    ],
)
def test_labels_come_back_as_given(labels):
    result, _ = learn(base()[0], repeated(labels))
    got, _ = told(result.predictor, NEW)
    assert set(got.tolist()) <= set(labels)
    assert sorted(result.predictor.classes_.tolist()) == sorted(labels)


@case("D14", "truth values with gaps are truth values")
def test_truth_values_with_gaps_stay_truth_values():
    result, codes = learn(base()[0], np.array(repeated([True, np.nan, False]), dtype=object))
    assert codes == {"W_DATA_TARGET_MISSING"}
    assert result.predictor.classes_.tolist() == [False, True]


@case("D14", "labels that differ only by blanks, case or accents are kept apart, said")
@pytest.mark.parametrize("labels", [["yes", "yes "], ["Yes", "yes"], ["é", "e\u0301"]])
def test_labels_that_look_alike_are_said(labels):
    result, codes = learn(base()[0], repeated(labels))
    assert "W_DATA_LABELS" in codes
    assert len(result.predictor.classes_) == 2


@case("D14", "labels of several types, dates and objects are refused, `E_DATA_TARGET_TYPES`")
@pytest.mark.parametrize(
    "labels",
    [
        [1, "1"],
        [1, True],
        [True, "yes"],
        [enum.Enum("E", "A").A, "z"],
        [dt.date(2020, 1, 1), dt.date(2021, 1, 1)],
        [[1], [2]],
        [{"a": 1}, {"a": 2}],
        [1j, 2j],
        [(1, 2), (3,)],
        [object(), object()],
    ],
)
def test_labels_that_are_not_of_one_type_are_refused(labels):
    y = np.empty(N, dtype=object)
    y[:] = repeated(labels)
    assert refused(base()[0], y).code == "E_DATA_TARGET_TYPES"


@case("D14", "numbers and keys of other libraries are labels as well")
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([Decimal(1), Decimal(2)], [1.0, 2.0]),
        ([b"a", b"b"], ["a", "b"]),
        ([uuid.UUID(int=1), uuid.UUID(int=2)], [str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
        (pd.Categorical(["hi", "lo"], ["lo", "hi", "unused"], ordered=True), ["hi", "lo"]),
        (pd.Categorical([3, 5]), [3, 5]),
        (pd.arrays.SparseArray([0, 1]), [0, 1]),
        (pd.array([1, 2], dtype="Int64"), [1, 2]),
    ],
)
def test_labels_of_other_types(labels, expected):
    y = pd.Series(labels).repeat(N // 2).to_numpy() if isinstance(labels, list) else None
    y = labels.take(repeated([0, 1])) if y is None else y
    result, _ = learn(base()[0], y)
    assert result.predictor.classes_.tolist() == expected


@case("D15", "percentages and money are numbers, an order of words is classes, codes stay codes")
@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["1.5%", "20%", "3 %"], None),
        (["$1,234", "$99", "$5.5"], None),
        (["1.234,50 €", "3,10 €", "7,00 €"], None),
        (["low", "mid", "high"], ["high", "low", "mid"]),
        (["1st", "2nd", "3rd"], ["1st", "2nd", "3rd"]),
        (["1", "2", "3"], ["1", "2", "3"]),
        (["0-10", "10-20"], ["0-10", "10-20"]),
    ],
)
def test_numbers_written_as_strings_are_targets(labels, classes):
    result, _ = learn(base()[0], repeated(labels))
    got = result.predictor.classes
    assert (None if got is None else got.tolist()) == classes
