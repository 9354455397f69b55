"""58 odd tables, the right answer to each, and what three other engines answered.

Each starts from 300 rows of two numbers and a category, and 60 rows to predict. A case changes them
and says what has to come of it. The answers of others were measured with default settings and three
families of models each; of mljar some cases were not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

FIT, PREDICT = 300, 60

NOT_RUN = "-"

OK = "ok"


@dataclass(slots=True)
class Given:
    """What is learned from, and what is predicted."""

    x: pd.DataFrame
    y: pd.Series
    new: pd.DataFrame
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(2))

    def add(self, name: str, cells: Any, new: Any) -> None:
        """Give both tables a column more."""
        self.x[name] = cells
        self.new[name] = new

    def rename(self, names: Any) -> None:
        """Give the columns of both tables other names."""
        self.x.columns = self.new.columns = names


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One odd table.

    Parameters
    ----------
    name : str
    right : str
        The right answer, in words.
    change : callable (Given) -> None
    fit : str, default=""
        Code with which learning warns of it.
    new : str, default=""
        Code with which predicting warns of it.
    refused : str, default=""
        Code of the error, where there is to be one, and ``predict`` where that refuses.
    constant : bool, default=False
        Whether only the constant answer is right.
    others : tuple of str
        What FLAML 2.7.0, AutoGluon 1.6.3 and mljar 1.3.2 did.
    """

    name: str
    right: str
    change: Callable[[Given], None]
    fit: str = ""
    new: str = ""
    refused: str = ""
    constant: bool = False
    others: tuple[str, str, str] = (OK, OK, OK)


