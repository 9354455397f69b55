"""What an algorithm declares is true, and hard tables do not break it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import Prepared
from automl.data.table import Kind
from automl.errors import AutoMLError
from automl.testing.algorithms import SECTION
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import unlike
from automl.testing.learning import Case, Fit, LearningBench, check_values, stop_soon
from automl.testing.problems import (
    Problem,
    easy_problem,
    only_kind,
    with_constants,
    with_missing,
    with_unseen,
)
from automl.testing.process import reload_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

TRAITS = "what-an-algorithm-accepts"
ROUNDS = "learning-in-rounds"
SAVED = "how-a-fitted-object-is-saved"


def _accepts(*traits: str) -> Callable[[LearningBench], bool]:
    return lambda bench: bool(bench.algorithm.accepts & set(traits))


def _in_rounds(bench: LearningBench) -> bool:
    return bench.algorithm.fit is not None


@says(TRAITS, when=_accepts("missing"))
def missing_cells_are_accepted(bench: LearningBench) -> None:
    """Missing cells, and a column of nothing else, are fine since it accepts `missing`."""
    problem = easy_problem()
    spoiled = replace(
        problem, table=with_missing(problem.table), fresh=with_missing(problem.fresh, seed=2)
    )
    _fits(bench, spoiled, "with missing cells in training")
    for case in bench.cases:
        values = bench.fitted(case).values(spoiled.fresh)
        check_values(values, case, len(values), f"{case.task.name}, missing cells when predicting")


@says(TRAITS, when=_accepts("category", "string"))
def unseen_levels_are_accepted(bench: LearningBench) -> None:
    """Levels that training did not have (NaN) are fine since it accepts categories."""
    for case in bench.cases:
        values = bench.fitted(case).values(with_unseen(case.problem.fresh))
        check_values(values, case, len(values), f"{case.task.name}, unseen levels")


@says(TRAITS, when=_accepts("sparse"))
def sparse_matrices_are_accepted(bench: LearningBench) -> None:
    """A CSR matrix is fine for fitting and predicting since it accepts `sparse`."""
    from scipy.sparse import csr_matrix

    for case in bench.cases:
        prepared = bench.prepare(case)
        preparation = replace(prepared.preparation, sparse=True)
        X = csr_matrix(preparation.transform(case.problem.fresh))
        wide = Prepared(preparation=preparation, X=csr_matrix(prepared.X))
        values = bench.fit(case, Fit(report=stop_soon), wide).values_of(X)
        check_values(values, case, case.problem.fresh.n_rows, f"{case.task.name}, CSR")


@says(TRAITS, when=lambda bench: bench.algorithm.weights)
def heavier_rows_count_more(bench: LearningBench) -> None:
    """Of two rows that contradict each other the heavier one wins since it declares `weights`."""
    for case in bench.cases:
        prepared = bench.prepare(case)
        twice = np.tile(np.arange(len(case.y)), 2)
        contrary = case.n_classes - 1 - case.y if case.n_classes else case.y.max() - case.y
        both = replace(case, y=np.concatenate([case.y, contrary]))
        doubled = Prepared(preparation=prepared.preparation, X=prepared.X[twice])
        heavy = np.repeat([1.0, 0.001], len(case.y))
        true, turned = (
            bench.fit(both, Fit(weight=weight, validated=False), doubled).values(case.problem.fresh)
            for weight in (heavy, heavy[::-1].copy())
        )
        if _distance(case, true) >= _distance(case, turned):
            raise CheckFailedError(
                f"{case.task.name}: it learns the same from rows of weight 0.001 as from rows of "
                "weight 1.",
                "Hand sample_weight (or `weight` in fit) to the learner, or declare weights=False.",
            )


@says(TRAITS, when=lambda bench: bench.algorithm.fit is None and not bench.algorithm.weights)
def weights_are_declared(bench: LearningBench) -> None:
    """It declares `weights` if its estimators' fit() takes sample_weight."""
    for case in bench.cases:
        pipeline = bench.fitted(case)
        if "sample_weight" in inspect.signature(pipeline.estimator.fit).parameters:
            raise CheckFailedError(
                f"{type(pipeline.estimator).__name__}.fit() takes sample_weight.",
                "Declare weights=True.",
            )


@says(ROUNDS, when=_in_rounds)
def learning_stops_when_told(bench: LearningBench) -> None:
    """Once report() returns True there is no further round."""
    for case in bench.cases:
        calls: list[int] = []

        def report(round_: int, score: float | None = None, calls: list[int] = calls) -> bool:
            calls.append(round_)
            return len(calls) >= 3

        pipeline = bench.fit(case, Fit(report=report))
        values = pipeline.values(case.problem.fresh)
        check_values(values, case, len(values), f"{case.task.name}, stopped after three rounds")
        if len(calls) > 3:
            raise CheckFailedError(
                f"{case.task.name}: report() was called {len(calls)} times, and returned True at "
                "the third.",
                "Leave the loop when report() returns True.",
            )


