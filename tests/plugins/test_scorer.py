"""The standalone scorer: reads cells as the schema does, computes what the model does, alone."""

from __future__ import annotations

import csv
import json
import math
import runpy
import shutil
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import automl
import automl_scorer
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.data.schema import Feature, Schema
from automl.data.table import Kind
from automl.errors import ExportError
from automl.model.export import own_values, rows_to_compare
from automl.model.tuning import Temper, Weighing
from automl.plugin import Trees
from automl.plugin.formulas import (
    FUNCTIONS,
    Affine,
    Apply,
    Clip,
    Combine,
    Draft,
    Fill,
    Interpolate,
    IsMissing,
    Lookup,
    Product,
    Softmax,
    Sparse,
)
from automl.plugin.nearest import Nearest
from automl.plugin.selection import Plugins
from automl.testing.exporting import small_model
from automl.testing.trees import random_trees
from automl_neighbors import ALGORITHM

ALL = ("number", "category", "string", "text", "date")
OWN = Path(automl_scorer.__file__).parent


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """What reads cells, beside a copy of what reads strings, as in an export."""
    from automl.plugin.plain import strings

    folder = tmp_path_factory.mktemp("cells")
    (folder / "cells.py").write_bytes((OWN / "cells.py").read_bytes())
    (folder / "strings.py").write_bytes(Path(strings.__file__).read_bytes())
    return runpy.run_path(str(folder / "cells.py"))


@pytest.fixture(scope="module")
def computing():
    return runpy.run_path(str(OWN / "computing.py"))


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "linear", ALL)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return model.export("scorer", tmp_path_factory.mktemp("scorer") / "out").path


# Reading cells

WORDS = ["1", "1.0", "True", "0", "b", " b ", "B", "NA", "", "2.5e1", "25", "1,234", "5 %", "inf"]
WORDS += ["2024-02-29", "2024-02-29 13:45", "02/29/2024", "12-31-1999", "-", "none", "1899-12-31"]
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1)),
    st.dates(),
    st.decimals(allow_nan=True, allow_infinity=False, places=3, min_value=-9999, max_value=9999),
    st.timedeltas(),
    st.builds(list),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.int64, st.integers(-1000, 1000)),
)
SCHEMA = Schema(
    features=(
        Feature(name="n", kind=Kind.NUMBER, low=-5.0, high=1e9),
        Feature(name="scaled", kind=Kind.NUMBER, scale=1e3),
        Feature(name="c", kind=Kind.CATEGORY, levels=("1", "25", "b", "True", "x")),
        Feature(name="s", kind=Kind.STRING, levels=("False", "0.5", "b")),
        Feature(name="t", kind=Kind.TEXT),
        Feature(name="d", kind=Kind.DATE),
        Feature(name="e", kind=Kind.DATE, format="mdy"),
    )
)
NAMES = SCHEMA.learned


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(*[CELLS] * len(NAMES)), min_size=1, max_size=3))
@example(rows=[("1",) * len(NAMES), (Decimal("sNaN"),) * len(NAMES)])
def test_cells_are_read_as_the_schema_reads_them(cells, rows):
    columns = {name: [row[place] for row in rows] for place, name in enumerate(NAMES)}
    expected = apply(SCHEMA, take_in({n: list(c) for n, c in columns.items()})).table
    writer = automl_scorer._Writer({})
    features = [writer._feature(feature) for feature in SCHEMA.features]
    blocks = cells["blocks_of"](features, columns)
    for kind in Kind:
        found, known = blocks[kind.value], expected.block(kind)
        if kind is Kind.TEXT:
            assert found.tolist() == known.tolist()
        else:
            np.testing.assert_allclose(found, known, rtol=1e-12, atol=2e-6)


def test_a_decimal_comma_is_read_as_one(cells):
    feature = {"scale": 1.0, "format": ","}
    out = cells["numbers_of"](["1,5", "1.234,5", 2.5, None, "x"], feature)
    np.testing.assert_array_equal(out, [1.5, 1234.5, 2.5, np.nan, np.nan])


