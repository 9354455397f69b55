"""Gaussian naive Bayes."""

from __future__ import annotations

from typing import Any

from automl.plugin import Algorithm, Context, Float, Params, hookimpl


def _build(params: Params, context: Context) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**{"var_smoothing": 1e-3, **params})


ALGORITHM = Algorithm(
    name="naive_bayes",
    tasks=frozenset({"binary", "multiclass"}),
    build=_build,
    space={"var_smoothing": Float(1e-9, 1.0, log=True)},
    starts=({"var_smoothing": 1e-3},),
    weights=True,
    imports=("sklearn.naive_bayes",),
    cost=0.05,
    promise=0.05,
    saved=(),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give naive Bayes."""
    return [ALGORITHM]
