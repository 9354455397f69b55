"""Every step of the durable writes fails or kills once; what stood stands, and the run goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

HOW = ("kill", "ENOSPC")
FORMS = ((), ("--zip",))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it forks")


def loop(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "steps.py"), *words], capture_output=True, text=True
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found, done.stderr
    assert not [one for one in found if one.get("ok") is False], done.stderr
    assert found[-1]["bad"] == 0
    assert found[-1]["steps"] >= 4
    assert done.returncode == 0


@pytest.mark.case("F01", "after a kill at any write, sync, rename or commit the run goes on")
def test_a_kill_at_a_step_loses_nothing_that_stood():
    loop("--how", "kill", "--trials", "1", "--every", "6")


@pytest.mark.case(
    "F15", "the search ends with what it has (W_RUN_STORE), or cannot begin (E_RUN_*)"
)
def test_a_full_disk_from_a_step_on_ends_the_search_with_what_it_has():
    loop("--how", "ENOSPC", "--trials", "1", "--every", "8", "--begin", "2")


@pytest.mark.slow
@pytest.mark.case("F01", "so at each single step of a run")
@pytest.mark.case("F15", "so at each single step; a step that fails once fails one trial at most")
@pytest.mark.parametrize("how", ["kill", "ENOSPC", "EIO", "EACCES"])
def test_each_step_of_a_run(how):
    loop("--how", how, "--trials", "2")


@pytest.mark.case(
    "F15", "saving over a model leaves the old or the new one, whole (E_BUNDLE_WRITE)"
)
@pytest.mark.parametrize(
    ("how", "form"),
    [
        ("kill", ("--every", "4")),
        ("ENOSPC", ("--every", "2", "--zip")),
        *(pytest.param(how, form, marks=pytest.mark.slow) for how in HOW for form in FORMS),
    ],
)
def test_saving_over_a_model_is_all_or_nothing(how, form):
    loop("--how", how, "--save", *form)
