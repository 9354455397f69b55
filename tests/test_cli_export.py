"""``automl export`` as a user meets it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from automl.cli import group
from automl.testing.exporting import small_model


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = group.run(words)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model"
    small_model("regression", "linear", ("number", "category", "date")).save(path)
    return str(path)


def test_a_model_is_exported(model, tmp_path):
    out = str(tmp_path / "image")
    code, said, warned = run("export", model, "--to", "docker", "--out", out)
    assert code == 0, warned
    assert said.startswith(f"{out} has ")
    assert "files by docker (pluggable-automl " in said
    assert "says what the model says of 1064 rows" in said
    assert Path(out, "Dockerfile").is_file()


@pytest.mark.slow
def test_json_is_one_document(model, tmp_path):
    out = str(tmp_path / "image")
    code, said, _ = run("export", model, "--to", "docker", "--out", out, "--json")
    document = json.loads(said)
    assert code == 0
    assert document["rows"] == 1064
    assert document["largest_difference"] <= 1e-12
    assert set(document["files"]) == {
        path.relative_to(out).as_posix() for path in Path(out).rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--to", "doker"), "E_PLUGIN_UNKNOWN"),
        (("--to", "docker", "--out", "FULL"), "E_EXPORT_EXISTS"),
        ((), "E_USAGE"),
    ],
)
def test_bad_input_is_one_line(model, tmp_path, words, code):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    words = [str(tmp_path / "full") if word == "FULL" else word for word in words]
    if "--out" not in words:
        words += ["--out", str(tmp_path / "new")]
    exit_code, said, warned = run("export", model, *words)
    assert (exit_code, said) == (2, "")
    assert len(warned.strip().splitlines()) == 1
    assert warned.strip().endswith(f"[{code}]")
    assert [one.name for one in tmp_path.iterdir()] == ["full"]


def test_a_model_that_is_none_is_refused(tmp_path):
    words = ("--to", "docker", "--out", str(tmp_path / "out"))
    code, _, warned = run("export", str(tmp_path / "nowhere"), *words)
    assert code == 2
    assert warned.strip().endswith("[E_BUNDLE_NONE]")


def test_plugins_lists_exporters():
    code, said, _ = run("plugins", "--json")
    given = [one["contributes"].get("exporter", []) for one in json.loads(said)["plugins"]]
    assert code == 0
    assert ["docker"] in given
