"""How much worse the score becomes when the cells of a column are mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import InputError
from automl.explain.columns import UserColumns
from automl.explain.importance import Importance
from automl.model import reading
from automl.model.explained import evenly
from automl.model.judge import Judge, draw_rows
from automl.search.scoring import columns_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.model.predictor import Predictor

DRAWS = 100
"""Bootstrap samples of the rows behind an interval."""

MOST_ROWS = 5_000
"""Rows that are looked at unless more are asked for, evenly spread."""


def permutation_importance(
    predictor: Predictor,
    source: object,
    target: object = None,
    *,
    repeats: int = 5,
    max_rows: int = MOST_ROWS,
    seed: int = 0,
) -> Importance:
    """Measure by how much the score falls when a column's cells go to other rows.

    All cells of a column of the table are permuted together, before anything is made of them, and
    the run's metric is asked again. What columns say together is lost by none of them alone: of two
    columns that say the same, neither may matter. Rows that were learned from flatter; take others.

    Parameters
    ----------
    predictor : Predictor
    source : path, URL-like string or table
        Rows whose target is known.
    target : str, array of shape (n_rows,) or None, default=None
        As for `Predictor.evaluate`. Weights and columns that the metric reads are used as there.
    repeats : int, default=5
        Permutations of each column.
    max_rows : int, default=5000
        Rows that are looked at, evenly spread.
    seed : int, default=0

    Returns
    -------
    Importance
        Differences of scores, positive where the column helps. The intervals are about other rows
        and other permutations: percentiles of 100 bootstrap samples (L. Breiman, "Random forests",
        Machine Learning 45, 2001, for the measure).

    Raises
    ------
    InputError
        ``E_INPUT_REPEATS`` for less than one repeat or two rows; ``E_INPUT_SCORE`` where the
        metric has no score for these rows.
    DataError
        ``E_DATA_LABELS`` as for `Predictor.evaluate`.
    """
    truth = predictor.target if target is None else target
    given = reading.with_truth(source, truth, predictor.info.get("weight"), predictor.catalog)
    table = reading.bring(given.raw, predictor.schema, "error")
    if repeats < 1 or max_rows < 2 or table.n_rows < 2:
        raise InputError(
            "E_INPUT_REPEATS",
            f"{repeats} repeats on {min(max_rows, table.n_rows)} rows: expected one and two.",
        )
    judge = Judge(
        metric=predictor.metric,
        decide=predictor.task.decide,
        y=reading.encode(given.target, predictor.task, predictor.classes),
        weight=given.weight,
        columns=columns_for(predictor.metric, given),
    )
    rows = evenly(table.n_rows, max_rows)
    table, judge = table.take(rows), judge.of(rows)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(rows)) for _ in range(repeats)]
    drawn = [draw_rows(judge.y, rng) for _ in range(DRAWS)]
    values = predictor.ensemble.values(table)
    whole = judge.gain(values)
    if not np.isfinite(whole):
        raise InputError(
            "E_INPUT_SCORE", f"The metric {judge.metric.name!r} has no score for these rows."
        )
    scored = [(sample, judge.of(sample)) for sample in drawn]
    before = np.array([part.gain(values[sample]) for sample, part in scored])
    columns = UserColumns(predictor.schema)
    found = []
    for number in range(len(columns.names)):
        mixed = [
            predictor.ensemble.values(columns.permuted(table, number, order)) for order in orders
        ]
        after = [part.gain(mixed[i % repeats][sample]) for i, (sample, part) in enumerate(scored)]
        lost = whole - float(np.mean([judge.gain(one) for one in mixed]))
        found.append((lost, *_interval(before - np.array(after), lost)))
    means, lows, highs = np.array(found).reshape(-1, 3).T
    return Importance.of(
        columns.names,
        means,
        lows,
        highs,
        what=f"what {judge.metric.name} loses without the column",
        n_rows=len(rows),
    )


def _interval(losses: NDArray[Any], lost: float) -> tuple[float, float]:
    """Return the middle 95 % of losses that are known, and the loss itself inside."""
    known = losses[np.isfinite(losses)]
    if not len(known):
        return lost, lost
    low, high = np.percentile(known, [2.5, 97.5])
    return min(float(low), lost), max(float(high), lost)