def test_cells_of_other_libraries_are_read(cells):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1, None], dtype="Int64").tolist()
    numbers = cells["numbers_of"]([*column, Decimal("2.5")], {"scale": 1.0, "format": ""})
    np.testing.assert_array_equal(numbers, [1, np.nan, 2.5])
    moments = [pandas.Timestamp("2024-01-01"), pandas.NaT]
    dates = cells["dates_of"](moments, {"scale": 1.0, "format": ""})
    np.testing.assert_array_equal(dates, [1704067200.0, np.nan])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({"a": [1, 2], "b": ["x", None], "z": [0, 0]}, {"a": [1, 2], "b": ["x", None]}),
        ({"a": 1, "b": "x"}, {"a": [1], "b": ["x"]}),
        ([{"a": 1}, {"a": 2, "b": "x"}], {"a": [1, 2], "b": [None, "x"]}),
        ({"a": np.array([1, 2]), "b": ("x", "y")}, {"a": [1, 2], "b": ["x", "y"]}),
        ([], {"a": [], "b": []}),
    ],
)
def test_rows_come_in_three_forms(cells, rows, expected):
    assert cells["columns_of"](rows, ["a", "b"]) == expected


def test_tables_of_other_libraries_are_taken(cells):
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    columns = {"a": [1, 2], "b": ["x", None]}
    for table in (pandas.DataFrame(columns), polars.DataFrame(columns)):
        found = cells["columns_of"](table, ["a", "b"])
        assert found["a"] == [1, 2]
        assert [cells["spelled"](cell) for cell in found["b"]] == ["x", None]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1, 2]], "a list of dicts"),
        ({"a": 1}, "missing: b"),
        ([{"a": 1}], "missing: b"),
        ({"a": [1], "b": [1, 2]}, "unequal"),
    ],
)
def test_rows_that_do_not_fit_are_refused(cells, rows, words):
    with pytest.raises(ValueError, match=words):
        cells["columns_of"](rows, ["a", "b"])


# Computing


def both(computing, formula, X):
    arrays = {}
    said = json.loads(json.dumps(automl_scorer._Writer(arrays)._formula(formula), allow_nan=False))
    return computing["computed"](computing["with_arrays"](said, arrays), X), formula.outputs(X)


def whole_formula(rng):
    """Return a formula with each operation, of three numbers and a code."""
    draft, three = Draft(4), np.arange(3)
    filled = draft.add(Fill(columns=three, values=rng.normal(size=3)))
    gone = draft.add(IsMissing(columns=three))
    line = draft.add(Affine(columns=filled, center=rng.normal(size=3), scale=np.full(3, 2.0)))
    made = [filled, gone, line, draft.add(Clip(columns=line, low=-np.inf, high=1.0))]
    made += [draft.add(Apply(columns=line, function=name)) for name in sorted(FUNCTIONS)]
    for how in ("sum", "difference", "product", "quotient"):
        made.append(draft.add(Combine(how=how, first=three, second=gone)))
    points = tuple(np.sort(rng.normal(size=n)) for n in (1, 4, 9))
    lines = Interpolate(columns=three, points=points, values=tuple(-one for one in points))
    made.append(draft.add(lines))
    made.append(draft.add(Lookup(column=3, table=rng.normal(size=(5, 2)))))
    sparse = Sparse(
        data=np.array([1.0, 2.0, 3.0]),
        indices=np.array([1, 0, 1]),
        starts=np.array([0, 1, 1, 3]),
        n_columns=2,
    )
    made.append(draft.add(Lookup(column=3, table=sparse)))
    made.append(draft.add(Product(columns=line, weights=rng.normal(size=(3, 2)), base=np.ones(2))))
    made.append(draft.add(Softmax(columns=line)))
    near = {"columns": filled, "rows": rng.integers(0, 3, (9, 3)).astype(np.float32), "floor": 0.1}
    for p, weighted in ((1, True), (2, False), (2, True)):
        values = rng.random((9, 2)) < 0.5
        made.append(draft.add(Nearest(**near, values=values, k=4, p=p, weighted=weighted)))
    return draft.formula(*made)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_operation_is_computed_as_it_is_meant(computing, seed):
    rng = np.random.default_rng(seed)
    X = rng.choice([0.0, -0.0, 1.0, np.nan, 1e30, -3.5, 1e-300], (20, 4))
    X[:, 3] = rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0, 9.0, np.nan], 20)
    found, expected = both(computing, whole_formula(rng), X)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", range(4))
