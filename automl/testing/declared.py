"""What an algorithm declares is true, and hard tables do not break it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from automl.candidate.pipeline import Prepared
from automl.data.table import Kind
from automl.errors import AutoMLError
from automl.testing.algorithms import SECTION
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import unlike
from automl.testing.learning import Fit, LearningBench, stop_soon
from automl.testing.problems import (
    Problem,
    copy_of,
    easy_problem,
    labels_of,
    only_kinds,
    raw_columns,
    with_constants,
    with_missing,
    with_unseen,
)
from automl.testing.process import reload_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

TRAITS = "what-an-algorithm-accepts"
ROUNDS = "learning-in-rounds"
RUN = "how-the-engine-decides-who-is-tried"
SAVED = "how-a-fitted-object-is-saved"


def _accepts(*traits: str) -> Callable[[LearningBench], bool]:
    return lambda bench: bool(bench.algorithm.accepts & set(traits))


def _in_rounds(bench: LearningBench) -> bool:
    return bench.algorithm.fit is not None


@says(
    "Missing cells (unseen levels too, columns of nothing else too) pass: it accepts `missing`.",
    TRAITS,
    when=_accepts("missing"),
)
def _missing_cells_are_accepted(bench: LearningBench) -> None:
    problem = bench.problem()
    spoiled = replace(
        problem, table=with_missing(problem.table), fresh=with_missing(problem.fresh, seed=2)
    )
    _fits(bench, spoiled, "with missing cells in training")
    for case in bench.cases:
        values = bench.ask(bench.fitted(case), with_unseen(spoiled.fresh))
        bench.judge(values, case, "missing cells when predicting")


@says(
    "A CSR matrix is fine for fitting and predicting since it accepts `sparse`.",
    TRAITS,
    when=_accepts("sparse"),
)
def _sparse_matrices_are_accepted(bench: LearningBench) -> None:
    from scipy.sparse import csr_matrix

    for case in bench.cases:
        usual = bench.prepare(case)
        preparation = replace(usual.preparation, sparse=True)
        made = Prepared(preparation=preparation, X=csr_matrix(usual.X))
        for prepared in (made, bench.prepare(case, Fit(sparse=True))):
            X = csr_matrix(prepared.preparation.transform(copy_of(case.problem.fresh)))
            values = bench.fit(case, Fit(report=stop_soon), prepared).values_of(X)
            bench.judge(values, case, "CSR")


@says(
    "It declares `weights` if its estimators' fit() takes sample_weight.",
    TRAITS,
    when=lambda bench: bench.algorithm.fit is None and not bench.algorithm.weights,
)
def _weights_are_declared(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fitted(case)
        if "sample_weight" in inspect.signature(pipeline.estimator.fit).parameters:
            raise CheckFailedError(
                f"{type(pipeline.estimator).__name__}.fit() takes sample_weight.",
                "Declare weights=True.",
            )


class _Rounds:
    """Hears of each round, and says stop from the given call on."""

    def __init__(self, last_call: int) -> None:
        self.last_call = last_call
        self.heard: list[int] = []

    def __call__(self, round_: int, score: float | None = None) -> bool:
        del score
        self.heard.append(round_)
        return len(self.heard) >= self.last_call


@says("Once report() returns True there is no further round.", ROUNDS, when=_in_rounds)
def _learning_stops_when_told(bench: LearningBench) -> None:
    for case in bench.cases:
        rounds = _Rounds(last_call=3)
        values = bench.ask(bench.fit(case, Fit(report=rounds)), case.problem.fresh)
        bench.judge(values, case, "stopped after three rounds")
        if len(rounds.heard) > 3 and max(rounds.heard) > rounds.heard[2]:
            raise CheckFailedError(
                f"{case.task.name}: report() returned True in round {rounds.heard[2]}, and heard "
                f"of round {max(rounds.heard)}.",
                "Leave the loop when report() returns True.",
            )


@says("report() hears of the rounds, by numbers that grow from 1 on.", ROUNDS, when=_in_rounds)
def _every_round_is_reported(bench: LearningBench) -> None:
    for case in bench.cases:
        rounds = _Rounds(last_call=5)
        bench.fit(case, Fit(report=rounds))
        heard = rounds.heard
        if not heard or heard[0] < 1 or sorted(heard) != heard:
            raise CheckFailedError(
                f"{case.task.name}: report() heard of rounds {heard[:5]}.",
                "Call report(round_, score) after each round, with numbers that grow from 1 on.",
            )


@says("It learns without validation rows as well.", ROUNDS, when=_in_rounds)
def _validation_rows_are_optional(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fit(case, Fit(validated=False, report=stop_soon))
        values = bench.ask(pipeline, case.problem.fresh)
        bench.judge(values, case, "no validation rows")


@says("What report() raises (an interrupt, say) leaves fit().", ROUNDS, when=_in_rounds)
def _interrupts_pass(bench: LearningBench) -> None:

    class StopHereError(Exception):
        pass

    def report(round_: int, score: float | None = None) -> bool:
        raise StopHereError(round_, score)

    for case in bench.cases:
        try:
            bench.fit(case, Fit(report=report))
        except StopHereError:
            continue
        raise CheckFailedError(
            f"{case.task.name}: fit() went on after report() raised.",
            "Catch narrow exceptions, and none around report().",
        )


@says("A class of which training has one row, or none, is fine.", SECTION)
def _a_class_of_one_row_is_fine(bench: LearningBench) -> None:
    for case in bench.cases:
        if case.n_classes:
            last = np.flatnonzero(case.y == case.n_classes - 1)
            for kept in (1, 0):
                y = case.y.copy()
                y[last[kept:]] = 0
                rare = replace(case, y=y)
                values = bench.ask(bench.fit(rare, Fit(report=stop_soon)), case.problem.fresh)
                bench.judge(values, case, f"{kept} row of a class")


@says("Columns of one value only are fine.", SECTION)
def _constant_columns_are_fine(bench: LearningBench) -> None:
    problem = bench.problem()
    flat = replace(problem, table=with_constants(problem.table))
    _fits(bench, flat, "constant columns")


@says("A table of a single column is fine, of each kind that can reach it.", SECTION)
def _one_column_is_fine(bench: LearningBench) -> None:
    problem = easy_problem()
    case = next(iter(bench.cases_on(problem)), None)
    for kind in Kind:
        if case and kind.value in bench.space(case).chains:
            _fits(bench, only_kinds(problem, [kind], 1), f"one {kind} column")


@says("Eight rows are fine.", SECTION)
def _few_rows_are_fine(bench: LearningBench) -> None:
    _fits(bench, bench.problem(n_rows=8, n_fresh=8), "eight rows")


@says(
    "Saved as declared, it loads in a new process and gives the same values.",
    SAVED,
    when=lambda bench: bench.algorithm.saved is not None,
)
def _a_saved_model_loads_elsewhere(bench: LearningBench) -> None:
    pipelines = [bench.fitted(case) for case in bench.cases]
    tables = [case.problem.fresh for case in bench.cases]
    try:
        loaded = reload_elsewhere(pipelines, tables, bench.catalog, bench.plugins)
    except AutoMLError as error:
        raise CheckFailedError(error.message, error.remedy) from error
    for pipeline, fresh, values in zip(pipelines, tables, loaded, strict=True):
        before = bench.ask(pipeline, fresh)
        if unlike(before, values, 1e-9):
            raise CheckFailedError(
                f"{pipeline.task.name}: values differ after loading, "
                f"by up to {np.abs(before - values).max():.3g}.",
                "Save everything that predict() needs, at full precision.",
            )


@says("A run of two trials completes with it as the only algorithm.", RUN)
def _a_run_completes(bench: LearningBench) -> None:
    from automl.engine import fit
    from automl.plugin.selection import Plugins
    from automl.search.budget import Budget
    from automl.search.strategy import Strategy

    name = bench.algorithm.name
    problem = easy_problem()
    case = next(iter(bench.cases_on(problem)), None)
    if case is None:
        return
    columns = raw_columns(problem, tuple(bench.space(case).chains) or (Kind.NUMBER.value,))
    result = fit(
        columns,
        labels_of(case.task, problem),
        budget=Budget(trials=2),
        n_jobs=1,
        plugins=Plugins(only=(name,), without=("listener:*",), add=bench.plugins.add),
        strategy=Strategy(task=case.task.name),
    )
    rows = [row for row in result.leaderboard.rows if row.algorithm == name]
    if not any(row.status == "complete" for row in rows):
        said = "; ".join(row.message for row in rows) or "it was not tried"
        raise CheckFailedError(
            f"{case.task.name}: no trial was completed: {said}.", "Mend the first cause named here."
        )
    told = len(result.predictor.predict(columns))
    if told != len(problem.hidden):
        raise CheckFailedError(
            f"{case.task.name}: {told} predictions for {len(problem.hidden)} rows.",
            "Return one value for each row.",
        )


def _fits(bench: LearningBench, problem: Problem, of: str) -> None:
    for case in bench.cases_on(problem):
        pipeline = bench.fit(case, Fit(report=stop_soon))
        values = bench.ask(pipeline, problem.fresh)
        bench.judge(values, case, f"{of}")


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
