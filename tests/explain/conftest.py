"""Rows that no model has seen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_models import table


@pytest.fixture(scope="session")
def fresh() -> dict[str, list[Any]]:
    """Rows that no model has seen, without target."""
    columns = table(n_rows=12, seed=5)
    del columns["score"]
    return columns
