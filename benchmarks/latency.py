"""How long the prediction of a row takes, beside the learners' own calls.

``python -m benchmarks.latency adult.parquet income`` learns one model for each algorithm and one of
all, and prints CPU time (never wall time: other processes may be busy). The own call of a learner
gets one thread and rows that are prepared already: whatever reading and preparing costs is ours.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import automl
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.model.member import Shelf
from automl.model.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

ALGORITHMS = (
    "lightgbm",
    "xgboost",
    "hist_boosting",
    "random_forest",
    "extra_trees",
    "decision_tree",
    "linear",
    "mlp",
    "nearest_neighbors",
    "naive_bayes",
)
TRIALS = 16
"""Candidates of the model of all algorithms."""

N_ROWS, N_SINGLE = 20_000, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """CPU milliseconds of a row.

    Parameters
    ----------
    median, high : float
        The latter is the 99th percentile.
    """

    median: float
    high: float


def main() -> None:
    """Learn, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="a Parquet file")
    parser.add_argument("target")
    parser.add_argument("--only", default="", help="names of algorithms, and 'all', with commas")
    parser.add_argument("--models", type=Path, help="a folder to keep the models in")
    given = parser.parse_args()
    import pandas as pd

    frame = pd.read_parquet(given.table)
    names = given.only.split(",") if given.only else (*ALGORITHMS, "all")
    print(HEAD, flush=True)
    for name in names:
        place = given.models and given.models / name
        predictor = _model(frame[:N_ROWS], given.target, name, place)
        fresh = frame[N_ROWS:].drop(columns=given.target)
        print(_line(name, predictor, fresh), flush=True)


HEAD = """\
| model | members | dict | frame | own calls | ratio | p99 | frame p99 | own p99 |
|---|--:|--:|--:|--:|--:|--:|--:|--:|"""


def _model(frame: Any, target: str, name: str, place: Path | None) -> Any:
    """Return the model of an algorithm, or of all, loaded as a server would."""
    if place is None or not place.exists():
        found = automl.fit(
            frame,
            target,
            budget=automl.Budget(trials=TRIALS if name == "all" else 1),
            n_jobs=1,
            plugins=None if name == "all" else [name],
        ).predictor
        if place is None:
            return found
        found.save(place)
    return automl.load(place)


def _line(name: str, predictor: Any, fresh: Any) -> str:
    predictor.ready()
    ask = predictor.predict if predictor.classes is None else predictor.predict_proba
    rows = fresh[:N_SINGLE].to_dict("records")
    frames = [fresh[i : i + 1] for i in range(N_SINGLE)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        singles = _own_calls(predictor, fresh[:N_SINGLE])
        with one_thread():  # threads that wait for each other take CPU time too
            own = _timed(singles)
        by_dict = _timed([partial(ask, row) for row in rows])
        by_frame = _timed([partial(ask, one) for one in frames])
    n_members = sum(len(part.members) for part in predictor.parts)
    ratio = by_dict.median / own.median
    return (
        f"| {name} | {n_members} | {by_dict.median:.3f} | {by_frame.median:.3f} | {own.median:.3f} "
        f"| {ratio:.2f} | {by_dict.high:.3f} | {by_frame.high:.3f} | {own.high:.3f} |"
    )


def _own_calls(predictor: Any, few: Any) -> list[Callable[[], Any]]:
    """Return what asks the learners themselves for each row."""
    shelf = Shelf(predictor.parts)
    found = [pipeline for _, pipeline in shelf.members(predictor.catalog)]
    pipelines = [one for one in found if one.estimator is not None]

    def matrices(frame: Any) -> list[Any]:
        table = apply(predictor.schema, take_in(frame)).table
        made = {p.preparation.identity: p.preparation.transform(table) for p in pipelines}
        return [made[p.preparation.identity] for p in pipelines]

    asked: list[Callable[[Any], NDArray[Any]]] = [
        p.estimator.predict_proba if p.n_classes else p.estimator.predict for p in pipelines
    ]

    def call(given: Sequence[Any]) -> None:
        for ask, X in zip(asked, given, strict=True):
            ask(X)

    prepared = matrices(few)
    # The first row decides whether these are CSR: slices of both are matrices again.
    singles = [[X[i : i + 1] for X in prepared] for i in range(len(few))]
    return [partial(call, one) for one in singles]


def _timed(singles: Sequence[Callable[[], Any]]) -> Timed:
    for single in singles[:20]:
        single()
    found = np.array([_cpu(single) for single in singles])
    return Timed(median=float(np.median(found)), high=float(np.quantile(found, 0.99)))


def _cpu(call: Callable[[], Any]) -> float:
    start = time.process_time_ns()
    call()
    return (time.process_time_ns() - start) / 1e6


if __name__ == "__main__":
    main()
