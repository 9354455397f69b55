"""Linear models with a squared penalty: logistic, softmax and ridge regression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import (
    Algorithm,
    Code,
    Coefficients,
    Context,
    Params,
    Patience,
    Report,
    Saved,
    Validation,
    hookimpl,
)
from automl_boosting import standardised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Strong to weak; each solution is the next one's first guess.
_PATH = tuple(float(c) for c in np.geomspace(1e-4, 1e3, 15))
# Where each solution takes long.
_COARSE = _PATH[::2]
_MANY = 200_000
"""Scores of all rows from which on solutions take long."""
# Still weaker, for collinear columns, where one decomposition solves for all penalties.
_WEAK = tuple(float(c) for c in np.geomspace(1e4, 1e6, 5))
_PARTS = 5
_MAX_STEPS = 100
_MAX_EXACT_COLUMNS = 1000


class Linear:
    """A linear model; with validation rows it finds the strength of its penalty by itself.

    The loss is scikit-learn's, ``C * sum(losses) + ||coef||**2 / 2``, with weights and (for
    numbers) the target scaled to a mean square of 1.

    Parameters
    ----------
    regression : bool
    C : float or None, default=None
        Inverse strength of the penalty; None: the best of a path where there are validation rows,
        else 1.
    """

    def __init__(self, *, regression: bool, C: float | None = None) -> None:
        self.regression = regression
        self.C = C
        self.C_ = 1.0 if C is None else C
        self.coef_: Array = np.zeros((0, 0))
        self.intercept_: Array = np.zeros(0)
        self.bounds_: Array = np.array([-np.inf, np.inf])

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"regression": self.regression, "C": self.C}

    def fit(self, X: Any, y: NDArray[Any], sample_weight: Array | None = None) -> Linear:
        """Learn with one penalty."""
        learn(self, X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return a probability for each row and class."""
        scores = self._scores(X)
        if scores.shape[1] == 1:
            scores = np.hstack((np.zeros_like(scores), scores))
        return _softmax(scores)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return np.clip(self._scores(X)[:, 0], *self.bounds_)
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _scores(self, X: Any) -> Array:
        scores: Array = np.asarray(X @ self.coef_) + self.intercept_
        return scores


def learn(
    estimator: Linear,
    X: Any,
    y: NDArray[Any],
    weight: Array | None,
    validation: Validation | None,
    report: Report,
) -> None:
    """Walk the path of penalties until the validation score has twice not improved.

    Where all of them together cost nothing, it is walked to its end: between curves that are nearly
    the same, the scores stay level for long before the weak penalties pay.
    """
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    solve, path, patience = _solver(estimator, X, y, weight, report)
    if estimator.C is not None or validation is None:
        path = (1.0 if estimator.C is None else estimator.C,)
    elif validation.few:
        path, validation = (_inside(estimator, X, y, weight, report),), None
    for round_, C in enumerate(path, start=1):
        last = estimator.coef_, estimator.intercept_
        solve(C, partial(report, round_))
        score = None if validation is None else _score(estimator, validation)
        # Four digits: a gain beyond them is not worth a weaker penalty, nor the time.
        done = patience(round_, None if score is None else float(f"{score:.4g}"))
        if patience.best_round == round_:
            last = estimator.coef_, estimator.intercept_
            estimator.C_ = C
        estimator.coef_, estimator.intercept_ = last
        if done:
            break


def _solver(
    estimator: Linear, X: Any, y: NDArray[Any], weight: Array, report: Report
) -> tuple[Callable[[float, Callable[[], bool]], None], tuple[float, ...], Patience]:
    """Return what learns with a penalty, the penalties to try, and how long to go on."""
    shift, scale = 0.0, 1.0
    if estimator.regression:
        shift = float(np.average(y, weights=weight))
        scale = float(np.sqrt(np.average((y - shift) ** 2, weights=weight))) or 1.0
        # A line has no end: far outside of what was seen it is cut off.
        low, high = float(np.min(y)), float(np.max(y))
        estimator.bounds_ = np.array([2 * low - high, 2 * high - low])
        y = (y - shift) / scale
    exact = estimator.regression and isinstance(X, np.ndarray) and X.shape[1] <= _MAX_EXACT_COLUMNS
    found = (_exact if exact else _Descent)(X, y, weight, estimator.regression)

    def solve(C: float, stop: Callable[[], bool]) -> None:
        coef, intercept = found(C, stop)
        estimator.coef_, estimator.intercept_ = coef * scale, intercept * scale + shift

    # One decomposition solves for all penalties: to walk the whole path costs nothing.
    n_scores = len(y) * (1 if estimator.regression else int(y.max()) + 1)
    path = _PATH + _WEAK if exact else _PATH if n_scores < _MANY else _COARSE
    return solve, path, Patience(report, floor=len(path) if exact else 1, share=0.0)


