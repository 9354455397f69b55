"""A small table, and what the public face says of it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import automl
from automl.errors import InputError

N = 120
QUICK = {
    "budget": automl.Budget(trials=1),
    "plugins": ["tree"],
    "strategy": automl.Strategy(isolation="none", folds=2),
}


def base(n: int = N, seed: int = 0) -> tuple[dict[str, Any], np.ndarray]:
    """Return two columns of numbers and one of categories, and labels that they tell."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=n), random.normal(size=n)
    c = np.array(list("xyz"), dtype=object)[random.integers(0, 3, n)]
    noise = 0.3 * random.normal(size=n)
    return {"a": a, "b": b, "c": c}, np.where(a + b / 2 + noise > 0, "yes", "no").astype(object)


def repeated(values: Any, n: int = N) -> list[Any]:
    """Return the values, again and again, as many as there are rows."""
    return (list(values) * n)[:n]


def learn(x: object, y: object, **more: Any) -> tuple[automl.Result, set[str]]:
    """Learn, and return the result with the codes of all warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = automl.fit(x, y, **{**QUICK, **more})
    return result, codes(caught)


def told(predictor: Any, new: object, **more: Any) -> tuple[np.ndarray, set[str]]:
    """Predict, and return what is predicted with the codes of all warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = predictor.predict(new, **more)
        values = labels if predictor.classes is None else predictor.predict_proba(new, **more)
    assert len(labels) == len(values)
    assert np.isfinite(values.astype(float)).all()
    return labels, codes(caught)


def codes(caught: list[warnings.WarningMessage]) -> set[str]:
    """Return the codes of warnings; one that has none is a fault in itself."""
    strange = [str(one.message) for one in caught if not hasattr(one.message, "code")]
    assert not strange
    return {one.message.code for one in caught}  # type: ignore[union-attr]  # looked at above


def found(result: automl.Result, column: str) -> set[str]:
    """Return the codes of all findings about a column, listed ones too."""
    return {finding.code for finding in result.findings if column in finding.columns}


def refused(x: object, y: object, **more: Any) -> InputError:
    """Return the error with which a table is refused."""
    with pytest.raises(InputError) as caught:
        learn(x, y, **more)
    assert "\n" not in str(caught.value)
    return caught.value
