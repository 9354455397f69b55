"""What holds for every algorithm: how it is built, fitted and asked."""

from __future__ import annotations

import importlib
import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.pipeline import context_of
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import fingerprint, freeze, thaw, unlike
from automl.testing.learning import Case, Fit, LearningBench, check_values, setting_of, stop_soon
from automl.testing.problems import copy_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optuna.distributions import BaseDistribution

SECTION = "automl_algorithms"


@says("At least one of the tasks that it names is installed.", SECTION)
def _an_installed_task_is_served(bench: LearningBench) -> None:
    if not bench.cases:
        raise CheckFailedError(
            f"tasks={sorted(bench.algorithm.tasks)}, installed: {', '.join(bench.catalog.tasks)}.",
            "Name an installed task, or its `like`.",
        )


@says("Every module in `imports` can be found.", SECTION)
def _its_imports_are_there(bench: LearningBench) -> None:
    for name in bench.algorithm.imports:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise CheckFailedError(
                f"imports={bench.algorithm.imports}: {error}.",
                "Name modules that are there once `requires` are installed.",
            ) from error


@says("Every start and every option of the space survives JSON.", SECTION)
def _params_survive_json(bench: LearningBench) -> None:
    for case in bench.cases:
        space = bench.space(case)
        corners = [params for _, params in _corners(space.distributions())]
        for params in (*bench.algorithm.starts, *corners):
            try:
                back = json.loads(json.dumps(dict(params), allow_nan=False))
            except (TypeError, ValueError) as error:
                raise CheckFailedError(
                    f"{dict(params)} is not JSON: {error}.",
                    "Use bool, int, float, str and None, and turn them into objects in build().",
                ) from error
            if back != dict(params):
                raise CheckFailedError(
                    f"{dict(params)} comes back from JSON as {back}.",
                    "Use lists for tuples and strings for keys, and convert them in build().",
                )


@says("Every start fits and gives values, for every task.", SECTION)
def _every_start_fits(bench: LearningBench) -> None:
    for case in bench.cases:
        starts = bench.space(case).start_candidates()
        if starts:
            bench.fitted(case)
        for start in starts[1:]:
            pipeline = bench.fit(case, Fit(params=start.params, report=stop_soon))
            values = bench.ask(pipeline, case.problem.fresh)
            bench.judge(values, case, f"start {dict(start.params)}")


@says("Both ends of every range fit and give values.", SECTION)
def _corners_of_the_space_fit(bench: LearningBench) -> None:
    for number, case in enumerate(bench.cases):
        for what, params in _corners(bench.space(case).distributions()):
            if number and what not in {"all lowest", "all highest"}:
                continue
            chosen = bench.space(case).candidate(params).params
            try:
                pipeline = bench.fit(case, Fit(params=chosen, report=stop_soon))
                values = bench.ask(pipeline, case.problem.fresh)
            except Exception as error:
                raise CheckFailedError(
                    f"{case.task.name}, {what}: {chosen} raised {type(error).__name__}: {error}.",
                    "Narrow the space, or deal with these values in build().",
                ) from error
            bench.judge(values, case, f"{what}: {chosen}")


@says("build() neither changes the parameters nor hands out one object twice.", SECTION)
def _build_leaves_params_alone(bench: LearningBench) -> None:
    for case in bench.cases:
        prepared = bench.prepare(case)
        for start in bench.space(case).start_candidates():
            params = dict(start.params)
            context = _context(case, prepared)
            first = bench.algorithm.build(params, context)
            second = bench.algorithm.build(params, context)
            if params != start.params:
                raise CheckFailedError(
                    f"build() turned {dict(start.params)} into {params}.",
                    "Copy the parameters before changing them: params = dict(params).",
                )
            if first is second:
                raise CheckFailedError(
                    "build() returned the same object twice.", "Make a new estimator in each call."
                )


@says("Fitting and predicting work on read-only data and leave it as it was.", SECTION)
def _inputs_stay_untouched(bench: LearningBench) -> None:
    for case in bench.cases:
        prepared = bench.prepare(case)
        X = prepared.preparation.transform(copy_of(case.problem.fresh))
        weight = np.ones(len(case.y)) if bench.algorithm.weights else None
        arrays = [prepared.X, X, case.y, *([] if weight is None else [weight])]
        before = [fingerprint(array) for array in arrays]
        freeze(arrays)
        try:
            pipeline = bench.fit(case, Fit(weight=weight, report=stop_soon), prepared)
            pipeline.values_of(X)
        except ValueError as error:
            if "read-only" not in str(error) and "not writeable" not in str(error):
                raise
            raise CheckFailedError(
                f"{case.task.name}: it cannot work on what it was given read-only ({error}).",
                "Copy X, y or the weights before changing them.",
            ) from error
        finally:
            thaw(arrays)
        if before != [fingerprint(array) for array in arrays]:
            raise CheckFailedError(
                f"{case.task.name}: it changed what it was given, though it is read-only.",
                "Copy X, y or the weights before changing them.",
            )


@says(
    "Fitting and predicting leave random states, warnings, environment and folder alone.", SECTION
)
def _global_state_stays_untouched(bench: LearningBench) -> None:
    for case in bench.cases:
        bench.fitted(case)
        with watch(scrambled=True) as watched:
            bench.ask(bench.fit(case, Fit(report=stop_soon)), case.problem.fresh)
        if watched.changed:
            raise CheckFailedError(
                f"{case.task.name}: it changes {' and '.join(watched.changed)}.",
                "Use np.random.default_rng(context.seed), and `with warnings.catch_warnings():`.",
            )