def _inside(estimator: Linear, X: Any, y: NDArray[Any], weight: Array, report: Report) -> float:
    """Return the penalty that is best for training rows, each held out once."""
    trials = []
    for held in _parts(y):
        one, rest = Linear(regression=estimator.regression), ~held
        if not (weight[held].any() and weight[rest].any()):
            continue
        solve, path, patience = _solver(one, X[rest], y[rest], weight[rest], report)
        rows = Validation(X=X[held], y=y[held], weight=weight[held])
        trials.append((one, solve, rows, float(weight[held].sum())))
    if not trials:
        return 1.0
    for round_, C in enumerate(path, start=1):
        gain = 0.0
        for one, solve, rows, heavy in trials:
            solve(C, partial(report, round_))
            score = _score(one, rows)
            gain += heavy * (-(score**2) if estimator.regression else score)
        if patience(round_, float(f"{gain:.4g}")):
            break
    return path[patience.best_round - 1]


def _parts(y: NDArray[Any]) -> list[NDArray[np.bool_]]:
    """Return rows to hold out, part by part, spread over the target; no class's only row is."""
    order = np.argsort(y, kind="stable")
    part = np.empty(len(y), dtype=np.intp)
    part[order] = np.arange(len(y)) % _PARTS
    if np.issubdtype(y.dtype, np.integer):
        first = np.searchsorted(y[order], y[order])
        part[order] = (np.arange(len(y)) - first) % _PARTS
        part[np.bincount(y)[y] < 2] = -1
    return [part == number for number in range(_PARTS) if (part == number).any()]


def _score(estimator: Linear, validation: Validation) -> float:
    y = validation.y
    if estimator.regression:
        return -float(
            np.sqrt(
                np.average((estimator.predict(validation.X) - y) ** 2, weights=validation.weight)
            )
        )
    truth = estimator.predict_proba(validation.X)[np.arange(len(y)), y]
    return float(np.average(np.log(np.maximum(truth, 1e-15)), weights=validation.weight))


def _exact(
    X: Array, y: Array, weight: Array, regression: bool
) -> Callable[[float, Callable[[], bool]], tuple[Array, Array]]:
    """Ridge regression for any penalty from one decomposition."""
    mean = np.average(X, axis=0, weights=weight)
    centered = X - mean
    values, vectors = np.linalg.eigh((centered.T * weight) @ centered)
    projected = vectors.T @ (centered.T @ (weight * y))
    values = np.maximum(values, 0.0)

    def solve(C: float, stop: Callable[[], bool]) -> tuple[Array, Array]:
        coef = (vectors @ (projected / (values + 1.0 / C)))[:, None]
        return coef, -(mean @ coef)

    return solve


