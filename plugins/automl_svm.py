"""Support vector machines, their scores turned into probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Algorithm, Choice, Code, Context, Float, Int, Params, hookimpl
from automl.plugin.formulas import Affine, Apply, Clip, Combine, Draft, Formula, Product, Softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CACHE = 500
"""Megabytes that a machine may keep of its kernel."""

FEW_ROWS = 2_000
"""With fewer rows, of which a half may be too few, scores are learned from in more parts."""

MOST_PARTS = 5

LINK = 30.0
"""How little probabilities are drawn together: there are few numbers to learn from all scores."""


class SupportVectors:
    """Support vector classification, calibrated on scores of rows it was not fitted on.

    Parameters
    ----------
    C : float, default=1.0
    kernel : dict
        Parameters of scikit-learn's machines that say which kernel.
    seed : int, default=0
    """

    def __init__(self, *, kernel: dict[str, Any], C: float = 1.0, seed: int = 0) -> None:
        self.C = C
        self.kernel = kernel
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"C": self.C, "kernel": self.kernel, "seed": self.seed}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> SupportVectors:
        """Fit on all rows, and without each part of them to learn what a score is worth."""
        from sklearn.linear_model import LogisticRegression

        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        n_classes = int(y.max()) + 1
        scores = np.zeros((len(y), n_classes if n_classes > 2 else 1))
        parts = _parts(y, self.seed)
        for number in range(MOST_PARTS):
            out = parts == number
            if out.any():
                machine = self._machine(X[~out], y[~out], weight[~out])
                scores[out] = _scores(machine, X[out])
        known = parts >= 0
        self.machine_ = self._machine(X, y, weight)
        self.link_ = None
        if len(np.unique(y[known])) == n_classes:
            self.link_ = LogisticRegression(C=LINK, max_iter=1000)
            self.link_.fit(scores[known], y[known], sample_weight=weight[known])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class."""
        scores = _scores(self.machine_, X)
        if self.link_ is not None:
            shares: NDArray[np.float64] = self.link_.predict_proba(scores)
            return shares
        # A class too rare to be held out: the scores themselves have to do.
        scores = np.hstack((-scores, scores)) if scores.shape[1] == 1 else scores
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class for each row."""
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    def _machine(self, X: Any, y: NDArray[Any], weight: NDArray[np.float64]) -> Any:
        from sklearn.svm import SVC

        machine = SVC(C=self.C, **self.kernel, cache_size=CACHE, random_state=self.seed)
        return machine.fit(X, y, sample_weight=weight)


class SupportVectorNumbers:
    """Support vector regression on a standardised target.

    Parameters
    ----------
    C : float, default=1.0
    kernel : dict
        Parameters of scikit-learn's machines that say which kernel.
    seed : int, default=0
    """

    def __init__(self, *, kernel: dict[str, Any], C: float = 1.0, seed: int = 0) -> None:
        self.C = C
        self.kernel = kernel
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"C": self.C, "kernel": self.kernel, "seed": self.seed}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> SupportVectorNumbers:
        """Fit on all rows."""
        from sklearn.svm import SVR

        self.center_, self.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        self.machine_ = SVR(C=self.C, **self.kernel, epsilon=0.05, cache_size=CACHE)
        # Not a parameter of SVR, which would draw from NumPy's global state without it.
        self.machine_.random_state = self.seed
        self.machine_.fit(X, (y - self.center_) / self.spread_, sample_weight=sample_weight)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return a number for each row."""
        return np.asarray(self.machine_.predict(X) * self.spread_ + self.center_)


