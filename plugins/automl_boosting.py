"""What boosters behind scikit-learn's interface share; no plugin of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from automl.plugin import Code

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from automl.plugin import Context, Link, Report, Validation

ABSOLUTE = frozenset({"mae", "median_absolute_error", "mape", "pinball"})
"""Metrics that absolute errors serve better than squared ones."""

FEATURES = {name: name for name in ("arithmetic", "group_contrast", "level_counts")}
"""Columns made of several: the first start is tried with them as well, which tells the table."""

FACTS = "model.json"
"""File beside a library's own, with what that one does not keep."""


B = TypeVar("B", bound="Boosted")


class Boosted:
    """Boosted trees of some library.

    Parameters
    ----------
    params : dict
        The library's parameters, complete but for the objective.
    regression : bool
    metric : str, default=""
        Name of the metric that the search optimises.
    categories : tuple of int, default=()
        Columns that hold category codes.
    rounds : int, default=300
        Rounds to learn where no validation rows are given.
    most : int, default=2000
        Rounds to learn at most.
    patience : int, default=20
        Rounds without improvement that are always granted.

    Attributes
    ----------
    model_ : object
        What the library learned.
    n_classes_ : int
        0 where the target is a number.
    center_, spread_ : float
        The target was learned less its mean and divided by its standard deviation.
    """

    def __init__(
        self,
        *,
        params: dict[str, Any],
        regression: bool,
        metric: str = "",
        categories: tuple[int, ...] = (),
        rounds: int = 300,
        most: int = 2000,
        patience: int = 20,
    ) -> None:
        self.params = params
        self.regression = regression
        self.metric = metric
        self.categories = categories
        self.rounds = rounds
        self.most = most
        self.patience = patience
        self.n_classes_ = 0
        self.center_, self.spread_ = 0.0, 1.0
        self.model_: Any = None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor."""
        names = ("params", "regression", "metric", "categories", "rounds", "most", "patience")
        return {name: getattr(self, name) for name in names}

    def fit(
        self, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> Self:
        """Learn a fixed number of rounds."""
        self.learn(X, y, sample_weight, None, lambda round_, score=None: False)
        return self

    def learn(
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64] | None,
        validation: Validation | None,
        report: Report,
    ) -> None:
        """Add trees until the validation score has not improved for long, or until told to stop."""
        raise NotImplementedError

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return a probability for each row and class."""
        values = self._raw(X)
        return np.column_stack((1.0 - values, values)) if values.ndim == 1 else values

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class, or the number, for each row."""
        if self.regression:
            return self._raw(X) * self.spread_ + self.center_
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    @property
    def n_outputs(self) -> int:
        """Sums that the trees add up to."""
        return self.n_classes_ if self.n_classes_ > 2 else 1

    @property
    def link(self) -> Link:
        """How the sums become values."""
        if not self.n_classes_:
            return "none"
        return "softmax" if self.n_classes_ > 2 else "logistic"

    def look_at(self, y: NDArray[Any]) -> None:
        """Take from the target what it is measured by."""
        if self.regression:
            # Penalties on leaves then mean the same in any unit of the target.
            self.center_, self.spread_ = float(np.mean(y)), float(np.std(y)) or 1.0
        else:
            self.n_classes_ = int(y.max()) + 1

    def target(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the target as the library sees it."""
        return (y - self.center_) / self.spread_ if self.regression else y

    def _raw(self, X: Any) -> NDArray[np.float64]:
        """Return what the library says: (n_rows,) or (n_rows, n_classes)."""
        raise NotImplementedError


def watched_metric(context: Context) -> str:
    """Name the metric to learn for: with constraints none that moves leaves after the fact."""
    constrained = context.task == "regression" and any(context.monotonic)
    return "" if constrained else context.metric


def haste(context: Context) -> float:
    """A tree per class and round: with many classes fewer and larger steps."""
    return min(3.0, max(1.0, context.n_classes / 8))


def average(sizes: Iterable[int]) -> int:
    """Return the mean of numbers of rounds."""
    return max(1, round(float(np.mean(list(sizes)))))


def standardised(regressor: Code) -> Code:
    """Return the code of a regressor that learns the target less its mean, by its deviation."""
    return Code(
        place="sklearn.compose:TransformedTargetRegressor",
        kwargs={
            "regressor": regressor,
            "transformer": Code(place="sklearn.preprocessing:StandardScaler"),
        },
    )


def write_facts(fitted: Boosted, folder: Path) -> None:
    """Write what a library's own file does not keep."""
    facts = fitted.get_params() | {
        "n_classes": fitted.n_classes_,
        "center": fitted.center_,
        "spread": fitted.spread_,
    }
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def read_facts(kind: type[B], folder: Path) -> B:
    """Return a booster that lacks only what its library learned."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    n_classes, center, spread = (facts.pop(name) for name in ("n_classes", "center", "spread"))
    fitted = kind(**facts | {"categories": tuple(facts["categories"])})
    fitted.n_classes_, fitted.center_, fitted.spread_ = n_classes, center, spread
    return fitted
