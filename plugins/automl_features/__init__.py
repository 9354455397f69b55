"""Features: new columns made of several, fitted inside the fold, kept where the search finds use.

====================  ======================================================================
step                  makes
====================  ======================================================================
``arithmetic``        sums, differences, products and ratios of two numbers
``group_contrast``    a number against its mean over the rows of a level
``level_counts``      how many rows have a level, and how many cells of a row are missing
====================  ======================================================================

The first two look at what single columns do not explain of the target, on a sample of rows, and
make the few columns that explain most of it; where none does, nothing comes out.
"""

from __future__ import annotations

from typing import Any

from automl.plugin import Choice, Code, Params, PrepareContext, Preprocessor, hookimpl

ROWS_A_COLUMN = 10
"""With fewer rows for each column, what promises most among so many pairs does so by luck."""

TABLE = frozenset({"table"})
NUMBERS = frozenset({"number", "missing", "unscaled"})
UNSCALED = frozenset({"number", "unscaled"})


def _arithmetic(params: Params, context: PrepareContext) -> Any:
    from automl_features.arithmetic import Arithmetic
    from automl_features.columns import places

    numbers, _ = places(context.features)
    return Arithmetic(numbers, context.n_classes, params.get("most", 12), context.seed)


def _group_contrast(params: Params, context: PrepareContext) -> Any:
    from automl_features.columns import places
    from automl_features.groups import AgainstGroup

    numbers, codes = places(context.features)
    return AgainstGroup(numbers, codes, context.n_classes, params.get("most", 12), context.seed)


def _level_counts(params: Params, context: PrepareContext) -> Any:
    from automl_features.columns import places
    from automl_features.counts import LevelCounts

    return LevelCounts(*places(context.features))


def _arithmetic_code(fitted: Any) -> Code:
    return Code.own(fitted, "places", "n_classes", "most", "seed")


def _group_contrast_code(fitted: Any) -> Code:
    return Code.own(fitted, "numbers", "codes", "n_classes", "most", "seed")


def _level_counts_code(fitted: Any) -> Code:
    return Code.own(fitted, "numbers", "codes")


def _formula(fitted: Any) -> Any:
    return fitted.formula()


def _has_numbers(table: Any, context: PrepareContext) -> bool:
    return _has_rows(context) and _count(context, "number", "date") > 1


def _has_both(table: Any, context: PrepareContext) -> bool:
    return (
        _has_rows(context)
        and _count(context, "number", "date") > 0
        and _count(context, "category", "string") > 0
    )


def _has_codes(table: Any, context: PrepareContext) -> bool:
    return _count(context, "category", "string") > 0


def _has_rows(context: PrepareContext) -> bool:
    return context.n_rows >= ROWS_A_COLUMN * len(context.features)


def _count(context: PrepareContext, *kinds: str) -> int:
    return sum(feature.kind in kinds for feature in context.features)


PREPROCESSORS = (
    Preprocessor(
        name="arithmetic",
        takes=TABLE,
        emits=NUMBERS,
        build=_arithmetic,
        supervised=True,
        crossfits=True,
        space={"most": Choice(6, 12, 24)},
        wants=_has_numbers,
        saved=("automl_features.arithmetic.Arithmetic",),
        formula=_formula,
        code=_arithmetic_code,
    ),
    Preprocessor(
        name="group_contrast",
        takes=TABLE,
        emits=NUMBERS,
        build=_group_contrast,
        supervised=True,
        crossfits=True,
        space={"most": Choice(6, 12, 24)},
        wants=_has_both,
        saved=("automl_features.groups.AgainstGroup",),
        formula=_formula,
        code=_group_contrast_code,
    ),
    Preprocessor(
        name="level_counts",
        takes=TABLE,
        emits=UNSCALED,
        build=_level_counts,
        wants=_has_codes,
        saved=("automl_features.counts.LevelCounts",),
        formula=_formula,
        code=_level_counts_code,
    ),
)


@hookimpl
def automl_preprocessors() -> tuple[Preprocessor, ...]:
    """Return all steps."""
    return PREPROCESSORS