def table() -> Given:
    """Return the tables before they are changed."""

    def rows(n: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
        random = np.random.default_rng(seed)
        x = pd.DataFrame(
            {
                "x1": random.normal(size=n),
                "x2": random.normal(size=n),
                "c": random.choice(["a", "b", "c"], n),
            }
        )
        hidden = x["x1"] + x["x2"] / 2 + (x["c"] == "a") + random.normal(size=n) / 2
        return x, (hidden > 0).astype(int).rename("y")

    x, y = rows(FIT, 0)
    return Given(x=x, y=y, new=rows(PREDICT, 1)[0])


def _set(where: str, column: str, cells: dict[int, Any]) -> Callable[[Given], None]:
    def change(given: Given) -> None:
        for row, cell in cells.items():
            getattr(given, where).loc[row, column] = cell

    return change


def _scaled(factor: float) -> Callable[[Given], None]:
    def change(given: Given) -> None:
        given.x["x1"] *= factor
        given.new["x1"] *= factor

    return change


def _first(n: int, labels: list[int] | None = None) -> Callable[[Given], None]:
    def change(given: Given) -> None:
        given.x = given.x.iloc[:n]
        given.y = given.y.iloc[:n] if labels is None else pd.Series(labels)

    return change


def _named(*names: Any) -> Callable[[Given], None]:
    return lambda given: given.rename(list(names))


def _with(name: str, cells: Callable[[int], Any], new: Callable[[int], Any] | None = None) -> Any:
    return lambda given: given.add(name, cells(FIT), (new or cells)(PREDICT))


def _labels(make: Callable[[pd.Series], Any]) -> Callable[[Given], None]:
    def change(given: Given) -> None:
        given.y = pd.Series(make(given.y))

    return change


def _cycle(*cells: Any) -> Callable[[int], list[Any]]:
    return lambda n: (list(cells) * n)[:n]


def _zero(given: Given) -> None:
    given.x, given.new = given.x[[]], given.new[[]]


def _unseen_category(given: Given) -> None:
    given.x["c"] = given.x["c"].astype("category")
    given.new.loc[0:9, "c"] = "ZZZ"
    given.new["c"] = given.new["c"].astype("category")


def _as_strings(given: Given) -> None:
    given.new["x1"] = given.new["x1"].astype(str)


def _garbage(given: Given) -> None:
    _as_strings(given)
    given.new.loc[2, "x1"] = "oops"


def _leak(given: Given) -> None:
    given.add("leak", given.y * 1.0, 0.0)


def _missing_labels(given: Given) -> None:
    given.y = given.y.astype(float)
    given.y.iloc[:20] = np.nan


def _infinite_target(given: Given) -> None:
    given.y = given.x["x1"] * 2
    given.y.iloc[3] = np.inf


def _lone_class(given: Given) -> None:
    given.y.iloc[0] = 9


def _imbalance(given: Given) -> None:
    given.y[:] = 0
    given.y.iloc[[1, 50, 200]] = 1


def _nullable(given: Given) -> None:
    for frame, n in ((given.x, FIT), (given.new, PREDICT)):
        frame["x1"] = frame["x1"].astype("Float64")
        frame["i"] = pd.array(_cycle(1, None, 3)(n), dtype="Int64")
        frame["b"] = pd.array(_cycle(True, None, False)(n), dtype="boolean")
    given.x.loc[3, "x1"] = pd.NA


def _wide(given: Given) -> None:
    names = [f"f{number}" for number in range(2_000)]
    given.x = pd.DataFrame(given.random.normal(size=(50, 2_000)), columns=names)
    given.y = pd.Series(given.random.integers(0, 2, 50))
    given.new = pd.DataFrame(given.random.normal(size=(20, 2_000)), columns=names)


def _index(given: Given) -> None:
    given.x.index = given.y.index = pd.Index([0] * FIT)


def _other_index(given: Given) -> None:
    given.y.index = pd.RangeIndex(1_000, 1_000 + FIT)


def _longer(given: Given) -> None:
    given.y = pd.concat([given.y, given.y.iloc[:5]], ignore_index=True)


def _arrow(given: Given) -> None:
    for frame in (given.x, given.new):
        frame["c"] = frame["c"].astype("string[pyarrow]")


def _times(start: str, zone: str | None = None) -> Callable[[int], Any]:
    return lambda n: pd.date_range(start, periods=n, freq="h", tz=zone)


def _gap(given: Given) -> None:
    given.add("t", _times("2020")(FIT), pd.NaT)
    given.x.loc[5, "t"] = pd.NaT


def _integers(given: Given) -> None:
    given.add("i", given.random.integers(0, 9, FIT), given.random.integers(0, 9, PREDICT) * 1.0)
    given.new.loc[5, "i"] = np.nan


def _codes(given: Given) -> None:
    given.add(
        "g", given.random.choice(["1", "2", "3"], FIT), given.random.choice([1, 2, 3], PREDICT)
    )


def _drop(given: Given) -> None:
    given.new = given.new.drop(columns="x2")


def _more(given: Given) -> None:
    given.new["zz"] = 1


def _turned(given: Given) -> None:
    given.new = given.new[["c", "x2", "x1"]]


def _few_new(n: int) -> Callable[[Given], None]:
    def change(given: Given) -> None:
        given.new = given.new.iloc[:n]

    return change


def _complex(given: Given) -> None:
    given.add("z", given.x["x1"] + 1j, given.new["x1"] + 1j)


NO_MODEL = "AutoMLException: No models produced"

CASES = tuple(
    Case(name=name, right=right, change=change, **more)
    for name, right, change, more in (
        ("ok", "works", lambda given: None, {}),
        ("all_nan_col", "works, said", _with("n", _cycle(np.nan)), {"fit": "W_DATA_ALL_MISSING"}),
        (
            "all_nan_col_test_has_values",
            "works, said",
            _with("n", _cycle(np.nan), _cycle(1.0)),
            {"fit": "W_DATA_ALL_MISSING"},
        ),
        ("const_col", "works, said", _with("k", _cycle(7)), {"fit": "W_DATA_CONSTANT"}),
        (
            "single_class_target",
            "the constant, said",
            _labels(lambda y: y * 0 + 1),
            {
                "constant": True,
                "fit": "W_DATA_ONE_CLASS",
                "others": (
                    "predict: TypeError: len() of unsized object",
                    "fit: AssertionError: num_classes must be >=2",
                    f"fit: {NO_MODEL}",
                ),
            },
        ),
        (
            "constant_reg_target",
            "the constant, said",
            _labels(lambda y: y * 0 + 3.5),
            {"constant": True, "fit": "W_DATA_ONE_CLASS"},
        ),
        (
            "zero_rows",
            "refused",
            _first(0),
            {
                "refused": "E_DATA_EMPTY",
                "others": (
                    "fit: AssertionError: Input data must not be empty",
                    "fit: ValueError: Label column cannot have 0 valid values",
                    NOT_RUN,
                ),
            },
        ),
        (
            "one_row",
            "refused, or the constant",
            _first(1),
            {
                "refused": "E_DATA_SPLIT",
                "others": (
                    "fit: LightGBMError: Forced splits file includes feature index 0",
                    "fit: ValueError: Cannot split data into train/val as it contains only one",
                    f"fit: {NO_MODEL}",
                ),
            },
        ),
        ("five_rows", "works, said", _first(5, [0, 1, 0, 1, 1]), {"fit": "W_DATA_FEW_ROWS"}),
        (
            "class_with_1_member",
            "works, said; the class stays in `classes_`",
            _lone_class,
            {"fit": "W_DATA_RARE_CLASS"},
        ),
        (
            "zero_feature_cols",
            "the constant, said",
            _zero,
            {
                "constant": True,
                "fit": "W_DATA_NO_FEATURES",
                "others": (
                    "fit: AssertionError: Input data must not be empty",
                    "fit: RuntimeError: No models were trained successfully during fit()",
                    NOT_RUN,
                ),
            },
        ),
        (
            "duplicate_cols",
            "works under new names, said",
            _named("a", "a", "c"),
            {
                "fit": "W_DATA_NAMES",
                "others": (
                    "fit: AttributeError: 'DataFrame' object has no attribute 'dtype'",
                    "fit: ValueError: Column names are not unique",
                    "fit: ValueError: Cannot index with multidimensional key",
                ),
            },
        ),
        ("int_col_names", "works", _named(0, 1, 2), {}),
        (
            "mixed_type_col_names",
            "works",
            _named(0, "x2", ("t", 1)),
            {"others": ("fit: TypeError: Feature names are only supported if all", OK, OK)},
        ),
        (
            "json_char_col_names",
            "works",
            _named("a[0]", 'b{x}:"q"', "c,d"),
            {"others": ("fit: LightGBMError: Do not support special JSON characters", OK, OK)},
        ),
        ("unicode_emoji_names", "works", _named("na\u00efve \U0001f600", "\u6570", "\u202er"), {}),
        (
            "inf_in_train",
            "works, said",
            _set("x", "x1", {3: np.inf, 4: -np.inf}),
            {
                "fit": "W_DATA_INFINITE",
                "others": ("fit: ValueError: Input X contains infinity", OK, OK),
            },
        ),
        (
            "inf_in_test_only",
            "works, the row is flagged",
            _set("new", "x1", {3: np.inf}),
            {
                "new": "W_SCHEMA_INFINITE",
                "others": ("predict: ValueError: Input X contains infinity", OK, OK),
            },
        ),
        ("nan_in_test_only", "works", _set("new", "x1", {3: np.nan, 4: np.nan}), {}),
        ("int_train_nan_test", "works", _integers, {}),
        (
            "scale_1e300",
            "works",
            _scaled(1e300),
            {"others": ("fit: ValueError: Input X contains infinity", OK, OK)},
        ),
        ("scale_1e-300", "works", _scaled(1e-300), {}),
        (
            "mixed_type_column",
            "works, said",
            _with("m", _cycle(1, "a", None, 2.5, b"z", True), _cycle(1, "q", None)),
            {
                "fit": "W_DATA_MIXED_TYPES",
                "others": (
                    "fit: ValueError: Circular reference detected",
                    OK,
                    "fit: TypeError: '<' not supported between 'str' and 'bool'",
                ),
            },
        ),
        (
            "unseen_category",
            "works, the rows are flagged",
            _set("new", "c", dict.fromkeys(range(10), "ZZZ")),
            {"new": "W_SCHEMA_UNSEEN"},
        ),
        (
            "category_dtype_unseen",
            "works, the rows are flagged",
            _unseen_category,
            {"new": "W_SCHEMA_UNSEEN"},
        ),
        (
            "missing_col_at_predict",
            "refused, naming the column; works where the caller asks for it",
            _drop,
            {
                "refused": "E_SCHEMA_COLUMNS predict",
                "others": (
                    "predict: KeyError: \"['x2'] not in index\"",
                    "predict: KeyError: 1 required columns are missing",
                    "predict: AutoMLException: Missing column: x2",
                ),
            },
        ),
        ("extra_col_at_predict", "works, said", _more, {"new": "W_SCHEMA_EXTRA"}),
        ("reordered_cols", "works, the same values", _turned, {}),
        (
            "numeric_arrives_as_str",
            "works, the same values, said",
            _as_strings,
            {"new": "W_SCHEMA_TYPE"},
        ),
        (
            "numeric_arrives_as_garbage_str",
            "works, that cell is missing and its row flagged, said",
            _garbage,
            {
                "new": "W_SCHEMA_UNREAD",
                "others": (
                    "predict: ValueError: Cannot use median strategy with non-numeric data",
                    "predict: ValueError: could not convert string to float: 'oops'",
                    "predict: ValueError: could not convert string to float: 'oops'",
                ),
            },
        ),
        ("cat_arrives_as_int", "works, the same values as of strings", _codes, {}),
        ("predict_1_row", "works, the same value as in the batch", _few_new(1), {}),
        (
            "predict_0_rows",
            "works, an empty result of the right shape",
            _few_new(0),
            {
                "others": (
                    "predict: ValueError: Found array with 0 sample(s)",
                    OK,
                    "predict: AutoMLException: Empty input dataset",
                )
            },
        ),
        (
            "high_cardinality_id",
            "works, said: it is not learned from",
            _with("id", lambda n: [f"u{n}-{i}" for i in range(n)]),
            {"fit": "W_DATA_IDENTIFIER"},
        ),
        ("leak_col", "works, said: too good to be true", _leak, {"fit": "W_DATA_LEAK"}),
        (
            "target_nan",
            "works without those rows, said with their number",
            _missing_labels,
            {
                "fit": "W_DATA_TARGET_MISSING",
                "others": (
                    OK,
                    "fit: ValueError: label column cannot contain non-finite values",
                    "predict: the type of the labels has changed",
                ),
            },
        ),
        (
            "target_inf_reg",
            "works without that row, said",
            _infinite_target,
            {
                "fit": "W_DATA_TARGET_INFINITE",
                "others": (
                    "fit: ValueError: Input y contains infinity",
                    "fit: ValueError: label column cannot contain non-finite values",
                    "fit: ValueError: Input X contains infinity",
                ),
            },
        ),
        ("target_bool", "works, labels come back as bool", _labels(lambda y: y.astype(bool)), {}),
        (
            "target_str_unicode",
            "works, labels come back as given",
            _labels(lambda y: y.map({0: "n\u00e4", 1: "ja \U0001f600"})),
            {},
        ),
        (
            "target_mixed",
            "refused, naming the types, or kept apart, said; never merged in silence",
            _labels(lambda y: [1, "1", 0, "0"] * 75),
            {
                "refused": "E_DATA_TARGET_TYPES",
                "others": (
                    "fit: TypeError: Encoders require their input argument must be uniformly",
                    OK,
                    "fit: TypeError: '<' not supported between 'str' and 'int'",
                ),
            },
        ),
        ("nullable_dtypes", "works", _nullable, {}),
        (
            "pyarrow_strings",
            "works",
            _arrow,
            {"others": ("fit: ImportError (its environment had no pyarrow)", OK, NOT_RUN)},
        ),
        (
            "tz_datetime",
            "works",
            _with("t", _times("2020", "Europe/Paris"), _times("2021", "UTC")),
            {},
        ),
        ("datetime_with_nat", "works", _gap, {}),
        (
            "timedelta",
            "works",
            _with("t", lambda n: pd.to_timedelta(np.arange(n), unit="h")),
            {"others": ("fit: DTypePromotionError: TimeDelta64DType", OK, NOT_RUN)},
        ),
        (
            "complex_col",
            "works without the column, said, or refused, naming it",
            _complex,
            {
                "fit": "W_DATA_UNUSABLE",
                "others": ("fit: ValueError: Complex data not supported", OK, NOT_RUN),
            },
        ),
        (
            "list_col",
            "works without the column, said",
            _with("l", lambda n: [[1, 2]] * n),
            {
                "fit": "W_DATA_UNUSABLE",
                "others": (
                    "fit: TypeError: unhashable type: 'list'",
                    "fit: TypeError: unhashable type: 'list'",
                    OK,
                ),
            },
        ),
        (
            "bytes_col",
            "works",
            _with("b", _cycle(b"\xff\xfe", b"a"), _cycle(b"a")),
            {"others": ("fit: ValueError: Circular reference detected", OK, NOT_RUN)},
        ),
        ("bool_col", "works", _with("b", _cycle(True, False), _cycle(1, 0)), {}),
        ("imbalance_3_of_300", "works, said", _imbalance, {"fit": "W_DATA_IMBALANCE"}),
        ("wide_2000x50", "works", _wide, {}),
        ("nonunique_index", "works", _index, {}),
        (
            "mismatched_index",
            "works by position, said",
            _other_index,
            {
                "fit": "W_DATA_INDEX",
                "others": (OK, "fit: ValueError: Label column cannot have 0 valid values", OK),
            },
        ),
        (
            "multiindex_cols",
            "works under flat names, said, or refused",
            lambda given: given.rename(pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])),
            {
                "fit": "W_DATA_NAMES",
                "others": (
                    "fit: AttributeError: 'ColumnTransformer' has no 'feature_names_in_'",
                    "fit: ValueError: does not contain label column",
                    NOT_RUN,
                ),
            },
        ),
        (
            "y_longer",
            "refused, with both lengths",
            _longer,
            {
                "refused": "E_DATA_LENGTHS",
                "others": (
                    "fit: AssertionError: # rows in X_train must match length of y_train",
                    "fit: AssertionError, without a word",
                    f"fit: {NO_MODEL}",
                ),
            },
        ),
        (
            "sparse_cols",
            "works",
            _with("s", lambda n: pd.arrays.SparseArray([0.0] * (n - 10) + [1.0] * 10)),
            {},
        ),
        (
            "huge_ints",
            "works, said (precision)",
            _with("h", _cycle(2**63 - 1, -(2**63), 2**53 + 1), _cycle(2**53 + 1)),
            {"fit": "W_DATA_PRECISION"},
        ),
        (
            "decimal_objects",
            "works",
            _with("d", _cycle(Decimal("1.1"), Decimal("NaN"), Decimal(2)), _cycle(Decimal(3))),
            {"others": ("fit: ValueError: Circular reference detected", OK, NOT_RUN)},
        ),
    )
)
