"""What holds for every preprocessor."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.chains import after
from automl.candidate.pipeline import FittedChain, Pipeline, Preparation
from automl.candidate.preparation import given_to, rows_of
from automl.candidate.recipe import Candidate
from automl.errors import AutoMLError
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import dense, fingerprint, freeze, thaw, unlike
from automl.testing.preparing import (
    PreparationBench,
    Route,
    arriving,
    copied,
    matrices_of,
    run_chain,
)
from automl.testing.problems import (
    easy_problem,
    with_constants,
    with_missing,
    with_unseen,
)
from automl.testing.process import reload_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator


SECTION = "automl_preprocessors"
MOST = 100.0
"""Numbers that are called scaled stay below this, whatever the unit was."""


@says(
    "Columns of at least one kind have all the traits that it takes, maybe after other steps.",
    SECTION,
)
def _some_columns_reach_it(bench: PreparationBench) -> None:
    if not bench.routes:
        raise CheckFailedError(
            f"takes={sorted(bench.preprocessor.takes)}: no kind of column ever has all of these.",
            "Take one kind (number, category, string, text, date), and missing or unscaled.",
        )


@says("What comes out has other traits than what went in.", SECTION)
def _it_is_of_use(bench: PreparationBench) -> None:
    for route in bench.routes:
        if after(route.traits, bench.preprocessor) == route.traits:
            raise CheckFailedError(
                f"{route.what} columns have {sorted(route.traits)} before and after it.",
                "Say in `takes`, `emits` and `removes` what it changes; else it is never chosen.",
            )


@says("One row comes out for each row, in their order.", SECTION)
def _rows_keep_their_number_and_order(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain = bench.fitted(route)
        # Of what arrives, not of the table: steps before may differ in the last bits.
        block, step = arriving(chain, bench.problem.fresh), chain.steps[-1].transformer
        out = step.transform(copied(block))
        n_rows = bench.problem.fresh.n_rows
        if out.shape[0] != n_rows:
            raise CheckFailedError(
                f"{route.what}: {n_rows} rows went in, {out.shape[0]} came out.",
                "Never drop or add rows in transform().",
            )
        backwards = np.arange(n_rows)[::-1]
        if unlike(out[backwards], step.transform(rows_of(block, backwards)), 1e-9):
            raise CheckFailedError(
                f"{route.what}: rows in another order give other rows.",
                "Learn everything in fit(); transform() must not look at other rows.",
            )


@says("What comes out for a row does not depend on the rows beside it.", SECTION)
def _one_row_gives_what_the_batch_gives(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain = bench.fitted(route)
        block, step = arriving(chain, bench.problem.fresh), chain.steps[-1].transformer
        batch = dense(step.transform(copied(block)))
        for row in (0, bench.problem.fresh.n_rows - 1):
            alone = dense(step.transform(copied(rows_of(block, slice(row, row + 1)))))
            if unlike(alone, batch[row : row + 1], 1e-9):
                raise CheckFailedError(
                    f"{route.what}: row {row} alone gives {alone[0][:5]}, "
                    f"in a batch {batch[row][:5]}.",
                    "Learn everything in fit(); transform() must not look at other rows.",
                )


@says("Fitted twice, or asked twice, it gives the same.", SECTION)
def _the_same_data_gives_the_same_columns(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain, fresh = bench.fitted(route), bench.problem.fresh
        first = run_chain(chain, fresh)
        run_chain(chain, bench.problem.table)
        for again, what in ((chain, "asked"), (bench.chain(route), "fitted")):
            if unlike(first, run_chain(again, fresh), 1e-12):
                raise CheckFailedError(
                    f"{route.what}: {what} a second time it gives other columns.",
                    "Learn in fit() only, and pass context.seed to everything that is random.",
                )


@says(
    "Missing cells, unseen levels and columns of nothing else are fine where they can arrive.",
    SECTION,
)
def _missing_and_unseen_cells_pass(bench: PreparationBench) -> None:
    for route in bench.routes:
        if "missing" in route.traits:
            table = with_missing(bench.problem.table)
            chain = bench.chain(route, table=table)
            for rows in (bench.problem.fresh, with_unseen(with_missing(bench.problem.fresh))):
                run_chain(chain, rows)
        run_chain(bench.fitted(route), with_unseen(bench.problem.fresh))


@says(
    "What comes out has the traits that are left: no missing cell, no CSR, no other scale.", SECTION
)
def _what_it_emits_is_true(bench: PreparationBench) -> None:
    for route in bench.routes:
        left = after(route.traits, bench.preprocessor)
        messy = "missing" in route.traits
        table = with_missing(bench.problem.table) if messy else bench.problem.table
        fresh = with_unseen(with_missing(bench.problem.fresh)) if messy else bench.problem.fresh
        out = None
        with contextlib.suppress(Exception):  # missing_and_unseen_cells_pass says that it raises
            out = run_chain(bench.chain(route, table=table), fresh)
        if out is None:
            continue
        _check_form(out, left, route)
        numbers = dense(out)
        if numbers.dtype == object or np.issubdtype(numbers.dtype, np.integer):
            continue
        if "missing" not in left and not np.isfinite(numbers).all():
            raise CheckFailedError(
                f"{route.what}: cells that are missing or not finite come out, and `missing` is "
                "not among what is left.",
                "Fill them, or emit 'missing'.",
            )
        if "unscaled" in route.traits - left:
            largest = float(np.nanmax(np.abs(numbers), initial=0.0))
            if largest > MOST:
                raise CheckFailedError(
                    f"{route.what}: numbers up to {largest:.3g} come out, and `unscaled` is gone.",
                    "Scale them, or do not take or remove 'unscaled'.",
                )


@says(
    "It does not learn from the target since it does not declare `supervised`.",
    SECTION,
    when=lambda bench: not bench.preprocessor.supervised,
)
def _the_target_is_not_read(bench: PreparationBench) -> None:
    for route in bench.routes:
        other = bench.target[1][::-1].copy()
        fresh = bench.problem.fresh
        if unlike(
            run_chain(bench.fitted(route), fresh),
            run_chain(bench.chain(route, y=other), fresh),
            1e-12,
        ):
            raise CheckFailedError(
                f"{route.what}: another target gives other columns.",
                "Declare supervised=True, so that it is fitted without the rows it is used on.",
            )


@says("Fitting and transforming work on read-only blocks and leave them as they were.", SECTION)
def _inputs_stay_untouched(bench: PreparationBench) -> None:
    for route in bench.routes:
        block = copied(given_to(route.kind, bench.problem.table))
        for step in bench.chain(route).steps[:-1]:
            block = step.transformer.transform(block)
        given = [*matrices_of(block), bench.target[1].copy()]
        y = given[-1]
        before = [fingerprint(one) for one in given]
        freeze(given)
        transformer = bench.chain(route).steps[-1].transformer
        try:
            transformer.fit(block, y)
            transformer.transform(block)
        except ValueError as error:
            if "read-only" not in str(error) and "not writeable" not in str(error):
                raise
            raise CheckFailedError(
                f"{route.what}: it cannot work on what it was given read-only ({error}).",
                "Copy X before changing it.",
            ) from error
        finally:
            thaw(given)
        if before != [fingerprint(one) for one in given]:
            raise CheckFailedError(
                f"{route.what}: it changed what it was given, though it is read-only.",
                "Copy X before changing it.",
            )


@says(
    "Fitting and transforming print nothing and leave random states and environment alone.", SECTION
)
def _global_state_stays_untouched(bench: PreparationBench) -> None:
    for route in bench.routes:
        bench.fitted(route)
        with watch(scrambled=True) as watched:
            run_chain(bench.chain(route), bench.problem.fresh)
        if watched.changed or watched.printed.strip():
            raise CheckFailedError(
                f"{route.what}: it changes {' and '.join(watched.changed) or 'nothing'}, and "
                f"prints {watched.printed[:80]!r}.",
                "Use np.random.default_rng(context.seed), and print nothing.",
            )


@says("Both ends of every range survive JSON, fit and transform.", SECTION)
def _ends_of_the_space_fit(bench: PreparationBench) -> None:
    for route in bench.routes:
        for params in _ends(bench.preprocessor.space):
            if json.loads(json.dumps(params)) != params:
                raise CheckFailedError(f"{params} does not survive JSON.", "Use plain values.")
            run_chain(bench.chain(route, params=params), bench.problem.fresh)


@says("Columns of one value, and three rows, are fine.", SECTION)
def _constant_columns_and_few_rows_are_fine(bench: PreparationBench) -> None:
    for route in bench.routes:
        run_chain(
            bench.chain(route, table=with_constants(bench.problem.table)), bench.problem.fresh
        )
        few = easy_problem(n_rows=3, n_fresh=5)
        run_chain(bench.chain(route, problem=few), few.fresh)


@says(
    "Saved as declared, it loads in a new process and gives the same columns.",
    "how-a-fitted-object-is-saved",
    when=lambda bench: bench.preprocessor.saved is not None,
)
def _a_saved_step_loads_elsewhere(bench: PreparationBench) -> None:
    chains = [bench.fitted(route) for route in bench.routes]
    tables = [bench.problem.fresh for _ in chains]
    pipelines = [_pipeline(bench, chain) for chain in chains]
    try:
        loaded = reload_elsewhere(pipelines, tables, bench.catalog, bench.plugins, prepared=True)
    except AutoMLError as error:
        raise CheckFailedError(error.message, error.remedy) from error
    for pipeline, fresh, columns in zip(pipelines, tables, loaded, strict=True):
        if unlike(pipeline.preparation.transform(fresh), columns, 1e-9):
            raise CheckFailedError(
                "It gives other columns after loading.",
                "Save everything that transform() needs, at full precision.",
            )


def _check_form(out: Any, left: frozenset[str], route: Route) -> None:
    sparse = not isinstance(out, np.ndarray)
    if sparse != ("sparse" in left):
        raise CheckFailedError(
            f"{route.what}: a {type(out).__name__} comes out, and `sparse` is "
            f"{'not ' if sparse else ''}among what is left.",
            "Emit 'sparse' exactly where a CSR matrix comes out.",
        )
    if sparse and out.format != "csr":
        raise CheckFailedError(f"A {out.format} matrix comes out.", "Return .tocsr().")
    if out.ndim != 2:
        raise CheckFailedError(f"An array of shape {out.shape} comes out.", "Return a matrix.")
    if {"text", "string", "category"}.isdisjoint(left) and out.dtype != np.float64:
        raise CheckFailedError(
            f"{route.what}: {out.dtype} comes out.", "Return float64, what learners are given."
        )


def _ends(space: Any) -> Iterator[dict[str, Any]]:
    for last in (False, True):
        ends = {}
        for name, given in space.items():
            found = given.distribution() if hasattr(given, "distribution") else given
            values = getattr(found, "choices", None) or (found.low, found.high)
            ends[name] = values[-1 if last else 0]
        yield ends


def _pipeline(bench: PreparationBench, chain: FittedChain) -> Pipeline:
    task, _, n_classes = bench.target
    sparse = not isinstance(run_chain(chain, bench.problem.fresh), np.ndarray)
    return Pipeline(
        candidate=Candidate(algorithm="nothing"),
        task=task,
        n_classes=n_classes,
        preparation=Preparation(
            chains=(chain,), sparse=sparse, categories=(), n_levels=(), names=()
        ),
        estimator=None,
        present=(),
        constant=(1.0,) * max(n_classes, 1),
    )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
