"""What an algorithm claims beyond the rest: weights that count, quick rows, directions, memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import Prepared
from automl.data.schema import Schema
from automl.data.table import Kind
from automl.model.evaluator import border_rows
from automl.plugin.context import Context
from automl.plugin.formulas import Formula
from automl.plugin.tables import Trees
from automl.testing.algorithms import SECTION
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import dense, unlike
from automl.testing.learning import Case, Fit, LearningBench, stop_later
from automl.testing.problems import far_away, with_missing, with_unseen
from automl.testing.trees import random_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.table import Table

TRAITS = "what-an-algorithm-accepts"

TIMES = 4
"""How often a row is there twice and more, or how heavy it is."""

SHARE = 0.1
"""Weights lead at least so much of the way that repeated rows lead. Learners that look at some of
the rows in each round, or count rows in a leaf, do not go all the way."""

STEPS = 20
"""Values of a column between its ends, at which a direction is looked at."""


@says(
    "A weight of 4 leads to where four rows lead, at least in part, since it declares `weights`.",
    TRAITS,
    when=lambda bench: bench.algorithm.weights,
)
def _weights_are_like_repeated_rows(bench: LearningBench) -> None:
    kinds = {case.n_classes > 0: case for case in reversed(bench.cases)}
    for case in kinds.values():
        prepared = bench.prepare(case)
        n_rows = len(case.y)
        lowest = np.full_like(case.y, case.y.min())
        once, often = np.arange(n_rows), np.tile(np.arange(n_rows), TIMES)

        def values(
            rows: NDArray[Any],
            y: NDArray[Any],
            weight: NDArray[np.float64] | None,
            case: Case = case,
            prepared: Prepared = prepared,
        ) -> NDArray[np.float64]:
            given = Prepared(preparation=prepared.preparation, X=prepared.X[rows])
            how = Fit(weight=weight, validated=False, report=stop_later)
            pipeline = bench.fit(replace(case, y=y), how, given)
            return bench.ask(pipeline, case.problem.fresh)

        both = np.concatenate([once, once])
        y = np.concatenate([case.y, lowest])
        alike = values(both, y, np.ones(2 * n_rows))
        heavier = values(both, y, np.repeat([float(TIMES), 1.0], n_rows))
        repeated = values(
            np.concatenate([often, once]),
            np.concatenate([np.tile(case.y, TIMES), lowest]),
            np.ones((TIMES + 1) * n_rows),
        )
        way = repeated - alike
        share = float(np.sum((heavier - alike) * way)) / max(float(np.sum(way**2)), 1e-12)
        if share < SHARE and np.abs(way).max() > 1e-6 * np.abs(alike).max():
            raise CheckFailedError(
                f"{case.task.name}: a weight of {TIMES} moves the values {share:.0%} of the way "
                f"that rows that are there {TIMES} times move them.",
                "Use the weights as they are in every sum over rows, or declare weights=False.",
            )


@says(
    "The quick way gives the values that the usual way gives, whatever the rows.",
    SECTION,
    when=lambda bench: bench.algorithm.quick is not None,
)
def _the_quick_way_says_the_same(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fitted(case)
        for what, table in _hostile(case.problem.fresh).items():
            few = table.take(np.arange(3))
            usual = bench.ask(replace(pipeline, quick=None), few)
            if unlike(usual, bench.ask(pipeline, few), 1e-6):
                raise CheckFailedError(
                    f"{case.task.name}, {what}: quick() gives {bench.ask(pipeline, few)[0]}, "
                    f"predicting gives {usual[0]}.",
                    "Mend quick, or leave it out.",
                )


def _tabled(bench: LearningBench) -> Any:
    algorithm = bench.algorithm
    return algorithm.trees or algorithm.coefficients or algorithm.formula


@says(
    "The table of trees, or of coefficients, or the formula says what the estimator says, whatever "
    "the rows.",
    SECTION,
    when=lambda bench: _tabled(bench) is not None,
)
def _the_table_says_the_same(bench: LearningBench) -> None:
    declared = _tabled(bench)
    for case in bench.cases:
        pipeline = bench.fitted(case)
        learned = None if declared is None else declared(pipeline.estimator)
        if learned is None:
            continue
        for what, table in _hostile(case.problem.fresh).items():
            X = pipeline.preparation.transform(table)
            if isinstance(learned, Trees) and isinstance(X, np.ndarray):
                missing = "missing" in bench.algorithm.accepts
                X = border_rows(learned, X, 2 * len(X), missing=missing)
            values = (learned.outputs if isinstance(learned, Formula) else learned.values)(dense(X))
            usual = pipeline.values_of(X)
            found = pipeline.values_by(values if case.n_classes else values[:, 0])
            if unlike(usual, found, 1e-5):
                worst = int(np.abs(usual - found).reshape(len(usual), -1).max(axis=1).argmax())
                raise CheckFailedError(
                    f"{case.task.name}, {what}: the table gives {found[worst]}, predicting gives "
                    f"{usual[worst]}.",
                    "Mend it (do thresholds need `rounded`?), or return None where there is none.",
                )


@says(
    "The walk reaches the leaf that the splits lead to, in any tree.",
    SECTION,
    when=lambda bench: bench.algorithm.walk is not None,
)
def _the_walk_goes_where_the_splits_say(bench: LearningBench) -> None:
    for seed in range(3):
        trees = random_trees(seed, n_coded=seed)
        rows = border_rows(trees, np.zeros((1, 6)), 50)
        walk = None if bench.algorithm.walk is None else bench.algorithm.walk(trees)
        for row, expected in zip(rows, trees.walk(rows), strict=True):
            if walk is not None and not np.array_equal(walk(row), expected):
                raise CheckFailedError(
                    f"the row {row.tolist()} reaches the leaves {list(walk(row))}, expected "
                    f"{expected.tolist()}.",
                    "`Trees.walk` says what is meant; leave `walk` out where that is not possible.",
                )


def _hostile(table: Table) -> dict[str, Table]:
    return {
        "usual rows": table,
        "missing cells and new levels": with_unseen(with_missing(table)),
        "far numbers": far_away(table),
    }


@says(
    "Values go the way that was asked for since it declares `monotonic`.",
    SECTION,
    when=lambda bench: bench.algorithm.monotonic,
)
def _directions_are_kept(bench: LearningBench) -> None:
    for case in bench.cases:
        if case.n_classes > 2:
            continue
        for sign in (1, -1):
            bound = _directed(case, sign)
            pipeline = bench.fit(bound)
            ways = _ways(bench, pipeline, bound)
            worst = float((sign * np.diff(ways, axis=0)).min())
            if worst < -1e-9:
                raise CheckFailedError(
                    f"{case.task.name}: asked to go {'up' if sign > 0 else 'down'} with a column, "
                    f"values go {abs(worst):.3g} the other way.",
                    "Hand context.monotonic to the learner, or declare monotonic=False.",
                )


def _directed(case: Case, sign: int) -> Case:
    first = case.problem.schema.of(Kind.NUMBER)[0]
    features = tuple(
        replace(one, monotonic=sign) if one is first else one
        for one in case.problem.schema.features
    )
    return replace(case, problem=replace(case.problem, schema=Schema(features=features)))


def _ways(bench: LearningBench, pipeline: Any, case: Case) -> NDArray[np.float64]:
    """Return the values of each row as its first number goes from one end to the other."""
    fresh = case.problem.fresh
    known = case.problem.table.number[:, 0]
    found = []
    for value in np.linspace(float(known.min()), float(known.max()), STEPS):
        number = fresh.number.copy()
        number[:, 0] = value
        values = bench.ask(pipeline, replace(fresh, number=number))
        found.append(values[:, 1] if case.n_classes else values)
    return np.array(found)


@says(
    "memory() gives a number of bytes for any size, and no less for more rows.",
    SECTION,
    when=lambda bench: bench.algorithm.memory is not None,
)
def _the_estimate_of_memory_is_a_number(bench: LearningBench) -> None:
    for case in bench.cases:
        for start in bench.space(case).start_candidates():
            found = [_memory(bench, case, n_rows, dict(start.params)) for n_rows in (4, 10**6)]
            if not all(np.isfinite(one) and one >= 0 for one in found) or found[0] > found[1]:
                raise CheckFailedError(
                    f"{case.task.name}, {dict(start.params)}: memory() says {found[0]} bytes for 4 "
                    f"rows and {found[1]} for a million.",
                    "Return bytes: rows times what one row takes, and what the model takes.",
                )


def _memory(bench: LearningBench, case: Case, n_rows: int, params: dict[str, Any]) -> float:
    context = Context(
        task=case.task.like or case.task.name,
        n_classes=case.n_classes,
        n_rows=n_rows,
        n_columns=10,
    )
    estimate = bench.algorithm.memory
    return float("nan") if estimate is None else float(estimate(context, params))


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
