"""Other people's libraries as plugins: short, documented, and held against the contract."""

from __future__ import annotations

import importlib.util
import re
from importlib import metadata
from pathlib import Path

import pytest

from automl.testing import run_checks

GALLERY = Path(__file__).parents[2] / "examples" / "gallery"
MOST_LINES = 30


def load(name):
    spec = importlib.util.spec_from_file_location(name, GALLERY / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load("run")
SETTINGS = run.settings()


def test_every_module_is_in_the_settings():
    assert {path.stem for path in GALLERY.glob("*.py")} == {*SETTINGS, "run"}


@pytest.mark.parametrize("name", SETTINGS)
def test_no_plugin_takes_more_than_thirty_lines(name):
    assert run.lines_of_code(GALLERY / f"{name}.py") <= MOST_LINES


@pytest.mark.parametrize("name", SETTINGS)
def test_a_plugin_is_imported_without_its_library(name):
    assert any(word.startswith("automl_") for word in dir(load(name)))


def test_the_rows_and_the_readme_are_those_of_the_modules():
    rows = run.read_rows()
    assert set(rows) <= set(SETTINGS)
    for name, row in rows.items():
        assert int(row["lines"]) == run.lines_of_code(GALLERY / f"{name}.py")
        assert int(row["expected"]) == len(SETTINGS[name].get("expected", {}))
        assert row["failed"] == "0"
        assert row["package"] == SETTINGS[name]["install"][0]
    assert run.as_markdown(rows) in (GALLERY / "README.md").read_text(encoding="utf-8")


def _installed(requirement):
    try:
        metadata.distribution(re.split("[=<>]", requirement)[0])
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.gallery
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", SETTINGS)
def test_contract(name, monkeypatch):
    missing = [word for word in SETTINGS[name]["install"] if not _installed(word)]
    if missing:
        pytest.skip(f"needs {' '.join(missing)}")
    # The kit loads what was saved in a new process, which has to find the module too.
    monkeypatch.syspath_prepend(GALLERY)
    module = importlib.import_module(name)
    rows = run_checks(module, expected_failures=SETTINGS[name].get("expected", {}))
    failed = [f"{row.id}: {row.message}" for row in rows if row.status == "failed"]
    assert not failed, "\n".join(failed)
