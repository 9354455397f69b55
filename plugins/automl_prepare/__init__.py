"""Preparation: the steps that turn columns of any kind into what an algorithm accepts.

=========  ================================================================================
kind       steps
=========  ================================================================================
number     ``impute``, ``scale``, ``quantile``
category   ``one_hot`` (sparse), ``one_hot_dense``, ``ordinal``, ``target_mean``, ``frequency``
string     ``string_ngrams`` (sparse), ``target_mean_string``, ``as_category``
date       ``calendar``
text       ``ngrams`` (sparse), ``text_score``, ``text_svd``
=========  ================================================================================

All of them hold arrays, strings and numbers, and need no scikit-learn to transform.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automl.plugin import (
    LEVELS,
    Choice,
    Code,
    Params,
    PrepareContext,
    Preprocessor,
    hookimpl,
)

if TYPE_CHECKING:
    from automl_prepare.texts import TextNgrams, TextSvd

NUMBER = frozenset({"number"})
UNSCALED = frozenset({"number", "unscaled"})
SPARSE = frozenset({"number", "sparse"})
CATEGORY = frozenset({"category"})
STRING = frozenset({"string"})
TEXT = frozenset({"text"})
DATE = frozenset({"date"})
MISSING = frozenset({"missing"})

MAX_TERMS = 10_000
"""Words and pairs of words kept for a column of text, and as many pieces of words."""

MAX_STRING_TERMS = 2_000
"""The same for a column of strings, whose levels are short."""

MAX_SPARSE, MAX_DENSE = 5_000, 300
"""Columns in all that indicators may take."""

# Few values, so that what was prepared for one candidate is found again for another.
SMOOTH = Choice(1.0, 3.0, 10.0, 30.0, 100.0)


def _impute(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.numbers import Impute

    return Impute()


def _scale(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.numbers import Scale

    return Scale()


def _quantile(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.numbers import Quantile

    return Quantile()


def _one_hot(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import OneHot

    return OneHot(MAX_SPARSE, MAX_SPARSE, min_count=params.get("min_count", 2))


def _one_hot_dense(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import OneHot

    return OneHot(params.get("max_levels", 20), MAX_DENSE, sparse=False)


def _ordinal(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import Ordinal

    return Ordinal()


def _frequency(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import Frequency

    return Frequency()


def _target_mean(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import TargetMean

    return TargetMean(context.n_classes, params.get("smooth", 10.0), count=False)


def _target_mean_string(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import TargetMean
    from automl_prepare.strings import StringMean

    return StringMean(
        TargetMean(context.n_classes, params.get("smooth", 10.0), count=True),
        [feature.levels for feature in context.features],
        dims=params.get("dims", 0),
        max_terms=MAX_STRING_TERMS,
        seed=context.seed,
    )


def _string_ngrams(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.strings import StringNgrams

    return StringNgrams([feature.levels for feature in context.features], MAX_STRING_TERMS)


def _as_category(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.codes import AsCategory

    return AsCategory(params.get("max_levels", 254), params.get("min_count", 5))


def _calendar(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.dates import Calendar

    return Calendar()


def _terms(params: Params, context: PrepareContext) -> TextNgrams:
    from automl_prepare.texts import TextNgrams

    # Several columns of text share what one may take.
    share = max(1, min(len(context.features), 4))
    return TextNgrams(max(1, params.get("max_terms", MAX_TERMS) // share))


def _svd(params: Params, context: PrepareContext, dims: int) -> TextSvd:
    from automl_prepare.texts import TextSvd

    return TextSvd(_terms(params, context), params.get("dims", dims), context.seed)


def _text_svd(params: Params, context: PrepareContext) -> Any:
    return _svd(params, context, 50)


def _text_score(params: Params, context: PrepareContext) -> Any:
    from automl_prepare.texts import TextScore

    alpha = params.get("alpha", 1.0)
    return TextScore(_svd(params, context, 0), context.n_classes, alpha=alpha)


def _formula(fitted: Any) -> Any:
    return fitted.formula()


def _words_repeat(block: Any, context: PrepareContext) -> bool:
    from automl_prepare.tokens import words_repeat

    return any(words_repeat(column) for column in block.T)


def _own(*names: str) -> tuple[str, ...]:
    return tuple(f"automl_prepare.{name}" for name in names)


def _impute_code(fitted: Any) -> Code:
    kwargs = {"strategy": "median", "add_indicator": True, "keep_empty_features": True}
    return Code(place="sklearn.impute:SimpleImputer", kwargs=kwargs)


def _one_hot_code(fitted: Any) -> Code:
    return Code.own(fitted, "max_levels", "max_columns", "min_count", "sparse")


def _target_mean_code(fitted: Any) -> Code:
    return Code.own(fitted, "n_classes", "smooth", "count", "max_classes")


def _target_mean_string_code(fitted: Any) -> Code:
    own = Code.own(fitted, "dims", "max_terms", "seed")
    means = _target_mean_code(fitted.means)
    return replace(own, kwargs={"means": means, "levels": LEVELS, **own.kwargs})


def _string_ngrams_code(fitted: Any) -> Code:
    own = Code.own(fitted, "max_terms", "max_levels")
    return replace(own, kwargs={"levels": LEVELS, **own.kwargs})


def _as_category_code(fitted: Any) -> Code:
    return Code.own(fitted, "max_levels", "min_count")


def _terms_code(fitted: Any) -> Code:
    return Code.own(fitted, "max_terms", "min_rows")


def _svd_code(fitted: Any) -> Code:
    own = Code.own(fitted, "dims", "seed")
    return replace(own, kwargs={"ngrams": _terms_code(fitted.ngrams), **own.kwargs})


def _text_score_code(fitted: Any) -> Code:
    own = Code.own(fitted, "n_classes", "alpha", "max_classes")
    return replace(own, kwargs={"svd": _svd_code(fitted.svd), **own.kwargs})


_TEXTS = ("texts.TextNgrams", "ngrams.Ngrams")

PREPROCESSORS = (
    Preprocessor(
        name="impute",
        takes=NUMBER | MISSING,
        emits=NUMBER,
        build=_impute,
        priority=10,
        saved=_own("numbers.Impute"),
        formula=_formula,
        code=_impute_code,
    ),
    Preprocessor(
        name="scale",
        takes=UNSCALED,
        emits=NUMBER,
        build=_scale,
        priority=20,
        saved=_own("numbers.Scale"),
        formula=_formula,
        code=Code.own,
    ),
    Preprocessor(
        name="quantile",
        takes=UNSCALED,
        emits=NUMBER,
        build=_quantile,
        priority=25,
        saved=_own("numbers.Quantile"),
        formula=_formula,
        code=Code.own,
    ),
    Preprocessor(
        name="one_hot",
        takes=CATEGORY,
        removes=MISSING,
        emits=SPARSE,
        build=_one_hot,
        space={"min_count": Choice(1, 2, 5, 20)},
        priority=20,
        saved=_own("codes.OneHot", "codes.Lookup"),
        code=_one_hot_code,
    ),
    Preprocessor(
        name="ordinal",
        takes=CATEGORY,
        removes=MISSING,
        emits=UNSCALED,
        build=_ordinal,
        priority=30,
        saved=_own("codes.Ordinal"),
        code=Code.own,
    ),
    Preprocessor(
        name="one_hot_dense",
        takes=CATEGORY,
        removes=MISSING,
        emits=NUMBER,
        build=_one_hot_dense,
        space={"max_levels": Choice(5, 10, 20, 50)},
        priority=35,
        saved=_own("codes.OneHot", "codes.Lookup"),
        code=_one_hot_code,
    ),
    Preprocessor(
        name="target_mean",
        takes=CATEGORY,
        removes=MISSING,
        emits=UNSCALED,
        build=_target_mean,
        supervised=True,
        space={"smooth": SMOOTH},
        priority=33,
        saved=_own("codes.TargetMean", "codes.Lookup"),
        code=_target_mean_code,
    ),
    Preprocessor(
        name="frequency",
        takes=CATEGORY,
        removes=MISSING,
        emits=UNSCALED,
        build=_frequency,
        priority=60,
        saved=_own("codes.Frequency", "codes.Lookup"),
        code=Code.own,
    ),
    Preprocessor(
        name="string_ngrams",
        takes=STRING,
        removes=MISSING,
        emits=SPARSE,
        build=_string_ngrams,
        priority=20,
        saved=_own("strings.StringNgrams", "codes.Lookup"),
        code=_string_ngrams_code,
    ),
    Preprocessor(
        name="target_mean_string",
        takes=STRING,
        removes=MISSING,
        emits=UNSCALED,
        build=_target_mean_string,
        supervised=True,
        space={"smooth": SMOOTH, "dims": Choice(0, 10)},
        priority=30,
        saved=_own("strings.StringMean", "codes.TargetMean", "codes.Lookup"),
        code=_target_mean_string_code,
    ),
    Preprocessor(
        name="as_category",
        takes=STRING,
        emits=CATEGORY,
        build=_as_category,
        space={"min_count": Choice(2, 5, 15, 50)},
        priority=50,
        saved=_own("codes.AsCategory", "codes.Lookup"),
        code=_as_category_code,
    ),
    Preprocessor(
        name="calendar",
        takes=DATE,
        emits=UNSCALED,
        build=_calendar,
        priority=30,
        saved=_own("dates.Calendar"),
        formula=_formula,
        code=Code.own,
    ),
    Preprocessor(
        name="ngrams",
        takes=TEXT,
        removes=MISSING,
        emits=SPARSE,
        build=_terms,
        space={"max_terms": Choice(2_000, 5_000, 10_000, 20_000)},
        wants=_words_repeat,
        priority=20,
        saved=_own(*_TEXTS),
        formula=_formula,
        code=_terms_code,
    ),
    Preprocessor(
        name="text_score",
        takes=TEXT,
        removes=MISSING,
        emits=UNSCALED,
        build=_text_score,
        supervised=True,
        crossfits=True,
        space={"alpha": Choice(0.1, 0.3, 1.0, 3.0, 10.0)},
        priority=30,
        saved=_own("texts.TextScore", "texts.TextSvd", *_TEXTS),
        formula=_formula,
        code=_text_score_code,
    ),
    Preprocessor(
        name="text_svd",
        takes=TEXT,
        removes=MISSING,
        emits=UNSCALED,
        build=_text_svd,
        space={"dims": Choice(20, 50, 100)},
        priority=40,
        saved=_own("texts.TextSvd", *_TEXTS),
        formula=_formula,
        code=_svd_code,
    ),
)


@hookimpl
def automl_preprocessors() -> tuple[Preprocessor, ...]:
    """Return all steps."""
    return PREPROCESSORS
