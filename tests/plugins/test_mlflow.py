"""The MLflow folder: what is in it, and that MLflow predicts from it what the model says."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest

import automl
import automl_mlflow
from automl.errors import PluginError
from automl.testing.exporting import small_model

pytest.importorskip("pandas")

KINDS = ("number", "category", "date")


@pytest.fixture(scope="module")
def model():
    return small_model("binary", "naive_bayes", KINDS)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """What MLflow writes; it is looked at by the slow tests, as each look is a new process."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("mlflow") / "out"
    folder.mkdir()
    automl_mlflow.export(model, folder)
    return folder


@contextmanager
def served(folder, place):
    """Start MLflow's own server as a user does, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["models", "serve", "--model-uri", ".", "--env-manager", "local", "--port", str(port)]
    # The server finds its programs on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with (place / "server.log").open("wb") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "mlflow", *words],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, **automl_mlflow.QUIET, "PATH": path},
        )
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            for one in [*process.children(recursive=True), process]:
                one.kill()
            process.wait()


def answer_of(address, process, log, seconds):
    """Wait until the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=seconds):
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))


def test_types_of_the_signature_follow_what_came(model):
    types = {name: automl_mlflow._type(model, name) for name in model.schema.learned}
    assert types == {
        "number_0": "any",
        "number_1": "any",
        "category_0": "string",
        "category_1": "string",
        "date_0": "any",
        "date_1": "any",
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


def test_the_folder_has_signature_example_and_pins_and_no_pickle(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "MLmodel",
        "README.md",
        "conda.yaml",
        "data/model/manifest.json",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }
    assert not any(name.endswith((".pkl", ".pickle", ".cloudpickle")) for name in names)
    pins = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("pluggable-automl==") for line in pins)
    assert any(line.startswith("mlflow-skinny==") for line in pins)


@pytest.mark.slow
def test_an_export_is_held_to_the_model_and_is_the_same_each_time(model, folder, tmp_path):
    again = model.export("mlflow", tmp_path / "again").path
    note = json.loads((again / "export.json").read_text(encoding="utf-8"))
    assert note["verified"]["rows"] == 1_000 + len(model.info["sample"]["rows"])
    assert note["verified"]["largest_difference"] <= 1e-6
    for name in ("MLmodel", "conda.yaml", "input_example.json", "requirements.txt"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.slow
def test_dates_and_numbers_of_numpy_are_asked_about_as_such(model, folder):
    rows = {name: [] for name in model.schema.learned}
    for k in range(3):
        rows["number_0"].append(np.float64(k) / 2)
        rows["number_1"].append(np.int64(k))
        rows["category_0"].append(None)
        rows["category_1"].append(model.info["sample"]["rows"][k]["category_1"])
        rows["date_0"].append(datetime(2021, 3, 1 + k, 12, 30))
        rows["date_1"].append(date(2022, 5, 1 + k))
    with pytest.warns(UserWarning, match="date_0"):
        own = model.predict_proba(rows)
    assert np.allclose(automl_mlflow.load(folder)(rows), own, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_what_could_not_be_loaded_beside_mlflow_is_named(folder, tmp_path):
    (tmp_path / "automl_naive_bayes.py").write_text("raise RuntimeError('half written')")
    with pytest.raises(PluginError, match="half written"):
        automl_mlflow._run("predict", {"folder": str(folder), "rows": {}}, tmp_path)


@pytest.mark.slow
def test_mlflows_own_server_answers_what_the_model_says(model, folder, tmp_path, soon):
    with served(folder, tmp_path) as (address, process):
        answer_of(address, process, tmp_path / "server.log", soon(60))
        request = urllib.request.Request(
            f"{address}/invocations",
            data=(folder / "serving_input_example.json").read_bytes(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=soon(60)) as response:
            said = json.loads(response.read())["predictions"]
    rows = model.info["sample"]["rows"][: automl_mlflow.N_EXAMPLE]
    assert [one["prediction"] for one in said] == model.predict(rows).tolist()
    shares = [[one["probability_high"], one["probability_low"]] for one in said]
    assert np.allclose(shares, model.predict_proba(rows), rtol=0, atol=1e-12)
