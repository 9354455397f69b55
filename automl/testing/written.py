"""An algorithm that is written down as code learns the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl.data.table import Kind
from automl.errors import PluginError
from automl.plugin.code import Code
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.learning import Fit, LearningBench, stop_soon
from automl.testing.problems import easy_problem, only_kinds

SECTION = "how-something-is-written-as-code"

REFUSED = "E_PLUGIN_CODE"
"""How code() says that what was learned cannot be written down."""

TOLERANCE = 0.01
"""Of a value, as shares of the spread of all: learners may stop at other digits."""


@says(
    "What code() writes learns from the same matrix what fit() learns.",
    SECTION,
    when=lambda bench: bench.algorithm.code is not None,
)
def _what_is_written_learns_the_same(bench: LearningBench) -> None:
    for case in bench.cases_on(only_kinds(easy_problem(), [Kind.NUMBER])):
        prepared = bench.prepare(case)
        pipeline = bench.fit(case, Fit(validated=False, report=stop_soon), prepared)
        try:
            made = code_of(bench.algorithm.code, [pipeline.estimator], case.task.name).make()
        except PluginError as error:
            if error.code == REFUSED:
                continue
            raise
        _, y = np.unique(case.y, return_inverse=True) if case.n_classes else (None, case.y)
        made.fit(prepared.X, y)
        expected = pipeline.values_of(prepared.X)
        found = case.task.values(made, prepared.X, len(pipeline.present))
        spread = float(np.ptp(expected)) or 1.0
        if found.shape != expected.shape or np.abs(found - expected).max() > TOLERANCE * spread:
            apart = (
                f"by up to {np.abs(found - expected).max():.3g}"
                if (found.shape == expected.shape)
                else f"in shape, {found.shape} and {expected.shape}"
            )
            raise CheckFailedError(
                f"{case.task.name}: values differ {apart}.",
                "Write all parameters that differ from the defaults, and as many rounds as were "
                "learned.",
            )


def code_of(declared: Any, fitted: Any, of: str) -> Code:
    """Return what is written, which has to be code."""
    code = declared(fitted)
    if not isinstance(code, Code):
        raise CheckFailedError(
            f"{of}: code() returns a {type(code).__name__}.", "Return Code(place=..., ...)."
        )
    return code


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
