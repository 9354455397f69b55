"""What it costs to fit candidates in processes of their own: trials per minute, with and without.

python benchmarks/isolation.py FOLDER [TABLE ...]

FOLDER holds a ``catalog.csv`` as in README.md. Both ways try the same candidates in the same order,
one at a time and with one thread; the clock runs from the end of the first candidate, when all
libraries are there, to the end of the last. The two take turns, and the least of each counts.
"""

from __future__ import annotations

import csv
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Before anything that starts threads is imported.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import pandas as pd

import automl
from automl.events import Event, TrialFinished
from automl.plugin import Listener

TRIALS = 16
TURNS = 3
LEAST_ROWS = 5_000


def seconds(frame: pd.DataFrame, target: str, isolation: Any) -> float:
    """Return the seconds from the end of the first candidate to that of the last."""
    ends: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, TrialFinished):
            ends.append(event.elapsed)

    def start() -> Callable[[Event], None]:
        return hear

    automl.fit(
        frame,
        target,
        budget=automl.Budget(trials=TRIALS),
        n_jobs=1,
        plugins=[Listener(name="stopwatch", start=start)],
        strategy=automl.Strategy(isolation=isolation, folds=3),
    )
    return ends[-1] - ends[0]


def main(folder: Path, names: list[str]) -> None:
    """Print a line for each table."""
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as file:
        tables = [row for row in csv.DictReader(file) if row["kind"] == "tabular"]
    print(f"{'table':<24}{'rows':>8}{'alone /min':>12}{'isolated /min':>15}{'cost':>8}")
    for row in tables:
        if row["name"] not in names if names else int(row["n_rows"]) < LEAST_ROWS:
            continue
        frame = pd.read_parquet(folder / row["file"])
        ways = [partial(seconds, frame, row["target"], how) for how in ("none", "process")]
        taken = [[way() for way in ways] for _ in range(TURNS)]
        alone, isolated = (min(column) for column in zip(*taken, strict=True))
        rates = [60 * (TRIALS - 1) / one for one in (alone, isolated)]
        print(
            f"{row['name']:<24}{len(frame):>8}{rates[0]:>12.1f}{rates[1]:>15.1f}"
            f"{1 - rates[1] / rates[0]:>+8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]), sys.argv[2:])
