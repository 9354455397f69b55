"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tables of tests are small: more threads of numerical libraries would wait for each other.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Machines that run tests are busy: an example that takes long is no failure, a wrong one is.
settings.register_profile("automl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("automl")
# What may be merged is judged by what it changes, so CI asks for the same examples each time
# (--hypothesis-profile=ci); everybody else's runs go on looking for new ones.
settings.register_profile("ci", settings.get_profile("automl"), derandomize=True)

# A shell that starts tests in the background has them ignore Ctrl-C, which some are about.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"


@pytest.fixture
def soon() -> Callable[[float], float]:
    """Return what turns the seconds of a free machine into those of one as busy as this."""

    def seconds(free: float) -> float:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return free * max(1.0, 3 * load / (os.cpu_count() or 1))

    return seconds


@pytest.fixture(scope="session")
def income() -> Path:
    """Return the path of the table that ships with the project, whose target is `income`."""
    return DATA / "income.csv"


@pytest.fixture(scope="session")
def income_new() -> Path:
    """Return the path of further rows of the same table, with their targets."""
    return DATA / "income_new.csv"
