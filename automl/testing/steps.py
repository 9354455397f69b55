"""What more holds for preprocessors: lineage, hostile tables, the way between processes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.lineage import sources_of
from automl.candidate.preparation import given_to
from automl.plugin.contributions import Saved
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import dense, freeze, unlike
from automl.testing.preparing import (
    PreparationBench,
    arriving,
    columns_of,
    copied,
    matrices_of,
    run_chain,
)
from automl.testing.problems import (
    easy_problem,
    far_away,
    with_constants,
    with_missing,
    with_unseen,
)
from automl.testing.process import sent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.table import Table

SECTION = "automl_preprocessors"
SAVED = "how-a-fitted-object-is-saved"

MANY = 10_000
"""Rows of a table that is no longer small."""


@says("fit_transform() gives what fit() and transform() give.", SECTION)
def _both_ways_to_fit_give_the_same(bench: PreparationBench) -> None:
    step = bench.preprocessor
    if step.supervised or step.crossfits:
        return
    y = bench.target[1]
    for route in bench.routes:
        chain = bench.fitted(route)
        block = arriving(chain, bench.problem.table)
        transformer = bench.unfitted(route)
        if not hasattr(transformer, "fit_transform"):
            continue
        at_once = transformer.fit_transform(copied(block), y)
        if unlike(at_once, chain.steps[-1].transformer.transform(copied(block)), 1e-9):
            raise CheckFailedError(
                f"{route.what}: fit_transform(X, y) gives other columns than fit and transform.",
                "Let them do the same, or leave fit_transform() out.",
            )


@says("Whatever the rows, as many columns come out as in training.", SECTION)
def _the_number_of_columns_is_fixed(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain = bench.fitted(route)
        width = run_chain(chain, bench.problem.table).shape[1]
        for what, rows in _hostile(bench.problem.fresh).items():
            if "missing" in what and "missing" not in route.traits:
                continue
            found = width
            with contextlib.suppress(Exception):  # missing_and_unseen_cells_pass says it
                found = run_chain(chain, rows).shape[1]
            if found != width:
                raise CheckFailedError(
                    f"{route.what}: {width} columns come out in training, {found} for {what}.",
                    "Decide in fit() which columns come out.",
                )


@says("Numbers far from those of training come out as finite numbers.", SECTION)
def _far_away_numbers_stay_finite(bench: PreparationBench) -> None:
    for route in bench.routes:
        out = dense(run_chain(bench.fitted(route), far_away(bench.problem.fresh)))
        if out.dtype.kind == "f" and not np.isfinite(out).all():
            raise CheckFailedError(
                f"{route.what}: numbers a million times as large come out as "
                f"{out[~np.isfinite(out)][0]}.",
                "Bound what is squared, divided or put into exp().",
            )


@says("10,000 rows are fine.", SECTION)
def _ten_thousand_rows_are_fine(bench: PreparationBench) -> None:
    large = easy_problem(n_rows=MANY, n_fresh=10)
    y = np.resize(bench.target[1], MANY)
    # One way to it is enough: those with steps before it cost the time of these.
    for route in [route for route in bench.routes if not route.before] or bench.routes[:1]:
        run_chain(bench.chain(route, problem=large, y=y), large.table)


@says(
    "A column that comes out changes only with the columns that it is said to be made of.",
    SECTION,
)
def _the_lineage_is_true(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain = bench.fitted(route)
        block = arriving(chain, bench.problem.fresh)
        step = chain.steps[-1].transformer
        out = dense(step.transform(copied(block)))
        schema = bench.problem.schema
        columns = len(columns_of(block, schema))
        n_in, n_out = columns or block.shape[1], out.shape[1]
        if hasattr(step, "lineage"):
            said = len(list(step.lineage(n_in)))
            if said != n_out:
                raise CheckFailedError(
                    f"{route.what}: lineage({n_in}) speaks of {said} columns, {n_out} come out.",
                    "Return one tuple of column numbers for each column that comes out.",
                )
        sources = sources_of(step, n_in, n_out)
        for column in range(columns):
            other = copied(block)
            cells = columns_of(other, schema)[column]
            cells[:] = np.roll(cells, 1)
            changed = _changed(out, dense(step.transform(other)))
            wrong = [int(k) for k in changed if column not in sources[k]]
            if wrong:
                raise CheckFailedError(
                    f"{route.what}: column {wrong[0]} of what comes out changes with column "
                    f"{column}, and is said to be made of {list(sources[wrong[0]])}.",
                    "Mend lineage(n_in) or get_feature_names_out(names), or leave them out.",
                )


@says(
    "A fitted step can be sent from a worker, and gives the same columns there.",
    SAVED,
    when=lambda bench: not isinstance(bench.preprocessor.saved, Saved),
)
def _a_fitted_step_can_be_sent(bench: PreparationBench) -> None:
    for route in bench.routes:
        chain = bench.fitted(route)
        last = chain.steps[-1]
        try:
            arrived = replace(last, transformer=sent(last.transformer))
        except Exception as error:
            raise CheckFailedError(
                f"A fitted {type(last.transformer).__name__} cannot be pickled: {error}.",
                "Keep no locks, files, threads or generators in it, or declare saved=Saved(...).",
            ) from error
        again = replace(chain, steps=(*chain.steps[:-1], arrived))
        fresh = bench.problem.fresh
        if unlike(run_chain(chain, fresh), run_chain(again, fresh), 1e-12):
            raise CheckFailedError(
                f"{route.what}: it gives other columns after a pickle.",
                "Mend __getstate__ or __setstate__, or declare saved=Saved(...).",
            )


@says(
    "wants() says True or False for any block of a kind that it takes, and changes nothing.",
    SECTION,
    when=lambda bench: bench.preprocessor.wants is not None,
)
def _any_block_is_wanted_or_not(bench: PreparationBench) -> None:
    problem = bench.problem
    for route in bench.routes:
        if route.before:
            continue
        context = bench.context(route, problem)
        for what, rows in _hostile(problem.table).items():
            block = copied(given_to(route.kind, rows))
            freeze(matrices_of(block))
            said: object = bench.preprocessor.wants(block, context)  # type: ignore[misc]  # asked
            if not isinstance(said, bool | np.bool_):
                raise CheckFailedError(
                    f"{route.what}, {what}: wants() returned {said!r}.", "Return a bool."
                )


def _hostile(table: Table) -> dict[str, Table]:
    return {
        "one row": table.take(np.array([0])),
        "rows of one value": with_constants(table),
        "new levels": with_unseen(table),
        "missing cells": with_unseen(with_missing(table)),
        "far numbers": far_away(table),
    }


def _changed(out: NDArray[Any], now: NDArray[Any]) -> NDArray[np.intp]:
    """Return which columns came out otherwise."""
    if out.dtype == object:
        same = [out[:, k].tolist() == now[:, k].tolist() for k in range(out.shape[1])]
        return np.flatnonzero(~np.array(same, dtype=bool))
    return np.flatnonzero(~np.isclose(out, now, rtol=1e-9, atol=1e-9, equal_nan=True).all(axis=0))


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