@says(ROUNDS, when=_in_rounds)
def every_round_is_reported(bench: LearningBench) -> None:
    """report() is called in each round, with the round's number from 1 on."""
    for case in bench.cases:
        calls: list[int] = []

        def report(round_: int, score: float | None = None, calls: list[int] = calls) -> bool:
            calls.append(round_)
            return len(calls) >= 5

        bench.fit(case, Fit(report=report))
        if not calls or calls != list(range(1, len(calls) + 1)):
            raise CheckFailedError(
                f"{case.task.name}: report() was called with rounds {calls[:5]}.",
                "Call report(round_, score) after each round, with 1, 2, 3, ...",
            )


@says(ROUNDS, when=_in_rounds)
def validation_rows_are_optional(bench: LearningBench) -> None:
    """It learns without validation rows as well."""
    for case in bench.cases:
        pipeline = bench.fit(case, Fit(validated=False, report=stop_soon))
        values = pipeline.values(case.problem.fresh)
        check_values(values, case, len(values), f"{case.task.name}, no validation rows")


@says(ROUNDS, when=_in_rounds)
def interrupts_pass(bench: LearningBench) -> None:
    """What report() raises (an interrupt, say) leaves fit()."""

    class StopHereError(Exception):
        pass

    def report(round_: int, score: float | None = None) -> bool:
        raise StopHereError

    for case in bench.cases:
        try:
            bench.fit(case, Fit(report=report))
        except StopHereError:
            continue
        raise CheckFailedError(
            f"{case.task.name}: fit() went on after report() raised.",
            "Catch narrow exceptions, and none around report().",
        )


@says(SECTION)
def a_class_of_one_row_is_fine(bench: LearningBench) -> None:
    """A class of which training has one row, or none, is fine."""
    for case in bench.cases:
        if case.n_classes:
            last = np.flatnonzero(case.y == case.n_classes - 1)
            for kept in (1, 0):
                y = case.y.copy()
                y[last[kept:]] = 0
                rare = replace(case, y=y)
                values = bench.fit(rare, Fit(report=stop_soon)).values(case.problem.fresh)
                check_values(values, case, len(values), f"{case.task.name}, {kept} row of a class")


@says(SECTION)
def constant_columns_are_fine(bench: LearningBench) -> None:
    """Columns of one value only are fine."""
    problem = easy_problem()
    flat = replace(problem, table=with_constants(problem.table))
    _fits(bench, flat, "constant columns")


@says(SECTION)
def one_column_is_fine(bench: LearningBench) -> None:
    """A table of a single column is fine, of each kind that can reach it."""
    problem = easy_problem()
    chains = bench.space(bench.cases[0]).chains if bench.cases else {}
    for kind in chains:
        _fits(bench, only_kind(problem, Kind(kind), 1), f"one {kind} column")


@says(SECTION)
def few_rows_are_fine(bench: LearningBench) -> None:
    """Eight rows are fine."""
    _fits(bench, easy_problem(n_rows=8, n_fresh=8), "eight rows")


@says(SAVED, when=lambda bench: bench.algorithm.saved is not None)
def a_saved_model_loads_elsewhere(bench: LearningBench) -> None:
    """Saved as declared, it loads in a new process and gives the same values."""
    pipelines = [bench.fitted(case) for case in bench.cases]
    tables = [case.problem.fresh for case in bench.cases]
    try:
        loaded = reload_elsewhere(pipelines, tables, bench.catalog, bench.plugins)
    except AutoMLError as error:
        raise CheckFailedError(error.message, error.remedy) from error
    for pipeline, fresh, values in zip(pipelines, tables, loaded, strict=True):
        before = pipeline.values(fresh)
        if unlike(before, values, 1e-9):
            raise CheckFailedError(
                f"{pipeline.task.name}: values differ after loading, "
                f"by up to {np.abs(before - values).max():.3g}.",
                "Save everything that predict() needs, at full precision.",
            )


def _fits(bench: LearningBench, problem: Problem, of: str) -> None:
    for case in bench.cases_on(problem):
        pipeline = bench.fit(case, Fit(report=stop_soon))
        values = pipeline.values(problem.fresh)
        check_values(values, case, len(values), f"{case.task.name}, {of}")


def _distance(case: Case, values: Any) -> float:
    if case.n_classes:
        return float(np.mean(case.task.decide(values) != case.fresh_y))
    return float(np.mean((values - case.fresh_y) ** 2))


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
