"""The kit finds what is broken in a contribution of any other kind, and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broken_others as broken
import broken_steps as steps

from automl.plugin import Metric, Saved
from automl.testing import CheckFailedError, plugin_checks

WHOLE_RUN = "a_whole_run_holds"
"""A run, a model saved and loaded: seconds, so only those that it is about are asked."""


def failing(contribution, *others, whole=False):
    found = {}
    for check in plugin_checks(contribution, *others):
        if check.name == contribution.name and (whole or check.id != WHOLE_RUN):
            try:
                check()
            except CheckFailedError as error:
                found[check.id] = str(error)
    return found


BROKEN = {**broken.BROKEN, **steps.BROKEN}


def test_all_broken_contributions_have_names_of_their_own():
    assert len(BROKEN) == len(broken.BROKEN) + len(steps.BROKEN)


@pytest.mark.parametrize("sound", [*broken.SOUND, *steps.SOUND], ids=lambda one: type(one).__name__)
def test_a_sound_contribution_passes(sound):
    assert failing(sound) == {}


@pytest.mark.parametrize("what", BROKEN)
def test_exactly_the_check_of_a_broken_property_fails(what, monkeypatch):
    monkeypatch.setenv("RUNS", "0")
    monkeypatch.setenv("SCALING", "0")
    check, contribution = BROKEN[what]
    found = failing(contribution, whole=check == WHOLE_RUN)
    assert set(found) == {check}, found
    assert "See docs/plugins.md#" in found[check]


@pytest.mark.slow
@pytest.mark.parametrize("what", broken.SLOW_BROKEN)
def test_what_cannot_be_loaded_elsewhere_is_found(what):
    check, contribution = broken.SLOW_BROKEN[what]
    assert set(failing(contribution)) == {check}


@pytest.mark.slow
def test_a_sound_step_loads_elsewhere():
    saved = Saved(save=broken.save, load=broken.load)
    assert failing(broken.preprocessor(saved=saved)) == {}


def test_a_task_that_no_algorithm_can_do_is_found():
    metric = Metric(
        name="lonely_share",
        tasks=frozenset({"some_task"}),
        score=broken.metric().score,
        reads="labels",
        greater_is_better=True,
        best=1.0,
    )
    lonely = replace(broken.task(metric="lonely_share"), like="")
    assert set(failing(lonely, metric)) == {"an_algorithm_can_do_it"}
