from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.contenders import contenders
from benchmarks.limits import Limits
from benchmarks.race import Plan, race
from benchmarks.rows import Row, read
from benchmarks.tables import Table

TOYS = Path(__file__).parent / "contenders"


def frame(n_rows: int = 60, n_classes: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "colour": rng.choice(["red", "blue"], size=n_rows),
            "seen": pd.date_range("2024-01-01", periods=n_rows),
            "kind": [f"k{i % n_classes}" for i in range(n_rows)],
            "shop": [f"s{i // 5}" for i in range(n_rows)],
        }
    )


def table(name: str = "toy", **changes) -> Table:
    given = {"task": "multiclass", "target": "kind", "load": frame, "n_rows": 5_000}
    return Table(name=name, **{**given, **changes})


@pytest.fixture
def raced(tmp_path):
    """Race toys, and return their rows."""

    def do(*names: str, seconds: float = 60, **changes) -> list[Row]:
        known = contenders(TOYS)
        limits = Limits(budget=5, until_fit=seconds, after_fit=seconds, row_calls=3, row_seconds=1)
        plan = Plan(
            suite="test",
            contenders=[known[name] for name in names],
            limits=limits,
            **{"tables": [table()], **changes},
        )
        race(plan, tmp_path)
        return read(tmp_path)

    return do
