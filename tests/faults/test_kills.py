"""The run is killed at random moments, and gone on with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it forks")


def kills(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kills", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.case("F01", "outcomes that stood stand, the model is whole, only the running is lost")
@pytest.mark.case("F03", "workers of a parent that is killed alone are gone at once")
def test_a_few_kills(tmp_path):
    state = tmp_path / "kills.jsonl"
    assert "2 of 2 kills passed" in kills("--kills", "2", "--state", str(state))
    lines = state.read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 2
    state.write_text("\n".join([*lines, lines[-1][:40]]))
    again = kills("--kills", "2", "--state", str(state))
    assert "2 of 2 kills passed" in again
    assert "to do" not in again
    state.write_text(lines[0].replace('"code": "', '"code": "other'))
    assert "0 of 2 kills passed" in kills("--kills", "2", "--most", "0", "--state", str(state))


@pytest.mark.kills
@pytest.mark.case("F01", "so 200 times (`python -m tests.faults.kills`)")
def test_all_kills():
    assert "200 of 200 kills passed" in kills()
