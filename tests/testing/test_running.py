"""How checks are found, run, and expected to fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broken_others as broken

from automl.errors import PluginError
from automl.plugin import Algorithm, hookimpl
from automl.testing import (
    CheckFailedError,
    parametrize_with_plugin_checks,
    plugin_checks,
    run_checks,
)

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
    assert "heavier_rows_count_more" in asked
    assert "weights_are_declared" not in asked
