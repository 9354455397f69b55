"""Nearest neighbours."""

from __future__ import annotations

from typing import Any

from automl.plugin import Algorithm, Choice, Context, Int, Params, hookimpl

_DEFAULT = {"n_neighbors": 15, "weights": "distance", "p": 2}


def _build(params: Params, context: Context) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    kind = KNeighborsRegressor if context.task == "regression" else KNeighborsClassifier
    chosen = {**_DEFAULT, **params}
    chosen["n_neighbors"] = max(1, min(chosen["n_neighbors"], context.n_rows))
    # Brute force needs no index to build or to save, and is quick on matrices of this size.
    return kind(**chosen, algorithm="brute", n_jobs=context.threads)


ALGORITHM = Algorithm(
    name="nearest_neighbors",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    space={
        "n_neighbors": Int(1, 100, log=True),
        "weights": Choice("distance", "uniform"),
        "p": Choice(2, 1),
    },
    starts=(_DEFAULT, {**_DEFAULT, "n_neighbors": 5, "p": 1}, {**_DEFAULT, "n_neighbors": 50}),
    threads=True,
    imports=("sklearn.neighbors",),
    cost=0.3,
    promise=0.2,
    max_rows=50_000,
    max_columns=500,
    saved=(),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give nearest neighbours."""
    return [ALGORITHM]
