"""How checks are found, run, and expected to fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broken_others as broken

from automl.errors import PluginError
from automl.plugin import Algorithm, hookimpl
from automl.plugin.catalog import KINDS
from automl.testing import (
    CheckFailedError,
    parametrize_with_plugin_checks,
    plugin_checks,
    run_checks,
)
from automl.testing.checks import DOCS
from automl.testing.kinds import properties_of
from automl.testing.process import run_new_process

LEAKING = broken.BROKEN["tests what it trained on"][1]
FAILS = "training_and_test_rows_are_apart"


class Module:
    """What a plugin module is to pluggy."""

    @hookimpl
    def automl_metrics(self):
        return [broken.metric()]

    @hookimpl
    def automl_readers(self):
        return [broken.reader()]


def test_rows_say_what_was_found():
    rows = {row.id: row for row in run_checks(LEAKING)}
    failed = rows.pop(FAILS)
    assert failed.status == "failed"
    assert (failed.kind, failed.name) == ("splitter", "some_split")
    assert failed.check.endswith(".")
    assert "Take test rows out" in failed.message
    assert all((row.status, row.message) == ("passed", "") for row in rows.values())


@pytest.mark.parametrize("word", [FAILS, f"some_split:{FAILS}"])
def test_an_expected_failure_keeps_its_reason(word):
    rows = {row.id: row for row in run_checks(LEAKING, expected_failures={word: "it is a bait"})}
    assert (rows[FAILS].status, rows[FAILS].message) == ("expected", "it is a bait")


def test_an_expected_failure_has_to_fail():
    rows = run_checks(broken.reader(), expected_failures={"a_missing_place_is_named": "it is old"})
    (row,) = [row for row in rows if row.status != "passed"]
    assert row.status == "failed"
    assert "expected to fail: it is old" in row.message


def test_all_that_a_module_gives_is_checked():
    kinds = {check.kind for check in plugin_checks(Module())}
    assert kinds == {"metric", "reader"}


def test_an_installed_plugin_is_checked_by_its_name():
    names = {check.name for check in plugin_checks("splitters")}
    assert len(names) > 3
    assert {check.name for check in plugin_checks("k_fold")} == {"k_fold"}


def test_what_cannot_be_found_is_named():
    with pytest.raises(PluginError, match="Did you mean 'splitters'"):
        list(plugin_checks("spliters"))


def test_what_a_check_meets_is_its_cause():
    def split(request):
        raise ZeroDivisionError("no fold")

    one = next(iter(plugin_checks(type(LEAKING)(name="raising", split=split))))
    with pytest.raises(CheckFailedError, match="ZeroDivisionError: no fold") as caught:
        one()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_check_reads_as_a_sentence():
    (check,) = [check for check in plugin_checks(LEAKING) if check.id == FAILS]
    assert str(check).startswith("splitter some_split: No row is a training row and a test row")


@parametrize_with_plugin_checks(LEAKING, expected_failures={FAILS: "it is a bait"})
def test_the_glue_for_pytest(check):
    check()


def test_what_a_wrapped_class_says_of_itself_is_asked_as_if_it_were_declared():
    ridge = Algorithm.wrap("ridge", regressor="sklearn.linear_model:Ridge")
    asked = {check.id for check in plugin_checks(ridge)}
    assert "weights_are_like_repeated_rows" in asked
    assert "weights_are_declared" not in asked


@pytest.mark.parametrize("word", ["training_and_tests_rows_are_apart", "some_split:nonsense"])
def test_an_expected_failure_that_no_check_carries_is_an_error(word):
    with pytest.raises(PluginError, match=r"There is no check .*(Did you mean|Checks: )"):
        list(plugin_checks(LEAKING, expected_failures={word: "why not"}))


def test_each_check_is_a_sentence_with_a_name_and_a_section_that_is_there():
    docs = (Path(__file__).parents[2] / DOCS).read_text(encoding="utf-8")
    for kind in KINDS:
        found = properties_of(kind)
        assert found, kind
        assert len({one.id for one in found}) == len(found), kind
        for one in found:
            assert one.sentence.endswith("."), one.id
            assert one.sentence[0].isupper() or one.sentence[0].isdigit() or "(" in one.sentence
            assert f'<a id="{one.section}"></a>' in docs, f"{one.id}: no section {one.section}"


PLUGIN = """
import numpy as np
from automl.plugin import Metric, hookimpl


@hookimpl
def automl_metrics():
    return [
        Metric(
            name="some_share",
            tasks=frozenset({"binary"}),
            score=lambda y, given, weight: float(np.average(y == given, weights=weight)),
            reads="labels",
            greater_is_better=True,
            best=BEST,
        )
    ]
"""


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from automl.cli import main; main()"
    command = [sys.executable, "-c", code, "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_that_is_not_installed_can_be_checked(tmp_path):
    file = tmp_path / "some_plugin.py"
    file.write_text(PLUGIN.replace("BEST", "2.0"), encoding="utf-8")
    done = check(str(file))
    assert done.returncode == 3, done.stderr
    assert "Set `best` to the score of a perfect prediction" in done.stdout
    word = "a_perfect_prediction_scores_best"
    assert check(str(file), "--expect", f"{word}=it is a bait").returncode == 0
    assert "needs a reason" in check(str(file), "--expect", word).stderr


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("gone.py", None, "There is no file"),
        ("json.py", "", "name of another module"),
        ("some_broken.py", "1 / 0", "ZeroDivisionError"),
        ("some_nothing.py", "", "no function that is marked"),
    ],
)
def test_a_file_that_cannot_be_checked_is_told_in_one_line(tmp_path, name, code, words):
    if code is not None:
        (tmp_path / name).write_text(code, encoding="utf-8")
    done = check(str(tmp_path / name))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_process_that_does_not_end_is_named(monkeypatch):
    monkeypatch.setattr("automl.testing.process.SECONDS", 0.2)
    with pytest.raises(CheckFailedError, match="did not end within"):
        run_new_process("import time; time.sleep(60)")