def quick(estimator: Any) -> Any:
    """Return the same values by the kernel's own formula; for two classes or numbers."""
    machine = estimator.machine_
    link = getattr(estimator, "link_", None)
    if not hasattr(estimator, "spread_") and (link is None or len(machine.classes_) > 2):
        return None
    rows, dual = machine.support_vectors_, machine.dual_coef_[0]
    gamma, square = machine.gamma, (rows**2).sum(axis=1)

    def score(X: NDArray[np.float64]) -> NDArray[np.float64]:
        near = X @ rows.T
        if machine.kernel == "rbf":
            far = (X**2).sum(axis=1)[:, None] + square - 2.0 * near
            near = np.exp(-gamma * np.maximum(far, 0.0))
        else:
            near = (gamma * near + machine.coef0) ** machine.degree
        return np.asarray(near @ dual + machine.intercept_[0])

    if link is None:
        return lambda X: score(X) * estimator.spread_ + estimator.center_
    slope, level = float(link.coef_[0, 0]), float(link.intercept_[0])

    def shares(X: NDArray[np.float64]) -> NDArray[np.float64]:
        second = 0.5 * (1.0 + np.tanh(0.5 * (slope * score(X) + level)))
        return np.column_stack((1.0 - second, second))

    return shares


def formula(estimator: Any) -> Formula:
    """Return what it computes, by the kernel's own formula."""
    machine = estimator.machine_
    draft = Draft(machine.support_vectors_.shape[1])
    near = _kernel(draft, machine)
    if hasattr(estimator, "spread_"):
        weights = machine.dual_coef_.T * estimator.spread_
        base = machine.intercept_ * estimator.spread_ + estimator.center_
        return draft.formula(draft.add(Product(columns=near, weights=weights, base=base)))
    scores = _decisions(draft, machine, near)
    link = estimator.link_
    n = len(scores)
    weights, base = (np.eye(n), np.zeros(n)) if link is None else (link.coef_.T, link.intercept_)
    if n == 1:
        # Two classes: what speaks for one speaks against the other.
        both = np.array([[-1.0, 1.0]]) if link is None else np.array([[0.0, 1.0]])
        weights, base = weights @ both, base * both[0]
    made = draft.add(Product(columns=scores, weights=weights, base=base))
    return draft.formula(draft.add(Softmax(columns=made)))


def _kernel(draft: Draft, machine: Any) -> Any:
    """Add the kernel between a row and each support vector."""
    rows, columns, gamma = machine.support_vectors_, np.arange(draft.n_in), machine.gamma
    if machine.kernel == "poly":
        base = np.full(len(rows), float(machine.coef0))
        near = draft.add(Product(columns=columns, weights=gamma * rows.T, base=base))
        power = near
        for _ in range(machine.degree - 1):
            power = draft.add(Combine(how="product", first=power, second=near))
        return power
    square = draft.add(Combine(how="product", first=columns, second=columns))
    weights = np.vstack([2.0 * gamma * rows.T, np.full((len(columns), len(rows)), -gamma)])
    base = -gamma * (rows**2).sum(axis=1)
    both = np.concatenate([columns, square])
    far = draft.add(Product(columns=both, weights=weights, base=base))
    far = draft.add(Clip(columns=far, low=-np.inf, high=0.0))
    return draft.add(Apply(columns=far, function="exp"))


def _decisions(draft: Draft, machine: Any, near: Any) -> Any:
    """Add what the machine decides: of several classes each pair votes, as scikit-learn counts."""
    n, dual = len(machine.classes_), machine.dual_coef_
    if n == 2:
        return draft.add(Product(columns=near, weights=dual.T, base=machine.intercept_))
    ends = np.cumsum(machine.n_support_)
    of = [slice(end - size, end) for end, size in zip(ends, machine.n_support_, strict=True)]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    weights, side = np.zeros((dual.shape[1], len(pairs))), np.zeros((len(pairs), n))
    for k, (i, j) in enumerate(pairs):
        weights[of[i], k], weights[of[j], k] = dual[j - 1, of[i]], dual[i, of[j]]
        side[k, i], side[k, j] = 1.0, -1.0
    decided = draft.add(Product(columns=near, weights=weights, base=machine.intercept_))
    sign = draft.add(Apply(columns=decided, function="sign"))
    twos = np.full(len(pairs), 2.0)
    half = draft.add(Affine(columns=sign, center=-twos, scale=twos))
    won = draft.add(Apply(columns=half, function="floor"))
    votes = draft.add(Product(columns=won, weights=side, base=(side < 0).sum(axis=0) * 1.0))
    sums = draft.add(Product(columns=decided, weights=side, base=np.zeros(n)))
    size = draft.add(Apply(columns=sums, function="abs"))
    size = draft.add(Affine(columns=size, center=np.full(n, -1.0), scale=np.full(n, 1 / 3)))
    ties = draft.add(Combine(how="quotient", first=sums, second=size))
    return draft.add(Combine(how="sum", first=votes, second=ties))


