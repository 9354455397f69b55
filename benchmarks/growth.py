"""What a run costs as data grows: seconds to the first model, memory, how busy the cores are.

```text
python -m benchmarks.growth TABLE.parquet TARGET --rows 1000 --rows 1000000 --budget 60
```

Each size is a process of its own. Rows are drawn from a real table; where more are asked for than
it has they are drawn again, with a little noise on every number, so that no row stands there twice.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmarks.process import run

NOISE = 0.05
"""Standard deviations of a column that are added to the numbers of a row that is drawn again."""

TEST_ROWS = 10_000
"""Rows held back at most."""

NEAR = 0.99
"""Share of what the blend gains over the constant answer in the end, after which it would do."""

GRACE = 600.0
"""Seconds beyond the budget after which a size is given up."""


def grown(frame: pd.DataFrame, target: str, n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Return so many rows of a table, drawn anew where it has fewer."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(frame))
    if n_rows <= len(frame):
        return frame.iloc[rows[:n_rows]].reset_index(drop=True)
    more = rng.integers(0, len(frame), n_rows - len(frame))
    again = frame.iloc[more].copy()
    for name in again.columns:
        column = again[name]
        if name != target and pd.api.types.is_float_dtype(column):
            again[name] = column + NOISE * column.std() * rng.normal(size=len(column))
    return pd.concat([frame, again], ignore_index=True)


def watch(folder: Path, target: str, budget: float) -> dict[str, Any]:
    """Fit the table of a folder here, and return what was seen."""
    import resource

    import automl
    from automl.events import Blended, Event, RunStarted, Stage, TrialFinished
    from automl.plugin import Listener

    events: list[Event] = []

    def start() -> Callable[[Event], None]:
        return events.append

    result = automl.fit(
        str(folder / "train.parquet"),
        target,
        budget=budget,
        plugins=[Listener(name="watch", start=start)],
    )
    cpu = sum(
        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    board = result.leaderboard
    sign = 1.0 if board.greater_is_better else -1.0
    constant = next(row.cv_score for row in board if row.number == 0) or 0.0
    done = [one for one in events if isinstance(one, TrialFinished) and one.score is not None]
    gains = [
        (one.elapsed, sign * (one.score - constant)) for one in events if isinstance(one, Blended)
    ]
    near = [when for when, gain in gains if gain >= NEAR * gains[-1][1]]
    searched = [one.elapsed for one in events if isinstance(one, RunStarted | Stage)]
    return {
        "folds": result.predictor.info["n_folds"],
        "read_s": searched[1] if len(searched) > 1 else None,
        "first_s": done[0].elapsed if done else None,
        "near_s": near[0] if near else None,
        "candidates": len(done),
        "fit_s": result.seconds,
        "busy": cpu / (result.seconds * len(os.sched_getaffinity(0))),
        "score": result.predictor.evaluate(str(folder / "test.parquet"))[board.metric],
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("table", type=click.Path(exists=True, path_type=Path))
@click.argument("target")
@click.option("--rows", multiple=True, default=(1_000, 10_000, 100_000, 1_000_000))
@click.option("--budget", default=60.0)
@click.option("--child", is_flag=True, hidden=True)
def main(table: Path, target: str, rows: tuple[int, ...], budget: float, *, child: bool) -> None:
    """Print a line for each number of rows."""
    if child:
        warnings.simplefilter("ignore")
        Path(table, "seen.json").write_text(json.dumps(watch(table, target, budget)))
        return
    frame = pd.read_parquet(table)
    rng = np.random.default_rng(0)
    held = rng.permutation(len(frame))[: min(TEST_ROWS, len(frame) // 5)]
    test, rest = frame.iloc[held], frame.drop(frame.index[held])
    names = ("rows", "table MB", "peak MB", "folds", "read", "first", "near", "tried", "fit")
    print("".join(f"{name:>10}" for name in (*names, "busy", "score")))
    for n_rows in rows:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            made = grown(rest, target, n_rows)
            size = made.memory_usage(deep=True).sum() / 1e6
            made.to_parquet(folder / "train.parquet")
            test.to_parquet(folder / "test.parquet")
            words = [sys.executable, "-m", "benchmarks.growth", str(folder), target]
            ended = run(
                [*words, "--budget", str(budget), "--child"],
                folder=Path.cwd(),
                log=folder / "log",
                environment=dict(os.environ),
                limit=lambda _: budget + GRACE,
            )
            if ended.code != 0:
                print(
                    f"{n_rows:>10}  ended with {ended.code}: {(folder / 'log').read_text()[-500:]}"
                )
                continue
            seen = json.loads((folder / "seen.json").read_text())
        print(
            f"{n_rows:>10}{size:>10.0f}{ended.memory_mb:>10.0f}{seen['folds']:>10}"
            f"{_seconds(seen['read_s'])}{_seconds(seen['first_s'])}{_seconds(seen['near_s'])}"
            f"{seen['candidates']:>10}{_seconds(seen['fit_s'])}{seen['busy']:>10.0%}"
            f"{seen['score']:>10.4g}",
            flush=True,
        )


def _seconds(value: float | None) -> str:
    return f"{'-' if value is None else format(value, '.1f'):>10}"


if __name__ == "__main__":
    main()
