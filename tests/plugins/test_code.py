"""The program that learns a model again: what it holds, that it runs, and that it is the recipe."""

from __future__ import annotations

import ast
import csv
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import automl
import automl_code
from automl.errors import ExportError, PluginError
from automl.plugin import LEVELS, Algorithm, Code
from automl.plugin.selection import Plugins
from automl.testing.exporting import small_model
from automl_code.copied import copies

QUICK = {"budget": automl.Budget(trials=1), "n_jobs": 1}


def learned(algorithm, source, target, **more):
    plugins = Plugins(only=(algorithm,), without=("listener:*",), **more)
    strategy = automl.Strategy(folds=2, isolation="none")
    return automl.fit(source, target, plugins=plugins, strategy=strategy, **QUICK).predictor


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-I", "-B", "-c", PROGRAM, str(folder / "train.py"), *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder.parent,
    )


PROGRAM = """
import runpy, sys
class NoOurs:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("automl"):
            raise ImportError(name)
sys.meta_path.insert(0, NoOurs())
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("train.py")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "linear", ("number", "category", "date"))


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return model.export("code", tmp_path_factory.mktemp("code") / "out")


def test_the_folder_holds_a_program_that_knows_no_automl(exported):
    assert {"README.md", "requirements.txt", "schema.json", "tables.py", "train.py"} <= {
        *exported.files
    }
    for path in exported.path.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", "") or "", *(one.name for one in node.names)]
                assert not any(name.startswith("automl") for name in names), path
    train = (exported.path / "train.py").read_text(encoding="utf-8")
    assert "LogisticRegression(" in train
    assert "SimpleImputer(" in train
    pins = (exported.path / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("scikit-learn==") for line in pins)
    assert not any("automl" in line for line in pins)


def test_the_note_says_how_near_the_twin_was(exported):
    note = json.loads((exported.path / "export.json").read_text(encoding="utf-8"))
    assert note["verified"]["rows"] == 400
    assert note["verified"]["largest_difference"] < 0.01


def test_the_program_learns_scores_and_predicts_without_automl(model, exported, tmp_path):
    rows = model.info["sample"]["rows"] * 10
    labels = model.predict(model.info["sample"]["rows"]).tolist() * 10
    labels[:2] = sorted(model.classes_.tolist())
    table, said = tmp_path / "table.csv", tmp_path / "said.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], model.target])
        writer.writeheader()
        writer.writerows(
            {**row, model.target: label} for row, label in zip(rows, labels, strict=True)
        )
    done = run(exported.path, table, "--predict", table, "--out", said)
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout
    with said.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert len(found) == len(rows)
    assert {row["prediction"] for row in found} <= set(model.classes_)
    shares = [[float(row[f"probability_{one}"]) for one in model.classes_] for row in found]
    assert np.allclose(np.sum(shares, axis=1), 1.0)


@pytest.mark.slow
def test_a_blend_is_written_part_by_part(tmp_path):
    rng = np.random.default_rng(0)
    n = 300
    table = {
        "x": rng.normal(size=n),
        "city": [["Oslo", "Rome", None, "Bonn"][k] for k in rng.integers(0, 4, n)],
        "note": [f"item {k} is {'good' if k % 3 else 'bad'} in part {k % 7}" for k in range(n)],
    }
    y = table["x"] + np.arange(n) % 3 + 0.1 * rng.normal(size=n)
    result = automl.fit(
        table,
        y,
        budget=automl.Budget(trials=6),
        n_jobs=1,
        plugins=Plugins(
            only=("lightgbm", "xgboost", "linear", "extra_trees"), without=("listener:*",)
        ),
        strategy=automl.Strategy(folds=2, isolation="none"),
    )
    out = result.predictor.export("code", tmp_path / "out")
    train = (out.path / "train.py").read_text(encoding="utf-8")
    assert train.count("def part_") == len(result.predictor.parts)
    assert out.largest_difference <= 0.01


def test_what_does_not_say_how_it_is_written_is_refused_by_name(model, tmp_path):
    silent = replace(model.catalog.algorithms["linear"], name="silent", code=None)
    rows = model.info["sample"]["rows"] * 4
    answers = ["yes" if (row["number_0"] or 0) > 0 else "no" for row in rows]
    with pytest.warns(automl.errors.AutoMLWarning):
        given = learned("silent", rows, answers, add=(silent,))
    with pytest.raises(ExportError, match="algorithm 'silent'") as caught:
        given.export("code", tmp_path / "out")
    assert caught.value.code == "E_EXPORT_REFUSED"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_code_that_learns_something_else_is_found_out(model, tmp_path):
    def wrong(estimators):
        return Code(place="sklearn.dummy:DummyClassifier", kwargs={"strategy": "prior"})

    liar = replace(model.catalog.algorithms["linear"], name="liar", code=wrong)
    rows = model.info["sample"]["rows"] * 4
    answers = ["yes" if (row["number_0"] or 0) > 0 else "no" for row in rows]
    with pytest.warns(automl.errors.AutoMLWarning):
        given = learned("liar", rows, answers, add=(liar,))
    with pytest.raises(ExportError) as caught:
        given.export("code", tmp_path / "out")
    assert caught.value.code == "E_EXPORT_DIFFERS"
    assert not list(tmp_path.iterdir())


def test_what_is_wrapped_says_its_code_by_itself():
    from sklearn.ensemble import RandomForestRegressor

    made = Algorithm.wrap("mine", regressor="sklearn.ensemble:RandomForestRegressor")
    assert made.code is not None
    code = made.code([RandomForestRegressor(n_estimators=7), RandomForestRegressor(n_estimators=9)])
    assert code == Code(place="sklearn.ensemble:RandomForestRegressor", kwargs={"n_estimators": 8})
    assert code.make().n_estimators == 8


def test_code_holds_plain_values_and_knows_its_place():
    with pytest.raises(PluginError, match="written down"):
        Code(place="a.b:C", kwargs={"x": object()})
    with pytest.raises(PluginError, match=r"package\.module:Name"):
        Code(place="a.b.C")
    held = Code(place="collections:deque", args=(LEVELS,)).make([["a"], ["b"]])
    assert list(held) == [["a"], ["b"]]


def test_copies_hold_what_is_called_and_nothing_else():
    texts = copies([("automl_prepare.codes", "TargetMean"), ("automl_mlp.network", "Network")])
    assert set(texts) == {
        *("codes.py", "network.py", "learning.py", "slopes.py", "encoding.py"),
        *("boosting.py", "rounds.py"),
    }
    assert "class TargetMean" in texts["codes.py"]
    assert "class OneHot" not in texts["codes.py"]
    assert "def lineage" not in texts["codes.py"]
    assert "from steps.rounds import Patience" in texts["learning.py"]
    assert not any("automl" in text for text in texts.values())
    for name, text in texts.items():
        compile(text, name, "exec")


def test_reading_a_table_takes_cells_as_the_model_does(tmp_path):
    pandas = pytest.importorskip("pandas")
    from automl_code.beside.tables import MISSING, UNSEEN, Schema, codes, numbers, seconds

    said = pandas.Series(["1,234.5", " 7 ", "$3", "5 %", "", "abc", "1e3", "true", None])
    assert np.allclose(
        numbers(said), [1234.5, 7, 3, 5, np.nan, np.nan, 1000, 1, np.nan], equal_nan=True
    )
    assert np.allclose(numbers(pandas.Series(["1.234,5", "0,125"]), comma=True), [1234.5, 0.125])
    told = codes(pandas.Series(["a", " a ", "b", "NA", None]), ["a"])
    assert told.tolist() == [0, 0, UNSEEN, MISSING, MISSING]
    assert codes(pandas.Series([1.0, 2.0, np.nan]), ["1", "2"]).tolist() == [0, 1, MISSING]
    days = pandas.Series(["1970-01-02", "1970-01-02T00:00:01+00:00", "soon", None])
    assert np.allclose(seconds(days, "iso"), [86400, 86401, np.nan, np.nan], equal_nan=True)
    schema = Schema([{"name": "c", "kind": "category"}])
    schema.learn(pandas.DataFrame({"c": ["b", "a", None]}))
    assert schema.levels("category") == [["a", "b"]]


def test_the_exporter_is_listed():
    assert automl_code.automl_exporters()[0].refits


@pytest.mark.slow
def test_the_command_says_that_it_learns_again(model, tmp_path):
    model.save(tmp_path / "model")
    words = ["export", str(tmp_path / "model"), "--to", "code", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", "from automl.cli import main; main()", *words],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "It learns again" in done.stdout
    assert (tmp_path / "out" / "train.py").is_file()