def code(estimators: Sequence[Any]) -> Code:
    """Return the call of our own class around scikit-learn's machine."""
    return Code.own(estimators[0], "C", "kernel", "seed")


def _parts(y: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """A part for each row, classes evenly spread; -1 (never held out) for a lone row."""
    n_parts = MOST_PARTS if len(y) < FEW_ROWS else 2
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    part = np.empty(len(y), dtype=np.int64)
    start = np.flatnonzero(np.r_[True, np.diff(y[order]) != 0])
    within = np.arange(len(y)) - np.repeat(start, np.diff(np.r_[start, len(y)]))
    part[order] = within % n_parts
    part[np.bincount(y)[y] < 2] = -1
    return part


def _scores(machine: Any, X: Any) -> NDArray[np.float64]:
    scores = np.asarray(machine.decision_function(X))
    return scores[:, None] if scores.ndim == 1 else scores


def _build(params: Params, context: Context) -> Any:
    chosen = {"C": 1.0, "kernel": "rbf", **params}
    # Scaled columns have a variance of about 1: the usual 1 / n_columns, times a factor.
    gamma = chosen.get("gamma", 1.0) / max(1, context.n_columns)
    C, kernel = chosen["C"], {"kernel": "rbf", "gamma": gamma}
    if chosen["kernel"] == "poly":
        C = chosen.get("C_poly", 0.05)
        # With the constant, lower powers take part, too.
        kernel = {"kernel": "poly", "gamma": gamma, "degree": chosen.get("degree", 2), "coef0": 1.0}
    kind = SupportVectorNumbers if context.task == "regression" else SupportVectors
    return kind(C=C, kernel=kernel, seed=context.seed)


def _memory(context: Context, params: Params) -> float:
    """The cache of the kernel; then what is kept of the rows."""
    return CACHE * 2**20 + 16.0 * context.n_rows * context.n_columns


ALGORITHM = Algorithm(
    name="svm",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    space={
        "kernel": Choice("rbf", "poly"),
        "C": Float(0.05, 100.0, log=True, when={"kernel": "rbf"}),
        "gamma": Float(0.05, 20.0, log=True, when={"kernel": "rbf"}),
        # Polynomials converge slowly beyond.
        "C_poly": Float(0.002, 0.3, log=True, when={"kernel": "poly"}),
        "degree": Int(2, 3, when={"kernel": "poly"}),
    },
    starts=(
        {"C": 5.0, "kernel": "rbf", "gamma": 1.0},
        {"C": 1.0, "kernel": "rbf", "gamma": 4.0},
        {"C": 20.0, "kernel": "rbf", "gamma": 0.3},
    ),
    memory=_memory,
    quick=quick,
    formula=formula,
    code=code,
    weights=True,
    imports=("sklearn.svm", "sklearn.linear_model"),
    cost=3.0,
    growth=1.0,
    promise=0.4,
    max_rows=8_000,
    max_columns=1_000,
    max_classes=30,
    saved=("automl_svm.SupportVectorNumbers", "automl_svm.SupportVectors"),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give support vector machines."""
    return [ALGORITHM]
