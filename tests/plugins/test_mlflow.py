"""The MLflow folder: what is in it, and that MLflow predicts from it what the model says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import automl
import automl_mlflow
from automl.testing.exporting import small_model

pytest.importorskip("pandas")

KINDS = ("number", "category", "date")


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "naive_bayes", KINDS)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    pytest.importorskip("mlflow")
    return model.export("mlflow", tmp_path_factory.mktemp("mlflow") / "out").path


def asked(folder, program):
    """Run a program with MLflow in a process of its own, as a user would."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **automl_mlflow.QUIET},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_types_of_the_signature_follow_what_came(model):
    types = {name: automl_mlflow._type(model, name) for name in model.schema.learned}
    assert types == {
        "number_0": "double",
        "number_1": "double",
        "category_0": "string",
        "category_1": "string",
        "date_0": "string",
        "date_1": "string",
    }
    assert automl_mlflow._outputs(model) == [
        ["prediction", "string"],
        ["probability_high", "double"],
        ["probability_low", "double"],
    ]


def test_what_mlflow_loads_answers_with_a_table(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = automl_mlflow._load_pyfunc(str(tmp_path / "model"))
    rows = model.info["sample"]["rows"][:3]
    said = loaded.predict(rows)
    assert list(said) == ["prediction", "probability_high", "probability_low"]
    assert said["prediction"].tolist() == model.predict(rows).tolist()
    assert np.allclose(said["probability_low"], model.predict_proba(rows)[:, 1])


def test_what_was_handed_over_in_code_is_refused(model):
    mine = replace(model.catalog, givers={})
    other = automl.Predictor(
        model.schema,
        model.plain_task,
        model.metric,
        model.target,
        model.classes,
        model.parts,
        mine,
        model.info,
    )
    assert any("handed over in code" in reason for reason in automl_mlflow.refuses(other))
    assert automl_mlflow.refuses(model) == []


def test_the_folder_has_signature_example_and_pins_and_no_pickle(model, folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "MLmodel",
        "README.md",
        "conda.yaml",
        "data/model/manifest.json",
        "export.json",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }
    assert not any(name.endswith((".pkl", ".pickle", ".cloudpickle")) for name in names)
    pins = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("pluggable-automl==") for line in pins)
    assert any(line.startswith("mlflow-skinny==") for line in pins)
    note = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    assert note["verified"]["rows"] == 1_000 + len(model.info["sample"]["rows"])
    assert note["verified"]["largest_difference"] <= 1e-6


@pytest.mark.slow
def test_mlflow_scores_what_its_server_is_sent(model, folder):
    program = """
import mlflow.pyfunc
from mlflow.pyfunc.scoring_server import invocations
loaded = mlflow.pyfunc.load_model(".")
text = open("serving_input_example.json").read()
schema = loaded.metadata.get_input_schema()
print(invocations(text, "application/json", loaded, schema).response)
"""
    said = asked(folder, program)["predictions"]
    rows = model.info["sample"]["rows"][: automl_mlflow.N_EXAMPLE]
    assert [one["prediction"] for one in said] == model.predict(rows).tolist()
    shares = [one["probability_high"] for one in said]
    assert np.allclose(shares, model.predict_proba(rows)[:, 0])


@pytest.mark.slow
def test_a_second_export_is_the_same(model, folder, tmp_path):
    again = model.export("mlflow", tmp_path / "again").path
    for name in ("MLmodel", "conda.yaml", "input_example.json", "requirements.txt"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
