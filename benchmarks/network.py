"""What a network is worth alone: its starts beside boosted trees, learned from the same rows.

```text
python -m benchmarks.network --suite folder:PATH --rows 4000 --only phoneme,vehicle
```

A fifth of the training rows of one fold says when to stop, the rows held back judge. The error is
log loss, or the root of the mean squared error; seconds are of the CPU, on one thread. The network
that PyTorch learns takes part where it is installed, with the starts of the other one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from automl.plugin import Algorithm, Context, Params, Validation
from automl.plugin.discovery import discover
from benchmarks.inside.codes import Codes
from benchmarks.suites import suite
from benchmarks.tables import Table, question

MOST_JUDGED = 15_000
"""Rows held back that are looked at."""

SMALLEST = 1e-15
"""No probability is taken as smaller before its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows to learn from, to stop by and to be judged by."""

    context: Context
    X: NDArray[np.float64]
    y: NDArray[Any]
    watched: Validation
    X_held: NDArray[np.float64]
    y_held: NDArray[Any]


def rows_of(table: Table, most: int) -> Rows:
    """Return the rows of a table's first fold, every column as numbers or codes."""
    asked = question(table, 0)
    features = asked.train.drop(columns=asked.target)
    codes = Codes(features)
    X, y = codes(features), asked.train[asked.target].to_numpy()
    order = np.random.default_rng(0).permutation(len(y))[: most * 5 // 4]
    learned, watched = np.split(order, [len(order) * 4 // 5])
    context = Context(
        task=asked.task,
        n_classes=asked.n_classes,
        n_rows=len(learned),
        n_columns=X.shape[1],
        categories=tuple(list(features.columns).index(name) for name in codes.levels),
        n_levels=tuple(len(levels) for levels in codes.levels.values()),
    )
    return Rows(
        context=context,
        X=X[learned],
        y=y[learned],
        watched=Validation(X=X[watched], y=y[watched]),
        X_held=codes(asked.test)[:MOST_JUDGED],
        y_held=asked.truth[:MOST_JUDGED],
    )


def tried(algorithm: Algorithm, start: Params, rows: Rows) -> tuple[float, float]:
    """Return the error on the rows held back, and the CPU seconds of learning."""
    estimator = algorithm.build(start, rows.context)
    begun = time.process_time()
    if algorithm.fit is None:
        raise click.UsageError(f"{algorithm.name} cannot stop by watched rows")
    algorithm.fit(estimator, rows.X, rows.y, None, rows.watched, lambda *_: False)
    seconds = time.process_time() - begun
    if rows.context.n_classes:
        shares = estimator.predict_proba(rows.X_held)
        true = shares[np.arange(len(shares)), rows.y_held]
        return float(-np.log(np.maximum(true, SMALLEST)).mean()), seconds
    error = estimator.predict(rows.X_held) - rows.y_held
    return float(np.sqrt(np.mean(np.square(error)))), seconds


def starts() -> Iterator[tuple[Algorithm, Params]]:
    """Yield what is tried, boosted trees first."""
    known = discover().algorithms
    trees, network = known["lightgbm"], known["mlp"].known()
    yield trees, {k: v for k, v in trees.known().starts[0].items() if k != "prepare"}
    for name in ("mlp", "torch_mlp"):
        if name in known:
            yield from ((known[name], start) for start in network.starts)


@click.command()
@click.option("--suite", "suite_name", default="smoke", show_default=True)
@click.option("--only", default="", help="Names of tables, with commas.")
@click.option("--rows", "most", default=4_000, show_default=True, help="To learn from, at most.")
def main(suite_name: str, only: str, most: int) -> None:
    """Print the error and the CPU seconds of each start on each table."""
    tables, _ = suite(suite_name, [name for name in only.split(",") if name])
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in tables:
            rows = rows_of(table, most)
            for algorithm, start in starts():
                error, seconds = tried(algorithm, start, rows)
                facts = f"{table.name:22}{len(rows.y):6}  {algorithm.name:10}"
                click.echo(f"{facts}{error:12.4f}{seconds:8.2f}  {dict(start)}")


if __name__ == "__main__":
    main()
