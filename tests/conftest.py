"""What all tests share."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines that run tests are busy: an example that takes long is no failure, a wrong one is.
settings.register_profile("automl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("automl")

# A shell that starts tests in the background has them ignore Ctrl-C, which some are about.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"


@pytest.fixture(scope="session")
def income() -> Path:
    """Return the path of the table that ships with the project, whose target is `income`."""
    return DATA / "income.csv"


@pytest.fixture(scope="session")
def income_new() -> Path:
    """Return the path of further rows of the same table, with their targets."""
    return DATA / "income_new.csv"
