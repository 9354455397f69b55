"""The baseline: the best constant, without a look at any column."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin import Algorithm, Code, Context, Params, Saved, hookimpl
from automl.plugin.formulas import Draft, Formula, Product

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_ABSOLUTE = {"mae", "median_absolute_error", "mape", "pinball"}


class Constant:
    """Class frequencies, or the mean (the median where absolute errors count).

    Parameters
    ----------
    task : str
    median : bool, default=False
    """

    def __init__(self, task: str, median: bool = False) -> None:
        self.task = task
        self.median = median
        self.value_: NDArray[np.float64] = np.zeros(0)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        return {"task": self.task, "median": self.median}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> Constant:
        """Learn the constant."""
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        if self.task != "regression":
            counts = np.bincount(y, weights=weight)
            self.value_ = counts / counts.sum()
        elif self.median:
            order = np.argsort(y, kind="stable")
            heavy = np.cumsum(weight[order])
            self.value_ = np.array([y[order][np.searchsorted(heavy, heavy[-1] / 2)]])
        else:
            self.value_ = np.array([np.average(y, weights=weight)])
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the class frequencies for each row."""
        return np.tile(self.value_, (X.shape[0], 1))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most frequent class, or the number, for each row."""
        if self.task != "regression":
            return np.full(X.shape[0], int(self.value_.argmax()))
        return np.full(X.shape[0], self.value_[0])


def _build(params: Params, context: Context) -> Constant:
    return Constant(context.task, median=context.metric in _ABSOLUTE)


def code(estimators: Sequence[Constant]) -> Code:
    """Return the call of scikit-learn's constant."""
    first = estimators[0]
    if first.task != "regression":
        return Code(place="sklearn.dummy:DummyClassifier", kwargs={"strategy": "prior"})
    how = "median" if first.median else "mean"
    return Code(place="sklearn.dummy:DummyRegressor", kwargs={"strategy": how})


def formula(estimator: Constant) -> Formula:
    """Return what is said of every row."""
    draft = Draft(0)
    none, value = np.zeros(0, dtype=np.int64), estimator.value_
    same = Product(columns=none, weights=np.zeros((0, len(value))), base=value)
    return draft.formula(draft.add(same))


def _save(fitted: Constant, folder: Path) -> None:
    data = {**fitted.get_params(), "value": fitted.value_.tolist()}
    (folder / "constant.json").write_text(json.dumps(data), encoding="utf-8")


def _load(folder: Path) -> Constant:
    data = json.loads((folder / "constant.json").read_text(encoding="utf-8"))
    fitted = Constant(data["task"], data["median"])
    fitted.value_ = np.array(data["value"], dtype=np.float64)
    return fitted


ALGORITHM = Algorithm(
    name="constant",
    tasks=frozenset({"binary", "multiclass", "regression"}),
    build=_build,
    accepts=frozenset({"nothing"}),
    default=False,
    code=code,
    formula=formula,
    weights=True,
    cost=0.001,
    promise=0.05,
    saved=Saved(save=_save, load=_load),
)


@hookimpl
def automl_algorithms() -> list[Algorithm]:
    """Give the constant."""
    return [ALGORITHM]
