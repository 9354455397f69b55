"""The plugin of the faults, and what no test here may leave behind."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import around


@pytest.fixture(scope="module")
def faults():
    with around.installed():
        yield


@pytest.fixture
def nothing_is_left():
    """Fail where a process, a thread or a folder of a run outlives the test."""
    threads, kin, folders = threading.active_count(), around.kin(), around.temporary()
    yield
    end = time.monotonic() + 5
    while (left := around.kin() - kin) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, "processes outlive the run"
    assert threading.active_count() == threads
    assert around.temporary() <= folders
