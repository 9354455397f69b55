"""The Docker build context: what is in it, and that its command says what the model says."""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest

import automl
import automl_docker
from automl.errors import ExportError
from automl.plugin.selection import Plugins
from automl.testing.exporting import small_model

QUICK = {"budget": automl.Budget(trials=1), "n_jobs": 1}
STRATEGY = automl.Strategy(folds=2, isolation="none")


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "naive_bayes", ("number", "category", "date"))


@pytest.fixture(scope="module")
def context(model, tmp_path_factory):
    return model.export("docker", tmp_path_factory.mktemp("docker") / "out").path


def learned(source, target, algorithm, task):
    plugins = Plugins(only=(algorithm,), without=("listener:*",))
    strategy = replace(STRATEGY, task=task)
    return automl.fit(source, target, plugins=plugins, strategy=strategy, **QUICK).predictor


def test_the_context_is_whole(context):
    names = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    assert names >= {
        "Dockerfile",
        "README.md",
        "export.json",
        "model/manifest.json",
        "requirements.txt",
        "wheels/README.md",
    }
    note = json.loads((context / "export.json").read_text(encoding="utf-8"))
    assert note["exporter"]["plugin"] == "docker"
    assert note["exporter"]["distribution"] == "pluggable-automl"
    assert note["verified"]["rows"] == 1064


def test_the_image_is_this_python_without_root_and_serves(context):
    lines = (context / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"FROM python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    assert 'ENTRYPOINT ["automl"]' in lines
    # A token is handed over at the start: `automl serve` refuses to listen to others without one.
    assert 'CMD ["serve", "/model", "--host", "0.0.0.0"]' in lines
    assert not any("TOKEN=" in line for line in lines)
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001"]
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert all((context / name).exists() for name in copied)


def test_requirements_are_pinned_to_what_is_installed(context):
    lines = (context / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.partition("  #")[0].split("==") for line in lines)
    assert {"pluggable-automl", "numpy", "scikit-learn", "scipy", "skops", "click"} <= set(pins)
    assert all(metadata.version(name) == version for name, version in pins.items())
    assert "pytest" not in pins
    if "serve" in metadata.metadata("pluggable-automl").get_all("Provides-Extra"):
        assert {"fastapi", "uvicorn"} <= set(pins)


def test_what_linux_needs_and_this_machine_has_not_is_stated_as_declared():
    assert automl_docker.requirements(["no-such-thing>=2"]) == "no-such-thing>=2\n"


def test_extras_are_followed():
    pins = automl_docker.requirements(["pluggable-automl[dev]"])
    assert re.search(r"^pytest==", pins, re.MULTILINE)


@pytest.mark.filterwarnings("ignore::automl.errors.AutoMLWarning")
def test_what_no_image_installs_is_refused_before_anything_is_written(model, tmp_path):
    naive = model.catalog.algorithms["naive_bayes"]
    mine = replace(naive, name="mine")
    plugins = Plugins(only=("mine",), without=("listener:*",), add=(mine,))
    rows = model.info["sample"]["rows"] * 4
    answers = ["yes" if (row["number_1"] or 0) > 0 else "no" for row in rows]
    given = automl.fit(rows, answers, plugins=plugins, strategy=STRATEGY, **QUICK).predictor
    with pytest.raises(ExportError, match="'mine' was handed over in code") as caught:
        given.export("docker", tmp_path / "out")
    assert caught.value.code == "E_EXPORT_REFUSED"
    assert not list(tmp_path.iterdir())


def test_a_task_that_decides_on_another_number_is_refused():
    numbers = small_model("regression", "linear", ("number",))
    rounding = replace(numbers.task, decide=np.round)
    other = type(numbers)(
        numbers.schema,
        rounding,
        numbers.metric,
        numbers.target,
        None,
        numbers.parts,
        numbers.catalog,
        numbers.info,
    )
    assert "decides on another number" in automl_docker.refuses(other)[0]
    assert automl_docker.refuses(numbers) == []


def test_names_that_no_csv_header_can_hold_are_refused(model):
    features = [replace(one, name=str(i)) for i, one in enumerate(model.schema.features)]
    other = type(model)(
        replace(model.schema, features=tuple(features)),
        model.task,
        model.metric,
        model.target,
        model.classes,
        model.parts,
        model.catalog,
        model.info,
    )
    assert "named by numbers" in automl_docker.refuses(other)[0]


def test_a_table_of_strings_with_odd_names_labels_and_cells(tmp_path):
    """From CSV nothing has a type; labels are numbers that sort otherwise than as strings."""
    rng = np.random.default_rng(0)
    with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a,b", 'with "quotes"', "tägliche Größe", "=day", "answer"])
        for row in range(90):
            size = rng.normal()
            writer.writerow(
                [
                    f"{size:.3f}".replace(".", ",") if row % 9 else "",
                    rng.choice(["x;y", "two\nlines", "007", "=1+1"]),
                    f"{rng.integers(10_000)}.{row:02}",
                    f"{1 + row % 28:02}.{1 + row % 12:02}.2023",
                    [10, 9, 100][int(np.digitize(size, [-0.5, 0.5]))],
                ]
            )
    model = learned(str(tmp_path / "train.csv"), "answer", "decision_tree", "multiclass")
    assert model.classes_.tolist() == [9, 10, 100]
    assert model.export("docker", tmp_path / "out").largest_difference <= 1e-12


@pytest.mark.slow
def test_one_column_of_words_and_a_number_to_predict(tmp_path):
    words = ["low", "middle", "high"]
    source = {"only": [words[row % 3] for row in range(60)]}
    model = learned(
        source, [float(row % 3) + row / 1000 for row in range(60)], "linear", "regression"
    )
    assert model.export("docker", tmp_path / "out").largest_difference <= 1e-12


@pytest.mark.slow
def test_a_command_that_fails_is_said(context, tmp_path):
    opened = automl_docker.load(context)
    with pytest.raises(automl.errors.PluginError, match="is missing"):
        opened({"number_0": [1.0]})