def test_trees_are_walked_as_they_are_meant(computing, seed):
    trees = random_trees(seed, n_coded=seed)
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(size=(40, 6)), rng.integers(-2, 80, (40, 6)).astype(float)])
    X[rng.random(X.shape) < 0.1] = np.nan
    arrays = {}
    said = automl_scorer._Writer(arrays)._learned(trees)
    found = computing["said"](computing["with_arrays"](said, arrays), X)
    np.testing.assert_allclose(found, trees.values(X), atol=1e-12)
    assert isinstance(trees, Trees)


# The export

ALONE = """
import csv, json, sys
sys.path[:0] = sys.argv[1:3]
sys.modules["automl"] = None
import score
with open("rows.json", encoding="utf-8") as file:
    rows = json.load(file)
one = {name: cells[1] for name, cells in rows.items()}
listed = [dict(zip(rows, cells)) for cells in zip(*rows.values())]
answers = [score.predict(rows), score.predict(listed), score.predict_proba(rows)]
answers += [score.predict_proba(one), score.predict([])]
tops = sorted({name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))
print(json.dumps({"answers": [one.tolist() for one in answers], "loaded": tops}))
"""


def test_it_predicts_where_there_is_nothing_but_numpy(model, folder, tmp_path):
    rows = rows_to_compare(model)
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    numpy_alone = str(Path(np.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, str(folder), numpy_alone],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
    )
    assert not ran.returncode, ran.stderr
    said = json.loads(ran.stdout)
    assert set(said["loaded"]) <= {"automl", "numpy", "score"} | {"__main__", "_distutils_hack"}
    own = own_values(model, rows)
    labels, listed, values, one, nothing = said["answers"]
    np.testing.assert_allclose(values, own, atol=1e-9)
    np.testing.assert_allclose(one, own[1:2], atol=1e-9)
    assert labels == listed == model.classes[model.task.decide(own)].tolist()
    assert nothing == []


def test_the_command_writes_a_line_for_each_row(model, folder, tmp_path):
    rows = {name: cells[:20] for name, cells in rows_to_compare(model).items()}
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    words = [sys.executable, "-I", str(folder / "score.py")]
    ran = subprocess.run([*words, str(tmp_path / "rows.csv"), "--proba"], capture_output=True)
    assert not ran.returncode, ran.stderr
    header, *lines = csv.reader(ran.stdout.decode().splitlines())
    assert header == ["prediction", *(f"probability_{label}" for label in model.classes)]
    np.testing.assert_allclose(
        [[float(cell) for cell in line[1:]] for line in lines], own_values(model, rows), atol=1e-9
    )
    broken = tmp_path / "broken.csv"
    broken.write_text("a,b\n1\n", encoding="utf-8")
    for file, reason in ((broken, b"line 2"), (tmp_path / "none.csv", b"none.csv")):
        ran = subprocess.run([*words, str(file)], capture_output=True)
        assert ran.returncode == 2
        assert ran.stderr.startswith(b"error: ")
        assert reason in ran.stderr
        assert b"Traceback" not in ran.stderr


def test_a_number_is_predicted(tmp_path):
    model = small_model("regression", "linear", ("number", "category", "date"))
    folder = model.export("scorer", tmp_path / "out").path
    score = runpy.run_path(str(folder / "score.py"))
    rows = rows_to_compare(model)
    np.testing.assert_allclose(score["predict"](rows), own_values(model, rows), rtol=1e-9)
    with pytest.raises(ValueError, match="no probabilities"):
        score["predict_proba"](rows)
    assert score["classes"]() == []