@says("Fitting and predicting print nothing.", SECTION)
def _nothing_is_printed(bench: LearningBench) -> None:
    for case in bench.cases:
        with watch() as watched:
            bench.ask(bench.fit(case, Fit(report=stop_soon)), case.problem.fresh)
        if watched.printed.strip():
            line = watched.printed.strip().splitlines()[0]
            raise CheckFailedError(
                f"{case.task.name}: it prints {line[:80]!r}.",
                "Silence the library (verbose=0), or use the logging module.",
            )


@says("Values are finite, of the right shape, and probabilities add up to 1.", SECTION)
def _values_are_right(bench: LearningBench) -> None:
    for case in bench.cases:
        values = bench.ask(bench.fitted(case), case.problem.fresh)
        check_values(values, case, "the first start")


@says("Column k of the probabilities is that of class k.", SECTION)
def _classes_are_in_order(bench: LearningBench) -> None:
    for case in bench.cases:
        if case.n_classes:
            errors = _errors_by_order(bench, case)
            identity, best = errors[tuple(range(case.n_classes))], min(errors.values())
            if best < identity - 0.2:
                raise CheckFailedError(
                    f"{case.task.name}: {identity:.0%} of easy rows are wrong, but {best:.0%} when "
                    "the columns are swapped.",
                    "Return probabilities in the order of the codes 0, 1, ... in y.",
                )


@says("On an easy problem it is better than the best constant.", SECTION)
def _a_constant_is_beaten(bench: LearningBench) -> None:
    for case in bench.cases:
        constant = np.asarray(case.task.constant(case.y, None, case.n_classes))
        if case.n_classes:
            baseline = float(np.mean(case.fresh_y != int(constant.argmax())))
            reached = min(_errors_by_order(bench, case).values())
        else:
            values = bench.ask(bench.fitted(case), case.problem.fresh)
            baseline = float(np.mean((case.fresh_y - constant) ** 2))
            reached = float(np.mean((case.fresh_y - values) ** 2))
        if reached >= baseline:
            raise CheckFailedError(
                f"{case.task.name}: error {reached:.3g}, the best constant has {baseline:.3g}.",
                "See whether y, the parameters and context.categories reach the learner.",
            )


@says("The values of a row do not depend on the rows beside it.", SECTION)
def _one_row_gives_what_the_batch_gives(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fitted(case)
        batch = bench.ask(pipeline, case.problem.fresh)
        for row in (0, len(batch) // 2, len(batch) - 1):
            alone = bench.ask(pipeline, case.problem.fresh.take(np.array([row])))
            if unlike(alone, batch[row : row + 1], 1e-6):
                raise CheckFailedError(
                    f"{case.task.name}: row {row} alone gives {alone[0]}, in a batch {batch[row]}.",
                    "Learn everything in fit(); predict() must not look at other rows.",
                )


@says("Fitted twice with one seed it gives the same values on rows that it has not seen.", SECTION)
def _the_same_seed_gives_the_same_values(bench: LearningBench) -> None:
    for case in bench.cases:
        first = bench.ask(bench.fit(case), case.problem.fresh)
        second = bench.ask(bench.fit(case), case.problem.fresh)
        if unlike(first, second, 1e-12):
            raise CheckFailedError(
                f"{case.task.name}: values differ by up to {np.abs(first - second).max():.3g}.",
                "Pass context.seed to everything that is random.",
            )


@says("Asked twice for the same rows it says the same.", SECTION)
def _asking_changes_nothing(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fitted(case)
        first = bench.ask(pipeline, case.problem.fresh)
        bench.ask(pipeline, case.problem.table)
        if unlike(first, bench.ask(pipeline, case.problem.fresh), 1e-12):
            raise CheckFailedError(
                f"{case.task.name}: a second predict() gave other values than the first.",
                "predict() must not learn, and draws nothing at random.",
            )


@says(
    "It fits with two threads as well, since it declares `threads`.",
    SECTION,
    when=lambda bench: bench.algorithm.threads,
)
def _two_threads_fit(bench: LearningBench) -> None:
    for case in bench.cases:
        pipeline = bench.fit(case, Fit(threads=2, report=stop_soon))
        bench.judge(bench.ask(pipeline, case.problem.fresh), case, "two threads")


def _context(case: Case, prepared: Any) -> Any:
    return context_of(prepared.preparation, prepared.X, setting_of(case), case.n_classes)


def _errors_by_order(bench: LearningBench, case: Case) -> dict[tuple[int, ...], float]:
    """Return the share of wrong labels for each order in which the columns could be meant."""
    values = bench.ask(bench.fitted(case), case.problem.fresh)
    orders = itertools.permutations(range(case.n_classes))
    return {
        order: float(np.mean(case.task.decide(values[:, list(order)]) != case.fresh_y))
        for order in orders
    }


def _corners(
    distributions: Mapping[str, BaseDistribution],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the ends of each range, one at a time and all at once."""
    ends = {name: _ends(given) for name, given in distributions.items()}
    if not ends:
        return
    yield "all lowest", {name: values[0] for name, values in ends.items()}
    yield "all highest", {name: values[-1] for name, values in ends.items()}
    for name, values in ends.items():
        if not name.startswith("prepare:"):
            yield from ((f"{name} alone", {name: value}) for value in values)


def _ends(given: Any) -> list[Any]:
    return list(given.choices) if hasattr(given, "choices") else [given.low, given.high]


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
