"""What a preprocessor says that it computes is what it does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from automl.plugin.formulas import Formula
from automl.plugin.plain import TABLE, given_to
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import dense, unlike
from automl.testing.preparing import PreparationBench, arriving, copied
from automl.testing.problems import with_missing, with_unseen

if TYPE_CHECKING:
    from automl.data.table import Table

SECTION = "what-a-step-computes"

HUGE = (0.0, -0.0, 1.0, -1e-300, 1e15, -1e15, 1e30, -1e30)
"""Numbers as far out as the engine lets them in."""


@says(
    "The formula of a fitted step gives the columns that transform() gives, whatever the rows.",
    SECTION,
    when=lambda bench: bench.preprocessor.formula is not None,
)
def _the_formula_says_what_is_computed(bench: PreparationBench) -> None:
    declared = bench.preprocessor.formula
    for route in bench.routes:
        chain = bench.fitted(route)
        step = chain.steps[-1].transformer
        formula: object = None if declared is None else declared(step)
        if formula is None:
            continue
        if not isinstance(formula, Formula):
            raise CheckFailedError(
                f"{route.what}: formula() returns a {type(formula).__name__}.",
                "Return a Formula, or None where there is none.",
            )
        messy = route.kind is None or "missing" in route.traits
        for what, table in _hard(bench.problem.fresh, messy=messy).items():
            block = arriving(chain, table)
            given = given_to(TABLE, table) if route.kind is None else dense(block)
            expected, found = dense(step.transform(copied(block))), formula.outputs(given)
            if unlike(found, expected, 1e-9):
                raise CheckFailedError(
                    f"{route.what}, {what}: {_apart(found, expected)}.",
                    "Mend it, or return None where there is none.",
                )


def _hard(fresh: Table, *, messy: bool) -> dict[str, Table]:
    """Return tables by what is hard in them."""
    rng = np.random.default_rng(0)
    huge = replace(
        fresh,
        number=rng.choice(HUGE, fresh.number.shape),
        date=rng.choice([*HUGE, -6e10, 2e11, 951_782_400.0, 951_868_799.5], fresh.date.shape),
    )
    found = {"usual rows": fresh, "unseen levels": with_unseen(fresh), "numbers far away": huge}
    if messy:
        found["missing cells"] = with_unseen(with_missing(fresh))
        found["missing cells and numbers far away"] = with_missing(huge)
    return found


def _apart(found: object, expected: object) -> str:
    first, second = dense(found), dense(expected)
    if first.shape != second.shape:
        return f"the formula gives columns of shape {first.shape}, transform() of {second.shape}"
    same = np.isclose(first, second, rtol=1e-9, atol=1e-9, equal_nan=True)
    row, column = np.argwhere(~same)[0]
    return (
        f"the formula gives {first[row, column]} in column {column}, transform() "
        f"{second[row, column]}"
    )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
