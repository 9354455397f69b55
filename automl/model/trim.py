"""A blend with fewer candidates, where answers have to come sooner."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import FEW
from automl.data.apply import apply
from automl.data.frame import take_in
from automl.errors import InputError
from automl.model import reading
from automl.model.member import Part, Shelf
from automl.model.predictor import Predictor
from automl.search.scoring import Truth, columns_for, score_values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from automl.data.table import Table

N_TIMED = 40
"""Single rows by which a latency is measured; their median counts."""


def trim(predictor: Predictor, max_ms: float, rows: object, target: object = None) -> Predictor:
    """Return the best blend that answers a single row in time.

    The candidate without which the rows score best is left out, again and again; every blend on
    that way is timed and scored, and the best of those that are quick enough is it. Weights keep
    their proportions.

    Parameters
    ----------
    predictor : Predictor
    max_ms : float
        Milliseconds that a single row, read already, may take at the median on this machine.
    rows : path, URL-like string or table
        Rows whose target is known, best such as were not learned from.
    target : str, array of shape (n_rows,) or None, default=None
        As for `Predictor.evaluate`.

    Returns
    -------
    Predictor
        Ready. ``info["trimmed"]`` has the way: parts, milliseconds and score of each blend.

    Raises
    ------
    InputError
        ``E_INPUT_MAX_MS`` where even the quickest blend takes longer.
    """
    if not max_ms > 0:
        raise InputError("E_INPUT_MAX_MS", f"max_ms={max_ms!r}, expected a number above 0.")
    truth = predictor.target if target is None else target
    given = reading.with_truth(rows, truth, predictor.info.get("weight"), predictor.catalog)
    table = reading.bring(given.raw, predictor.schema, "error")
    metric, decide = predictor.metric, predictor.task.decide
    known = Truth(
        y=reading.encode(given.target, predictor.task, predictor.classes),
        weight=given.weight,
        columns=columns_for(metric, given),
    )
    sign = 1.0 if metric.greater_is_better else -1.0

    def judge(values: NDArray[Any]) -> float:
        return sign * score_values(metric, decide, known, values)

    sample = _sample(predictor)
    timed = table.take(slice(0, N_TIMED))
    way = []
    for parts in _ways(predictor, table, judge):
        smaller = _of_parts(predictor, parts, sample)
        smaller.ready()
        way.append((smaller, milliseconds(smaller, timed), judge(smaller.ensemble.values(table))))
    possible = [one for one in way if one[1] <= max_ms]
    if not possible:
        quickest = min(milliseconds for _, milliseconds, _ in way)
        raise InputError(
            "E_INPUT_MAX_MS",
            f"No part of the blend answers a row in {max_ms:g} ms: the quickest takes "
            f"{quickest:.3g} ms.",
            "Allow more, or learn with quicker algorithms only.",
        )
    best = max(possible, key=lambda one: one[2])[0]
    best.info["trimmed"] = {  # type: ignore[index]  # a dict of its own
        "max_ms": float(max_ms),
        "n_rows": table.n_rows,
        "metric": metric.name,
        "blends": [
            {
                "parts": len(one.parts),
                "members": sum(len(part.members) for part in one.parts),
                "ms": round(milliseconds, 4),
                "score": sign * score,
            }
            for one, milliseconds, score in way
        ],
    }
    return best


def _ways(
    predictor: Predictor, table: Table, judge: Callable[[NDArray[Any]], float]
) -> list[tuple[Part, ...]]:
    """Return ever smaller blends: the whole one, and each without the part that is missed least."""
    parts = list(predictor.parts)
    values = [
        Shelf((replace(part, weight=1.0),)).values(table, predictor.catalog) for part in parts
    ]
    left = list(range(len(parts)))
    ways = [tuple(parts)]

    def without(number: int) -> float:
        others = [one for one in left if one != number]
        total = sum(parts[one].weight for one in others)
        return judge(np.asarray(sum(parts[one].weight / total * values[one] for one in others)))

    while len(left) > 1:
        left.remove(max(left, key=without))
        total = sum(parts[one].weight for one in left)
        ways.append(tuple(replace(parts[one], weight=parts[one].weight / total) for one in left))
    return ways


def _of_parts(
    predictor: Predictor, parts: tuple[Part, ...], sample: Sequence[dict[str, Any]]
) -> Predictor:
    """Return a predictor of some parts; what was said of the whole blend alone is left out."""
    info = dict(predictor.info)
    if len(parts) < len(predictor.parts):
        info["cv_score"] = None
    made = Predictor(
        schema=predictor.schema,
        task=predictor.plain_task,
        metric=predictor.metric,
        target=predictor.target,
        classes=predictor.classes,
        parts=parts,
        catalog=predictor.catalog,
        info=info,
    )
    if sample and len(parts) < len(predictor.parts):
        table = apply(made.schema, take_in(list(sample)), on_missing="impute").table
        info["sample"] = {"rows": list(sample), "values": made.ensemble.values(table).tolist()}
    return made


def _sample(predictor: Predictor) -> list[dict[str, Any]]:
    return list((predictor.info.get("sample") or {}).get("rows") or ())


def milliseconds(predictor: Predictor, table: Table) -> float:
    """Return the median of what the first single rows take."""
    n_rows = min(table.n_rows, N_TIMED)
    rows = [table.take(slice(row, row + 1)) for row in range(n_rows)]
    for row in rows[:FEW]:
        predictor.ensemble.values(row)
    found = []
    for row in rows:
        start = time.perf_counter()
        predictor.ensemble.values(row)
        found.append(time.perf_counter() - start)
    return 1e3 * float(np.median(found))
