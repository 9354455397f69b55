"""A step that is written down as code makes the same columns."""

from __future__ import annotations

from automl.data.table import Kind
from automl.testing.checks import CheckFailedError, Property, says
from automl.testing.comparing import dense, unlike
from automl.testing.preparing import PreparationBench, arriving, copied
from automl.testing.written import SECTION, code_of


@says(
    "What code() writes, fitted on the same rows, makes the same columns.",
    SECTION,
    when=lambda bench: bench.preprocessor.code is not None,
)
def _what_is_written_makes_the_same(bench: PreparationBench) -> None:
    y = bench.target[1]
    for route in bench.routes:
        chain = bench.fitted(route)
        step = chain.steps[-1].transformer
        schema = bench.problem.schema
        features = schema.features if route.kind is None else schema.of(Kind(route.kind))
        code = code_of(bench.preprocessor.code, step, route.what)
        made = code.make([list(feature.levels) for feature in features])
        made.fit(copied(arriving(chain, bench.problem.table)), y)
        block = arriving(chain, bench.problem.fresh)
        expected, found = dense(step.transform(copied(block))), dense(made.transform(copied(block)))
        if unlike(found, expected, 1e-9):
            raise CheckFailedError(
                f"{route.what}: the columns differ.",
                "Write all parameters that the constructor was given.",
            )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
