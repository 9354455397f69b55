"""A task that a third party gives goes wherever a built-in one goes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import automl
from automl.data.columns import Columns
from automl.data.given import separate
from automl.errors import DataError
from automl.plugin.discovery import discover
from automl.plugin.selection import Plugins
from automl.search.question import choose_task

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "automl-plugin-counts"
FEW = automl.Budget(trials=2)
ASKED = automl.Strategy(task="count", isolation="none")
POISSON = "poisson_linear"


def visits(n_rows=200):
    rng = np.random.default_rng(0)
    size, color = rng.normal(size=n_rows), rng.choice(["red", "blue"], n_rows)
    return {"size": size, "color": color}, rng.poisson(np.exp(0.7 * size + (color == "red")))


@pytest.fixture(scope="module")
def counts():
    """The module of the example, handed over in code."""
    spec = importlib.util.spec_from_file_location("automl_counts", EXAMPLE / "automl_counts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["automl_counts"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["automl_counts"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the command line where the example is installed, or where it is not."""
    site, work = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    shutil.copy(EXAMPLE / "automl_counts.py", site)
    info = site / "automl_plugin_counts-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: automl-plugin-counts\nVersion: 0.1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text("[automl]\ncounts = automl_counts\n", encoding="utf-8")
    x, y = visits()
    rows = zip(x["size"].tolist(), x["color"].tolist(), y.tolist(), strict=True)
    text = "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    (work / "visits.csv").write_text(f"size,color,visits\n{text}", encoding="utf-8")

    def call(*words, installed=True):
        return subprocess.run(
            [sys.executable, "-c", "from automl.cli import main; main()", *words],
            cwd=work,
            env={**os.environ, "PYTHONPATH": str(site) if installed else ""},
            capture_output=True,
            text=True,
        )

    return call


def test_it_runs_through_the_engine_and_the_estimator(counts, tmp_path):
    x, y = visits()
    plugins = [POISSON, counts]
    result = automl.fit(x, y, budget=FEW, plugins=plugins, strategy=ASKED)
    predictor = result.predictor
    assert predictor.task.name == "count"
    assert predictor.metric.name == "poisson_deviance"
    assert "of the rows are 0" in predictor.info["lines"][0]
    assert predictor.predict(x).min() > 0
    scores = predictor.evaluate(x, y)
    assert scores["poisson_deviance"] < result.leaderboard.rows[-1].cv_score
    predictor.save(tmp_path / "model")
    loaded = automl.load(tmp_path / "model", plugins=[counts])
    assert loaded.evaluate(x, y) == scores
    frame = np.column_stack([x["size"], x["color"] == "red"])
    model = automl.AutoMLRegressor(budget=FEW, plugins=plugins, strategy=ASKED).fit(frame, y)
    assert model.predictor_.task.name == "count"
    assert model.predict(frame).min() > 0


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 1, -2] * 10, "negative numbers in 10 rows, such as -2"),
        ([0.0, 1.0, 2.5] * 10, "fractions in 10 rows, such as 2.5"),
        (["no", "some", "many"] * 10, "no numbers, such as 'no'"),
    ],
)
def test_what_is_no_count_is_refused_with_the_reason(counts, labels, reason):
    x = {"size": np.arange(30.0)}
    with pytest.raises(DataError, match=reason) as caught:
        automl.fit(x, np.array(labels), budget=FEW, plugins=[POISSON, counts], strategy=ASKED)
    assert caught.value.code == "E_DATA_COUNT"


@pytest.mark.parametrize(
    ("name", "labels", "task"),
    [
        ("n_claims", [0, 1, 2, 3, 0, 0, 1, 0, 5, 100], "count"),
        ("visitCount", [0, 1, 2, 3, 0, 0, 1, 0, 5, 100], "count"),
        ("discount", [0, 1, 2, 3, 0, 0, 1, 0, 5, 100], "regression"),
        ("price", [0, 1, 2, 3, 0, 0, 1, 0, 5, 100], "regression"),
        ("n_claims", [0, 1, 2, 3, 0, 0, 1, 0, 5, 30.5], "regression"),
        ("n_claims", [0, 1, 0, 1, 0, 0, 1, 0, 1, 1], "binary"),
    ],
)
def test_no_target_is_taken_unless_numbers_and_name_say_so(counts, name, labels, task):
    given = separate({"size": np.zeros(100), name: np.array(labels * 10)}, name, Columns())
    assert choose_task(given, None, discover(Plugins.of([counts]))).name == task


def test_it_runs_through_the_command_line_and_new_processes(run):
    words = ["fit", "visits.csv", "visits", "--task", "count", "--trials", "1", "--jobs", "1"]
    fitted = run(*words, "--only", POISSON, "--out", "model", "--json")
    assert fitted.returncode == 0, fitted.stderr
    said = json.loads(fitted.stdout)
    assert (said["task"], said["metric"]) == ("count", "poisson_deviance")
    assert "of the rows are 0" in said["lines"][0]
    judged = run("evaluate", "model", "visits.csv")
    assert judged.returncode == 0, judged.stderr
    assert "The fifth with the highest answers" in judged.stdout
    gone = run("evaluate", "model", "visits.csv", installed=False)
    assert gone.returncode == 2
    assert "pip install automl-plugin-counts" in gone.stderr


@pytest.mark.slow
def test_it_passes_the_kit(run):
    checked = run("check", "count")
    assert checked.returncode == 0, checked.stdout
    assert "A whole run" in checked.stdout
