"""Hard tables and hard moments: sizes, units, orders and cells that training did not show."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from automl.data.schema import Schema
from automl.data.table import Table
from automl.plugin.context import Context
from automl.plugin.contributions import Saved
from automl.testing.algorithms import SECTION
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import unlike
from automl.testing.learning import Case, Fit, LearningBench, stop_at_once
from automl.testing.problems import (
    Problem,
    encoded_numbers,
    far_away,
    with_missing,
    with_unseen,
)
from automl.testing.process import sent

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS = "learning-in-rounds"
TRAITS = "what-an-algorithm-accepts"
SAVED = "how-a-fitted-object-is-saved"

MANY = 10_000
"""Rows of a table that is no longer small."""

LONG = 60.0
"""Seconds that a fit on so many rows may take."""

UNITS = ((1e-6, 0.0), (1e6, 1e9))
"""Factor and shift of a target in another unit."""


@says("10,000 rows (or as many as `max_rows` says) are fine, within a minute.", SECTION)
def _ten_thousand_rows_are_fine(bench: LearningBench) -> None:
    n_rows = min(MANY, bench.algorithm.max_rows or MANY)
    seconds = [_seconds(bench, n_rows // part) for part in (8, 4)]
    expected = seconds[1] * max(1.0, seconds[1] / max(seconds[0], 1e-9)) ** 2
    if seconds[1] > LONG / 100 and expected > LONG:
        raise CheckFailedError(
            f"{n_rows // 8:,} rows take {seconds[0]:.1f} s and {n_rows // 4:,} rows "
            f"{seconds[1]:.1f} s, so {n_rows:,} rows would take about {expected:.0f} s.",
            "Declare max_rows, or learn in rounds and stop when report() says so.",
        )
    _seconds(bench, n_rows)


def _seconds(bench: LearningBench, n_rows: int) -> float:
    problem = bench.problem(n_rows=n_rows)
    case = next(iter(bench.cases_on(problem)), None)
    if case is None:
        return 0.0
    prepared = bench.prepare(case)
    started = time.process_time()  # on a busy machine the clock on the wall says nothing
    pipeline = bench.fit(case, Fit(report=stop_at_once), prepared)
    bench.judge(bench.ask(pipeline, problem.fresh), case, f"{n_rows:,} rows")
    return time.process_time() - started


@says("Numbers far from those of training have finite values.", SECTION)
def _far_away_rows_have_finite_values(bench: LearningBench) -> None:
    for case in bench.cases:
        values = bench.ask(bench.fitted(case), far_away(case.problem.fresh))
        bench.judge(values, case, "numbers a million times as large")


@says(
    "Missing cells and new levels in columns that had none pass the preparation and the learner.",
    TRAITS,
    when=lambda bench: "missing" not in bench.algorithm.accepts,
)
def _cells_that_training_did_not_have_are_fine(bench: LearningBench) -> None:
    for case in bench.cases:
        spoiled = with_unseen(with_missing(case.problem.fresh, seed=2))
        values = bench.ask(bench.fitted(case), spoiled)
        bench.judge(values, case, "missing cells and new levels")


@says("Columns in another order are learned from as well.", SECTION)
def _the_order_of_the_columns_does_not_matter(bench: LearningBench) -> None:
    turned = bench.cases_on(_backwards(bench.problem()))
    for case, other in zip(bench.cases, turned, strict=True):
        values = bench.ask(bench.fit(other), other.problem.fresh)
        bench.judge(values, other, "columns in another order")
        usual = bench.ask(bench.fitted(case), case.problem.fresh)
        if _beats_the_constant(usual, case) and not _beats_the_constant(values, other):
            raise CheckFailedError(
                f"{case.task.name}: with the columns in another order it is no better than the "
                "best constant.",
                "See what each column is in context.categories, never from its place.",
            )


@says("A target in any unit is learned: in millionths, and in billions far from 0.", SECTION)
def _targets_of_any_unit_are_learned(bench: LearningBench) -> None:
    for case in bench.cases:
        usual = bench.ask(bench.fitted(case), case.problem.fresh)
        if case.n_classes or not _beats_the_constant(usual, case):
            continue
        for factor, shift in UNITS:
            other = _in_unit(case, factor, shift)
            if other is None:
                continue
            values = bench.ask(bench.fit(other), other.problem.fresh)
            bench.judge(values, other, f"a target times {factor:g} plus {shift:g}")
            if not _beats_the_constant(values, other):
                raise CheckFailedError(
                    f"{case.task.name}: with the target times {factor:g} plus {shift:g} it is no "
                    "better than the best constant.",
                    "Bring y to mean 0 and spread 1 in fit(), and back in predict().",
                )


@says(
    "A fitted estimator can be sent from a worker, and gives the same values there.",
    SAVED,
    when=lambda bench: not isinstance(bench.algorithm.saved, Saved),
)
def _a_fitted_estimator_can_be_sent(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fitted(case)
        try:
            arrived = replace(pipeline, estimator=sent(pipeline.estimator))
        except Exception as error:
            raise CheckFailedError(
                f"A fitted {type(pipeline.estimator).__name__} cannot be pickled: {error}.",
                "Keep no locks, files, threads or generators in it, or declare saved=Saved(...).",
            ) from error
        before = bench.ask(pipeline, case.problem.fresh)
        if unlike(before, bench.ask(arrived, case.problem.fresh), 1e-12):
            raise CheckFailedError(
                f"{case.task.name}: values differ after a pickle.",
                "Mend __getstate__ or __setstate__, or declare saved=Saved(...).",
            )


@says(
    "Ctrl-C while it learns leaves fit().",
    ROUNDS,
    when=lambda bench: bench.algorithm.fit is not None,
)
def _keyboard_interrupts_pass(bench: LearningBench) -> None:

    def report(round_: int, score: float | None = None) -> bool:
        raise KeyboardInterrupt(round_, score)

    for case in bench.cases:
        try:
            bench.fit(case, Fit(report=report))
        except KeyboardInterrupt:
            continue
        raise CheckFailedError(
            f"{case.task.name}: fit() went on after a KeyboardInterrupt.",
            "Catch Exception at most, never BaseException, and none around report().",
        )


@says(
    "There is a space for every size of table that it takes.",
    SECTION,
    when=lambda bench: callable(bench.algorithm.space),
)
def _there_is_a_space_for_every_size(bench: LearningBench) -> None:
    algorithm = bench.algorithm
    for case in bench.cases:
        for n_rows in (4, 1_000, 1_000_000):
            for n_columns in (1, 20, 10_000):
                context = Context(
                    task=case.task.like or case.task.name,
                    n_classes=min(case.n_classes, algorithm.max_classes or case.n_classes),
                    n_rows=min(n_rows, algorithm.max_rows or n_rows),
                    n_columns=min(n_columns, algorithm.max_columns or n_columns),
                )
                _check_space(algorithm.space(context), context)  # type: ignore[operator]  # asked


def _check_space(space: object, context: Context) -> None:
    size = f"{context.n_rows:,} rows and {context.n_columns:,} columns"
    for name, given in dict(space).items():  # type: ignore[call-overload]  # what it is, is asked
        try:
            if hasattr(given, "distribution"):
                given.distribution()
        except Exception as error:
            raise CheckFailedError(
                f"{size}: the range of {name!r} is {given!r}: {error}.",
                "Keep the lower end below the upper one for any context.",
            ) from error


def _backwards(problem: Problem) -> Problem:
    def turn(table: Table) -> Table:
        return Table(
            number=table.number[:, ::-1].copy(),
            category=table.category[:, ::-1].copy(),
            string=table.string[:, ::-1].copy(),
            text=table.text[:, ::-1].copy(),
            date=table.date[:, ::-1].copy(),
        )

    return replace(
        problem,
        schema=Schema(features=problem.schema.features[::-1]),
        table=turn(problem.table),
        fresh=turn(problem.fresh),
    )


def _in_unit(case: Case, factor: float, shift: float) -> Case | None:
    y = np.concatenate([case.y, case.fresh_y]) * factor + shift
    encoded = encoded_numbers(case.task, y)
    n_rows = len(case.y)
    if encoded is None:
        return None
    return replace(case, y=encoded.y[:n_rows], fresh_y=encoded.y[n_rows:])


def _beats_the_constant(values: NDArray[np.float64], case: Case) -> bool:
    constant = np.asarray(case.task.constant(case.y, None, case.n_classes))
    if case.n_classes:
        wrong = float(np.mean(case.task.decide(values) != case.fresh_y))
        return wrong < float(np.mean(case.fresh_y != int(constant.argmax())))
    error = float(np.mean((case.fresh_y - values) ** 2))
    return error < float(np.mean((case.fresh_y - constant) ** 2))


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
