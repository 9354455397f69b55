"""Going on with a run: the same question, the schedule where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from automl.data import schema_json
from automl.data.table import Kind
from automl.errors import RunError
from automl.search.outcome import Evaluation, Failure, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate
    from automl.data.columns import Columns
    from automl.plugin.catalog import Catalog
    from automl.search.history import Past
    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.schedule import Schedule
    from automl.search.shared import RunData
    from automl.search.strategy import Strategy
    from automl.search.turns import Turns

SAME = (
    "target",
    "task",
    "metric",
    "greater_is_better",
    "seed",
    "rows",
    "columns",
    "roles",
    "schema",
    "cells",
    "answers",
    "weights",
    "splitter",
    "folds",
    "split",
)
"""What has to be the same for a run to go on, the plainest difference first."""

HASHES = {
    "schema": "what was learned about the columns differs",
    "cells": "cells of the table differ",
    "answers": "values of the target differ",
    "weights": "weights of the rows differ",
    "split": "rows are split into other folds",
}
"""Facts whose values would tell a person nothing."""


def facts_of(question: Question, data: RunData, seed: int) -> dict[str, Any]:
    """Return what makes a run this one, as plain values and hashes.

    Parameters
    ----------
    question : Question
    data : RunData
    seed : int
    """
    schema = json.dumps(schema_json.to_json(question.schema), sort_keys=True)
    cells = [question.table.block(kind) for kind in Kind]
    columns = [*data.columns.values()]
    return {
        "target": question.given.target.name,
        "task": question.task.name,
        "metric": question.metric.name,
        "greater_is_better": question.metric.greater_is_better,
        "seed": seed,
        "rows": question.table.n_rows,
        "columns": {one.name: one.kind.value for one in question.schema.features},
        "roles": json.loads(json.dumps(_roles(question.columns), sort_keys=True, default=repr)),
        "schema": hashlib.sha256(schema.encode()).hexdigest(),
        "cells": _hash(*cells, *columns),
        "answers": _hash(data.y, *(() if (c := question.encoded.classes) is None else (c,))),
        "weights": "" if data.weight is None else _hash(data.weight),
        "splitter": data.plan.splitter,
        "folds": len(data.plan.folds),
        "split": data.plan.digest,
    }


def check_same(home: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with another question than the run was begun with.

    Raises
    ------
    RunError
        E_RUN_OTHER, which names every difference.
    """
    other = [name for name in SAME if name in before and before[name] != now[name]]
    if other:
        said = "; ".join(_difference(name, before[name], now[name]) for name in other)
        raise RunError(
            "E_RUN_OTHER",
            f"The run in {str(home)!r} was begun with something else: {said}.",
            "Hand over the same again, or name another folder.",
        )


def as_before(strategy: Strategy, before: Mapping[str, Any]) -> Strategy:
    """Return a strategy that splits as often as the run did, where it leaves that to the engine.

    Else another budget or number of workers would mean other folds.
    """
    if not before or strategy.folds is not None or strategy.splitter is not None:
        return strategy
    return replace(strategy, folds=before["folds"])


def take_up(
    before: Past, schedule: Schedule, turns: Turns, catalog: Catalog
) -> tuple[list[Outcome], list[tuple[int, Candidate]]]:
    """Bring a schedule to where it was.

    Parameters
    ----------
    before : Past
    schedule : Schedule
    turns : Turns
        Tells it of the outcomes.
    catalog : Catalog

    Returns
    -------
    list of Outcome
        What stands, in the order in which it came.
    list of (int, Candidate)
        What has to be tried again, with its number.
    """
    known = {outcome.number: outcome.candidate for outcome in before.outcomes}
    known |= dict(before.waiting)
    there = {n for n in sorted(known) if schedule.take_up(known[n], before.proposals.get(n))}
    waiting = [(number, one) for number, one in before.waiting if number in there]
    ended = {outcome.number: outcome for outcome in before.outcomes if outcome.number in there}
    for number in sorted({*range(1, before.last + 1)} - {number for number, _ in waiting}):
        turns.take(number, ended.get(number))
    return [_usable(outcome, catalog) for outcome in before.outcomes], waiting


def _usable(outcome: Outcome, catalog: Catalog) -> Outcome:
    """Return an outcome, as a failure where what it is made of is not installed any more."""
    candidate = outcome.candidate
    names = {step.name for chain in candidate.preparation.values() for step in chain}
    gone = {candidate.algorithm} - set(catalog.algorithms) | names - set(catalog.preprocessors)
    if not gone or not isinstance(outcome, Evaluation):
        return outcome
    return Failure(
        number=outcome.number,
        candidate=candidate,
        reason=Reason.IMPORT,
        message=f"Not installed any more, or left out: {', '.join(sorted(gone))}.",
        seconds=outcome.seconds,
    )


def _roles(columns: Columns) -> dict[str, Any]:
    """Return what a user said of columns, but for their kinds, which the schema has."""
    said = asdict(columns)
    return {n: v for n, v in said.items() if v and n not in {"kinds", "ordered", "sensitive"}}


def _difference(name: str, before: Any, now: Any) -> str:
    if name in HASHES:
        return HASHES[name]
    if name == "columns":
        parts = {
            "missing": sorted(set(before) - set(now)),
            "new": sorted(set(now) - set(before)),
            "of another kind": sorted(n for n in before if n in now and before[n] != now[n]),
        }
        said = [f"{what}: {', '.join(names[:5])}" for what, names in parts.items() if names]
        return f"columns ({'; '.join(said)})"
    return f"{name} {before!r}, now {now!r}"


def _hash(*arrays: NDArray[Any]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.kind}{array.shape}".encode())
        if array.dtype.kind in "OUS":
            found.update(json.dumps(array.tolist(), default=repr).encode())
        else:
            found.update(array.tobytes())
    return found.hexdigest()
