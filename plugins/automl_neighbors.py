"""Nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Algorithm, Choice, Code, Context, Int, Params, hookimpl

_DEFAULT = {"n_neighbors": 15, "weights": "distance", "p": 2}

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Neighbors:
    """The neighbours' classes, together with one vote for the class frequencies, or their mean.

    Parameters
    ----------
    params : dict
        Parameters of scikit-learn's nearest neighbours.
    regression : bool
    """

    def __init__(self, *, params: dict[str, Any], regression: bool) -> None:
        self.params = params
        self.regression = regression

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"params": self.params, "regression": self.regression}

    def fit(self, X: Any, y: NDArray[Any]) -> Neighbors:
        """Keep the rows, as float32: half the memory, twice the speed."""
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        kind = KNeighborsRegressor if self.regression else KNeighborsClassifier
        self.model_ = kind(**self.params).fit(np.asarray(X, dtype=np.float32), y)
        if not self.regression:
            self.prior_ = np.bincount(y) / len(y)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class, none of them 0."""
        share = self.model_.predict_proba(np.asarray(X, dtype=np.float32))
        votes = self.params["n_neighbors"]
        return np.asarray((share * votes + self.prior_) / (votes + 1))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return np.asarray(self.model_.predict(np.asarray(X, dtype=np.float32)))
        return np.asarray(self.predict_proba(X).argmax(axis=1))


def code(estimators: Sequence[Neighbors]) -> Code:
    """Return the call of our own class around scikit-learn's neighbours."""
    return Code.own(estimators[0], "params", "regression")


def _build(params: Params, context: Context) -> Neighbors:
    chosen = {**_DEFAULT, **params}
    chosen["n_neighbors"] = max(1, min(chosen["n_neighbors"], context.n_rows))
    # Brute force needs no index to build or to save, and is quick on matrices of this size.
    chosen |= {"algorithm": "brute", "n_jobs": context.threads}
    return Neighbors(params=chosen, regression=context.task == "regression")


def _memory(context: Context, params: Params) -> float:
    """The rows as float32 and a block of distances."""
    return 4.0 * context.n_rows * context.n_columns + 64 * 2**20


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
    max_rows=20_000,
    memory=_memory,
    code=code,
    max_columns=200,
    saved=("automl_neighbors.Neighbors",),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give nearest neighbours."""
    return [ALGORITHM]
