"""The kit finds what is broken in an algorithm, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import broken_algorithms as broken
import broken_hard as hard

from automl.plugin import Saved
from automl.testing import CheckFailedError, plugin_checks

IN_OTHER_PROCESSES = {"a_saved_model_loads_elsewhere", "a_run_completes"}


def failing(contribution, *others, without=IN_OTHER_PROCESSES, only=None):
    found = {}
    for check in plugin_checks(contribution, *others):
        asked = check.id == only if only else check.id not in without
        if check.name == contribution.name and asked:
            try:
                check()
            except CheckFailedError as error:
                found[check.id] = str(error)
    return found


BROKEN = {**broken.BROKEN, **hard.BROKEN}


@pytest.mark.parametrize("what", hard.SOUND)
def test_a_sound_algorithm_passes(what):
    assert failing(hard.SOUND[what]) == {}


def test_all_broken_algorithms_have_names_of_their_own():
    assert len(BROKEN) == len(broken.BROKEN) + len(hard.BROKEN)


@pytest.mark.parametrize("what", BROKEN)
def test_the_check_of_a_broken_property_fails(what):
    check, contribution = BROKEN[what]
    found = failing(contribution, only=check)
    assert "See docs/plugins.md#" in found[check]


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_no_other_check_fails(what):
    check, contribution = BROKEN[what]
    found = failing(contribution)
    assert set(found) == {check}, found


@pytest.mark.slow
@pytest.mark.parametrize("what", broken.SLOW_BROKEN)
def test_what_cannot_be_loaded_elsewhere_is_found(what):
    check, contribution = broken.SLOW_BROKEN[what]
    found = failing(contribution, without={"a_run_completes"})
    assert set(found) == {check}, found


def test_the_types_to_declare_are_printed_to_be_pasted():
    (check,) = [
        check
        for check in plugin_checks(broken.algorithm(saved=()))
        if check.id == "a_saved_model_loads_elsewhere"
    ]
    with pytest.raises(CheckFailedError, match=r"Declare saved=\(.*Sound"):
        check()


@pytest.mark.slow
def test_a_sound_algorithm_is_saved_and_runs():
    sound = broken.algorithm(saved=Saved(save=broken.save, load=broken.load))
    assert failing(sound, without=set()) == {}
