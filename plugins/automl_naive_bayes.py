"""Gaussian naive Bayes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Algorithm, Code, Context, Float, Params, hookimpl
from automl.plugin.formulas import Affine, Combine, Draft, Formula, Product, Softmax

if TYPE_CHECKING:
    from collections.abc import Callable


def _build(params: Params, context: Context) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**{"var_smoothing": 1e-3, **params})


def formula(estimator: Any) -> Formula:
    """Return what it computes: from the distances to the classes' means, in their own spread."""
    draft, scores = Draft(estimator.theta_.shape[1]), []
    each = zip(estimator.theta_, estimator.var_, estimator.class_prior_, strict=True)
    for mean, variance, prior in each:
        spread = np.sqrt(2.0 * variance)
        off = draft.add(Affine(columns=np.arange(draft.n_in), center=mean, scale=spread))
        square = draft.add(Combine(how="product", first=off, second=off))
        base = np.log(prior) - 0.5 * np.log(2.0 * np.pi * variance).sum()
        down = np.full((draft.n_in, 1), -1.0)
        scores.append(draft.add(Product(columns=square, weights=down, base=np.array([base]))))
    return draft.formula(draft.add(Softmax(columns=np.concatenate(scores))))


def quick(estimator: Any) -> Callable[[Any], Any]:
    """Return what answers a few rows as the estimator does, which looks at them for longer."""
    mean, twice = estimator.theta_, 2.0 * estimator.var_
    base = np.log(estimator.class_prior_) - 0.5 * np.log(np.pi * twice).sum(axis=1)

    def probabilities(X: Any) -> Any:
        scores = base - ((X[:, None] - mean) ** 2 / twice).sum(axis=2)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    return probabilities


ALGORITHM = Algorithm(
    name="naive_bayes",
    tasks=frozenset({"binary", "multiclass"}),
    build=_build,
    space={"var_smoothing": Float(1e-9, 1.0, log=True)},
    starts=({"var_smoothing": 1e-3},),
    formula=formula,
    quick=quick,
    code=lambda estimators: Code.of(estimators[0]),
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