def test_what_was_tuned_is_applied(model, folder, tmp_path):
    out = tmp_path / "tuned"
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("__pycache__"))
    text = (out / "model.json").read_text(encoding="utf-8")
    rows = rows_to_compare(model)
    own = own_values(model, rows)
    for tuned in (Weighing(weights=(0.25, 4.0)), Temper(power=2.0)):
        said = json.loads(text) | asdict(tuned)
        (out / "model.json").write_text(json.dumps(said), encoding="utf-8")
        score = runpy.run_path(str(out / "score.py"))
        np.testing.assert_allclose(score["predict_proba"](rows), tuned.values(own), atol=1e-9)
        labels = model.classes[tuned.of(model.plain_task).decide(tuned.values(own))]
        assert score["predict"](rows).tolist() == labels.tolist()


def test_no_file_of_it_can_run_code_when_it_is_read(folder):
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {
        ".py",
        ".json",
        ".npz",
        ".md",
    }
    with np.load(folder / "model.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)
    text = (folder / "model.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_what_has_no_table_is_named_before_the_work_starts(tmp_path):
    silent = replace(ALGORITHM, name="silent", formula=None)
    model = learned_by(silent, "multiclass")
    with pytest.raises(ExportError, match=r"'silent' .* \(100% of the blend\)") as info:
        model.export("scorer", tmp_path / "out")
    assert info.value.code == "E_EXPORT_REFUSED"
    assert not (tmp_path / "out").exists()


def learned_by(algorithm, task):
    """Return a model of columns in which many rows are equally far from others."""
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.integers(0, 3, 90).tolist(),
        "b": rng.choice(["x", "y", "z"], 90).tolist(),
        "c": rng.normal(size=90).round(1).tolist(),
    }
    y = np.array(columns["a"]) + 0.3 * rng.integers(0, 4, 90)
    target = y.tolist() if task == "regression" else (y > y.mean()).astype(int) + (y > 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return automl.fit(
            columns,
            list(target),
            budget=automl.Budget(trials=1),
            plugins=Plugins(only=(algorithm.name,), without=("listener:*",), add=(algorithm,)),
            n_jobs=1,
            strategy=automl.Strategy(task=task, folds=2, isolation="none"),
        ).predictor


@pytest.mark.parametrize(
    ("task", "weights", "p"), [("multiclass", "uniform", 1), ("regression", "distance", 2)]
)
def test_neighbours_are_exported_where_many_are_equally_far(task, weights, p, tmp_path):
    start = {"n_neighbors": 7, "weights": weights, "p": p}
    model = learned_by(replace(ALGORITHM, starts=(start,)), task)
    assert dict(model.parts[0].candidate.params) == start
    assert model.export("scorer", tmp_path / "out").largest_difference < 1e-6


def test_training_rows_of_more_than_a_size_are_refused(monkeypatch, tmp_path):
    model = learned_by(ALGORITHM, "regression")
    model.export("scorer", tmp_path / "small")
    monkeypatch.setattr("automl.plugin.plain.MOST_KEPT", 200)
    with pytest.raises(ExportError, match=r"training rows of more than 200 cells.*100%"):
        model.export("scorer", tmp_path / "large")


def test_what_is_said_beyond_the_bounds_is_bounded_alike(folder):
    bounded = runpy.run_path(str(folder / "score.py"))["bounded"]
    x = np.array([-5.0, 0.5, 5.0])
    assert bounded(x, 0.0, 1.0, None).tolist() == x.tolist()
    assert bounded(x, 0.0, 1.0, 0.0).tolist() == [0.0, 0.5, 1.0]
    assert bounded(x, 0.0, 1.0, 0.1)[2] == pytest.approx(1.0 + 0.1 * math.tanh(40.0))