class _Descent:
    """L-BFGS on the penalised loss, each call going on from the last solution."""

    def __init__(self, X: Any, y: NDArray[Any], weight: Array, regression: bool) -> None:
        n_classes = 0 if regression else int(y.max()) + 1
        self.X = X
        self.y = y
        self.weight = weight / weight.sum()
        self.total = float(weight.sum())
        self.width = n_classes if n_classes > 2 else 1
        self.losses = _squared if regression else _softmax_loss if n_classes > 2 else _logistic
        self.at = np.zeros((X.shape[1] + 1) * self.width)

    def __call__(self, C: float, stop: Callable[[], bool]) -> tuple[Array, Array]:
        from scipy.optimize import minimize

        strength = 1.0 / (C * self.total)

        def value(at: Array) -> tuple[float, Array]:
            coef, intercept = self._split(at)
            loss, slope = self.losses(np.asarray(self.X @ coef) + intercept, self.y, self.weight)
            down = np.vstack((np.asarray(self.X.T @ slope) + strength * coef, slope.sum(axis=0)))
            return loss + 0.5 * strength * float((coef**2).sum()), down.ravel()

        def watch(intermediate_result: Any) -> None:
            self.at = np.array(intermediate_result.x)
            if stop():
                raise StopIteration

        options = {"maxiter": _MAX_STEPS, "ftol": 1e-7, "gtol": 1e-6}
        found = minimize(
            value, self.at, jac=True, method="L-BFGS-B", callback=watch, options=options
        )
        self.at = np.array(found.x)
        return self._split(self.at)

    def _split(self, at: Array) -> tuple[Array, Array]:
        rows = at.reshape(-1, self.width)
        return rows[:-1], rows[-1]


def _squared(scores: Array, y: Array, weight: Array) -> tuple[float, Array]:
    error = scores[:, 0] - y
    return 0.5 * float(weight @ error**2), (weight * error)[:, None]


def _logistic(scores: Array, y: NDArray[Any], weight: Array) -> tuple[float, Array]:
    z = scores[:, 0]
    loss = float(weight @ (np.logaddexp(0.0, z) - y * z))
    return loss, (weight * (0.5 * (1.0 + np.tanh(0.5 * z)) - y))[:, None]


def _softmax_loss(scores: Array, y: NDArray[Any], weight: Array) -> tuple[float, Array]:
    rows = np.arange(len(y))
    slope = _softmax(scores)
    loss = -float(weight @ np.log(np.maximum(slope[rows, y], 1e-300)))
    slope[rows, y] -= 1.0
    return loss, slope * weight[:, None]


def _softmax(scores: Array) -> Array:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = e / e.sum(axis=1, keepdims=True)
    return shares


def _build(params: Params, context: Context) -> Linear:
    return Linear(regression=context.task == "regression", C=params.get("C"))


def coefficients(estimator: Linear) -> Coefficients:
    """Return what was learned as a table."""
    low, high = estimator.bounds_.tolist()
    binary = estimator.coef_.shape[1] == 1
    return Coefficients(
        weights=estimator.coef_,
        base=estimator.intercept_,
        link="none" if estimator.regression else "logistic" if binary else "softmax",
        low=low,
        high=high,
    )


def code(estimators: Sequence[Linear]) -> Code:
    """Return the call of scikit-learn's model with the penalty that was found."""
    C = float(np.exp(np.mean([np.log(one.C_) for one in estimators])))
    if not estimators[0].regression:
        kwargs = {"C": C, "max_iter": 1000, "tol": 1e-6}
        return Code(place="sklearn.linear_model:LogisticRegression", kwargs=kwargs)
    return standardised(Code(place="sklearn.linear_model:Ridge", kwargs={"alpha": 1.0 / C}))


def _save(fitted: Linear, folder: Path) -> None:
    np.savez(
        folder / "linear.npz",
        regression=fitted.regression,
        C=np.nan if fitted.C is None else fitted.C,
        found=fitted.C_,
        coef=fitted.coef_,
        intercept=fitted.intercept_,
        bounds=fitted.bounds_,
    )


def _load(folder: Path) -> Linear:
    # NumPy leaves a file open that it opened itself and cannot read.
    with (
        (folder / "linear.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        C = float(data["C"])
        fitted = Linear(regression=bool(data["regression"]), C=None if np.isnan(C) else C)
        fitted.coef_, fitted.intercept_ = data["coef"], data["intercept"]
        fitted.bounds_ = data["bounds"]
        if "found" in data:  # a model of 0.1 may lack it
            fitted.C_ = float(data["found"])
    return fitted


ALGORITHM = Algorithm(
    name="linear",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"number", "sparse"}),
    fit=learn,
    coefficients=coefficients,
    code=code,
    imports=("scipy.optimize",),
    weights=True,
    by_class=True,
    cost=0.3,
    promise=0.5,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give linear models."""
    return [ALGORITHM]
