"""Nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Algorithm, Choice, Code, Context, Formula, Int, Params, hookimpl
from automl.plugin.nearest import ALIKE, Nearest, counts, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_DEFAULT = {"n_neighbors": 15, "weights": "distance", "p": 2}

RESOLUTION = 1e-6
"""Rows nearer than this share of the usual distance from the middle are at the same place."""

_ROUNDING = 1e-4
"""A squared distance reckoned as float32 is off by less than this share of both rows' squares."""

_WIDER = 1e-5
"""More than four times `ALIKE`, and than the rounding of a sum of float32."""

_SPARE = 32
"""Rows that are looked for beyond twice the neighbours, as some may be equally far."""


class Neighbors:
    """The neighbours' classes, together with one vote for the class frequencies, or their mean.

    Neighbours that are equally far share a place, see `automl.plugin.nearest`.

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
        self.rows_ = np.ascontiguousarray(X, dtype=np.float32)
        self.y_ = np.asarray(y, dtype=np.float64 if self.regression else np.int64)
        middle = self.rows_.mean(axis=0, dtype=np.float64)
        usual = float(self._distance(self.rows_ - middle).mean())
        self.floor_ = RESOLUTION * (usual if usual > 0.0 else 1.0)
        if not self.regression:
            self.prior_ = np.bincount(y) / len(y)
        return self

    def predict_proba(self, X: Any) -> Matrix:
        """Return a probability for each row and class, none of them 0."""
        votes = self.params["n_neighbors"]
        return np.asarray((self._means(X) * votes + self.prior_) / (votes + 1))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return np.asarray(self._means(X)[:, 0])
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _means(self, X: Any) -> Matrix:
        """Return the shares of the classes among the neighbours, or their mean: a row for each."""
        from sklearn.neighbors import NearestNeighbors

        X = np.asarray(X, dtype=np.float32)
        k, n_stored = self.params["n_neighbors"], len(self.rows_)
        named = {name: self.params[name] for name in ("p", "algorithm", "n_jobs")}
        finder = NearestNeighbors(**named).fit(self.rows_)
        n_found = min(n_stored, 2 * k + _SPARE)
        made = np.empty((len(X), 1 if self.regression else len(self.prior_)))
        largest = np.square(self.rows_, dtype=np.float64).sum(axis=1).max()
        for part in parts_of(len(X), n_found):
            x = X[part].astype(np.float64)
            distance, found = finder.kneighbors(X[part], n_found)
            size = np.square(x).sum(axis=1) + largest
            # The library's distances are float32, and of near rows what is left of large sums.
            last = np.maximum(distance[:, k - 1 : k], self.floor_)
            beside = np.abs(np.abs(distance / last - 1.0) - ALIKE) < ALIKE / 2
            unsure = np.flatnonzero((distance[:, 0] ** 2 < 1e-4 * size) | beside.any(axis=1))
            for some in parts_of(len(unsure), n_found * X.shape[1]):
                at = unsure[some]
                distance[at] = self._distance(x[at, None] - self.rows_[found[at]])
            made[part] = self._mean(distance, found)
            if n_found < n_stored:
                last = np.maximum(np.partition(distance, k - 1, axis=1)[:, k - 1], self.floor_)
                highest = (last * (1 + 4 * ALIKE)) ** 2 + 1e-12 * size
                tied = distance.max(axis=1) ** 2 <= highest
                made[part][tied] = self._among_all(x[tied])
        return made

    def mean_near(self, row: NDArray[np.float32], squares: Matrix) -> Matrix:
        """Return the mean for one row, of shape (1, width).

        Parameters
        ----------
        row : ndarray of shape (n_columns,), dtype=float32
        squares : ndarray of shape (n_stored,), dtype=float64
            Sums of the squared cells of the stored rows.
        """
        k, n_stored = self.params["n_neighbors"], len(self.rows_)
        x = row.astype(np.float64)
        n_found = min(n_stored, 2 * k + _SPARE)
        if self.params["p"] == 1:
            apart = np.abs(self.rows_ - row).sum(axis=1)
        else:
            # Not by BLAS, whose threads take ten times as long to wait for each other.
            apart = squares - 2.0 * np.einsum("ij,j->i", self.rows_, row)
        found = np.argpartition(apart, n_found - 1)[:n_found]
        distance = self._distance(x - self.rows_[found])
        if n_found < n_stored:
            last = max(float(np.partition(distance, k - 1)[k - 1]), self.floor_)
            # Rows that were left out are as far as the farthest found, but for rounding.
            farthest, size = float(distance.max()), float(x @ x) + float(squares.max())
            if farthest**2 <= (last * (1 + _WIDER)) ** 2 + _ROUNDING * size:
                return self._among_all(x[None])
        return self._mean(distance[None], found[None])

    def _among_all(self, x: Matrix) -> Matrix:
        """Return the means where too many rows are equally far."""
        from scipy.spatial.distance import cdist

        n_stored = len(self.rows_)
        made = np.empty((len(x), 1 if self.regression else len(self.prior_)))
        metric = "cityblock" if self.params["p"] == 1 else "euclidean"
        for part in parts_of(len(x), n_stored):
            distance = cdist(x[part], self.rows_, metric)
            made[part] = self._mean(distance, np.broadcast_to(np.arange(n_stored), distance.shape))
        return made

    def _distance(self, apart: Any) -> Matrix:
        """Return how long differences are, along the last axis."""
        if self.params["p"] == 1:
            return np.asarray(np.abs(apart).sum(axis=-1, dtype=np.float64))
        return np.asarray(np.sqrt(np.square(apart).sum(axis=-1, dtype=np.float64)))

    def _mean(self, distance: Matrix, found: NDArray[Any]) -> Matrix:
        """Return the mean over rows, by their distances."""
        weighted = self.params["weights"] == "distance"
        count = counts(distance, self.params["n_neighbors"], self.floor_, weighted=weighted)
        if self.regression:
            return np.asarray((count * self.y_[found]).sum(axis=1, keepdims=True))
        n_rows, n_classes = len(found), len(self.prior_)
        place = self.y_[found] + n_classes * np.arange(n_rows)[:, None]
        summed = np.bincount(place.ravel(), count.ravel(), n_rows * n_classes)
        return np.asarray(summed.reshape(n_rows, n_classes), dtype=np.float64)


def quick(fitted: Neighbors) -> Callable[[Any], Matrix]:
    """Return what answers a few rows without scikit-learn, which looks around for a millisecond."""
    squares = np.square(fitted.rows_, dtype=np.float64).sum(axis=1)
    votes = fitted.params["n_neighbors"]

    def answer(X: Any) -> Matrix:
        x = np.asarray(X, dtype=np.float32)
        means = np.concatenate([fitted.mean_near(row, squares) for row in x])
        if fitted.regression:
            return np.asarray(means[:, 0])
        return np.asarray((means * votes + fitted.prior_) / (votes + 1))

    return answer


def formula(fitted: Neighbors) -> Formula:
    """Return the stored rows, and the vote for the class frequencies."""
    from automl.plugin.formulas import Affine, Draft

    n_columns, votes = fitted.rows_.shape[1], fitted.params["n_neighbors"]
    values = fitted.y_[:, None]
    draft = Draft(n_columns)
    found = draft.add(
        Nearest(
            columns=np.arange(n_columns),
            rows=fitted.rows_,
            values=values if fitted.regression else values == np.arange(len(fitted.prior_)),
            k=votes,
            p=fitted.params["p"],
            floor=fitted.floor_,
            weighted=fitted.params["weights"] == "distance",
        )
    )
    if not fitted.regression:
        scale = np.full(len(found), (votes + 1) / votes)
        found = draft.add(Affine(columns=found, center=-fitted.prior_ / votes, scale=scale))
    return draft.formula(found)


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
    quick=quick,
    formula=formula,
    code=code,
    max_columns=200,
    saved=("automl_neighbors.Neighbors",),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give nearest neighbours."""
    return [ALGORITHM]
