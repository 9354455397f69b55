"""How fast many rows are predicted, beside the libraries' own calls on rows that are prepared.

python -m benchmarks.bulk TABLE MODEL [MODEL ...] [--rows 100000] [--turns 3]

TABLE is a Parquet file whose rows are drawn again to so many, each MODEL a saved model of it.
*Own* is the sum over all members of their library's own call (for boosters ``Booster.predict`` and
its like, else the estimator's), on matrices that exist already. *Ours* is the whole of
``predict_proba(frame)``, or ``predict``: reading, checking, preparing, asking all, blending.
Both take turns, and the least CPU seconds of each count, since other processes may be busy. The
wall time of both is shown too: on one thread, and on all cores.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

import automl
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.search.cores import cores

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = """\
| model | members | threads | own CPU s | ours CPU s | share | own wall s | ours wall s | share |
|---|--:|--:|--:|--:|--:|--:|--:|--:|"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds that a call took, the least of some turns."""

    cpu: float
    wall: float


def own_call(pipeline: Any, X: Any, threads: int) -> Callable[[], Any]:
    """Return the call of a member's library for rows that are prepared."""
    estimator, name = pipeline.estimator, pipeline.candidate.algorithm
    booster: Any = getattr(estimator, "model_", None)
    if name == "lightgbm":
        return partial(booster.predict, X, num_threads=threads)
    if name == "xgboost":

        def ask() -> Any:
            booster.set_param({"nthread": threads})
            return booster.inplace_predict(X, validate_features=False)

        return ask
    return partial(estimator.predict_proba if pipeline.n_classes else estimator.predict, X)


def own_calls(predictor: Any, frame: Any, threads: int) -> list[Callable[[], Any]]:
    """Return the calls of all members."""
    table = apply(predictor.schema, take_in(frame)).table
    found = [one for _, one in predictor.ensemble.members() if one.estimator is not None]
    made = {one.preparation.identity: one.preparation.transform(table) for one in found}
    return [own_call(one, made[one.preparation.identity], threads) for one in found]


def took(call: Callable[[], Any]) -> Took:
    """Return what a call takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Took(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)


def least(turns: list[Took]) -> Took:
    """Return the least of each."""
    return Took(cpu=min(one.cpu for one in turns), wall=min(one.wall for one in turns))


def line_of(name: str, predictor: Any, frame: Any, threads: int, turns: int) -> str:
    """Measure with so many threads."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    ask = predictor.predict if predictor.classes is None else predictor.predict_proba
    calls = own_calls(predictor, frame, threads)

    def all_of_them() -> None:
        with threadpool_limits(threads, user_api="openmp"):
            for call in calls:
                call()

    both = [(took(all_of_them), took(partial(ask, frame))) for _ in range(turns)]
    own, ours = (least([pair[i] for pair in both]) for i in (0, 1))
    return (
        f"| {name} | {len(calls)} | {threads} | {own.cpu:.2f} | {ours.cpu:.2f} "
        f"| {own.cpu / ours.cpu:.0%} | {own.wall:.2f} | {ours.wall:.2f} "
        f"| {own.wall / ours.wall:.0%} |"
    )


def main() -> None:
    """Measure and print."""
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("table", type=Path, help="a Parquet file")
    parser.add_argument("models", type=Path, nargs="+", help="saved models of it")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    print(HEAD, flush=True)
    warnings.simplefilter("ignore")
    given = pd.read_parquet(asked.table)
    rows = np.random.default_rng(0).integers(0, len(given), asked.rows)
    for model in asked.models:
        predictor = automl.load(model)
        frame = given.drop(columns=predictor.target).iloc[rows].reset_index(drop=True)
        predictor.ready(quick=False)
        for threads in sorted({1, cores()}):
            line = line_of(
                f"{asked.table.stem}: {model.name}", predictor, frame, threads, asked.turns
            )
            print(line, flush=True)


if __name__ == "__main__":
    main()
