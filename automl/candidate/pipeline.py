"""The pipeline built from a candidate: preparation and estimator, from a table to values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.preparation import (
    FittedChain,
    FittedStep,
    Preparation,
    Prepared,
    Setting,
    fit_preparation,
)
from automl.plugin.context import Context
from automl.plugin.contributions import Validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate
    from automl.data.table import Table
    from automl.plugin.contributions import Algorithm, Report, Task

__all__ = [
    "FittedChain",
    "FittedStep",
    "Pipeline",
    "Preparation",
    "Prepared",
    "Setting",
    "constant_pipeline",
    "context_of",
    "device_of",
    "fit_pipeline",
    "fit_preparation",
]

FEW = 10
"""Rows up to which an estimator is asked the quick way, if it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A fitted candidate.

    Parameters
    ----------
    candidate : Candidate
    task : Task
    n_classes : int
    preparation : Preparation
    estimator : object or None
        None for a constant answer.
    present : tuple of int
        Class codes that training had, in order: what the estimator calls 0, 1, ...
    constant : tuple of float, default=()
        The answer for any row where there is no estimator: a probability for each class, or one
        number.
    quick : callable (estimator) -> callable (X) -> values, or None, default=None
        As the algorithm declares it.
    """

    candidate: Candidate
    task: Task
    n_classes: int
    preparation: Preparation
    estimator: Any
    present: tuple[int, ...]
    constant: tuple[float, ...] = ()
    quick: Callable[[Any], Callable[[Any], Any] | None] | None = None
    _asked: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return what the candidate says of each row: (n_rows, n_classes), or (n_rows,)."""
        if self.estimator is None:
            return self._same(table.n_rows)
        return self.values_of(self.preparation.transform(table))

    def values_of(self, X: Any) -> NDArray[np.float64]:
        """Return the values of rows that are prepared already."""
        if self.estimator is None:
            return self._same(X.shape[0])
        few = self.quick is not None and X.shape[0] <= FEW and isinstance(X, np.ndarray)
        return self._asked_of(self._quickened() if few else self.estimator, X)

    def values_by(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values of rows whose predictions were found another way.

        Parameters
        ----------
        answers : ndarray of shape (n_rows, n_classes) or (n_rows,)
            What the estimator's ``predict_proba``, or ``predict``, would return.
        """
        known = _Quick(self.estimator, lambda _: answers, classes=self.n_classes > 0)
        return self._asked_of(known, answers)

    def _asked_of(self, estimator: Any, X: Any) -> NDArray[np.float64]:
        n_present = len(self.present)
        values = np.asarray(self.task.values(estimator, X, n_present), dtype=np.float64)
        expected = (X.shape[0], n_present) if self.n_classes else (X.shape[0],)
        if values.shape != expected:
            raise ValueError(f"values of shape {values.shape}, expected {expected}")
        return self._spread(values) if self.n_classes else values

    def _quickened(self) -> Any:
        """Return what the task asks instead of the estimator, made once."""
        if "quick" not in self._asked:
            answer = self.quick(self.estimator) if self.quick is not None else None
            self._asked["quick"] = (
                self.estimator
                if answer is None
                else _Quick(self.estimator, answer, classes=self.n_classes > 0)
            )
        return self._asked["quick"]

    def _same(self, n_rows: int) -> NDArray[np.float64]:
        row = np.array(self.constant)
        return np.tile(row, (n_rows, 1)) if self.n_classes else np.full(n_rows, row[0])

    def _spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if values.shape[1] == self.n_classes:
            return values
        wide = np.zeros((values.shape[0], self.n_classes))
        wide[:, list(self.present)] = values
        return wide


class _Quick:
    """An estimator that is asked for its values another way; all else is its own."""

    def __init__(self, estimator: Any, answer: Callable[[Any], Any], *, classes: bool) -> None:
        self._estimator = estimator
        setattr(self, "predict_proba" if classes else "predict", answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)


def fit_pipeline(
    candidate: Candidate,
    prepared: Prepared,
    y: NDArray[Any],
    weight: NDArray[np.float64] | None,
    validation: Validation | None,
    algorithm: Algorithm,
    setting: Setting,
    report: Report,
) -> Pipeline:
    """Fit a candidate's estimator on prepared rows.

    Parameters
    ----------
    candidate : Candidate
    prepared : Prepared
    y : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,) or None
        Given to algorithms that declare weights.
    validation : Validation or None
        Prepared rows for early stopping, for algorithms that learn in rounds.
    algorithm : Algorithm
    setting : Setting
    report : Report
    """
    present: tuple[int, ...] = ()
    if setting.n_classes:
        found, y = np.unique(y, return_inverse=True)
        present = tuple(int(code) for code in found)
    if len(present) == 1:
        alone = np.eye(setting.n_classes)[present[0]]
        return constant_pipeline(candidate, setting.task, setting.n_classes, alone)
    context = context_of(prepared.preparation, prepared.X, setting, len(present), algorithm)
    estimator = algorithm.build(dict(candidate.params), context)
    given = weight if algorithm.weights else None
    if algorithm.fit is not None:
        validation = validation and _recode(validation, present)
        algorithm.fit(estimator, prepared.X, y, given, validation, report)
    elif given is not None:
        estimator.fit(prepared.X, y, sample_weight=given)
    else:
        estimator.fit(prepared.X, y)
    return Pipeline(
        candidate=candidate,
        task=setting.task,
        n_classes=setting.n_classes,
        preparation=prepared.preparation,
        estimator=estimator,
        present=present,
        quick=algorithm.quick,
    )


def constant_pipeline(
    candidate: Candidate, task: Task, n_classes: int, answer: NDArray[np.float64]
) -> Pipeline:
    """Return a pipeline that gives every row the same answer.

    Parameters
    ----------
    candidate : Candidate
    task : Task
    n_classes : int
    answer : ndarray of shape (n_classes,) or ()
    """
    nothing = Preparation(chains=(), sparse=False, categories=(), n_levels=(), names=())
    return Pipeline(
        candidate=candidate,
        task=task,
        n_classes=n_classes,
        preparation=nothing,
        estimator=None,
        present=(),
        constant=tuple(float(number) for number in np.atleast_1d(answer)),
    )


def context_of(
    preparation: Preparation,
    X: Any,
    setting: Setting,
    n_classes: int,
    algorithm: Algorithm | None = None,
) -> Context:
    """Return what an algorithm is told about a prepared matrix."""
    return Context(
        task=setting.task.like or setting.task.name,
        n_classes=n_classes,
        n_rows=X.shape[0],
        n_columns=X.shape[1],
        categories=preparation.categories,
        n_levels=preparation.n_levels,
        names=preparation.names,
        sparse=preparation.sparse,
        seed=setting.seed,
        threads=setting.threads,
        metric=setting.metric,
        monotonic=preparation.monotonic,
        device="cpu" if algorithm is None else device_of(algorithm, setting.device),
    )


def device_of(algorithm: Algorithm, wanted: str) -> str:
    """Return the device that is wanted, or the CPU for an algorithm that cannot use it."""
    return wanted if wanted.partition(":")[0] in algorithm.devices else "cpu"


def _recode(validation: Validation, present: tuple[int, ...]) -> Validation | None:
    """Speak of the classes that training had; rows of others cannot be judged."""
    if not present:
        return validation
    known = np.isin(validation.y, present)
    if not known.any():
        return None
    weight = None if validation.weight is None else validation.weight[known]
    y = np.searchsorted(present, validation.y[known])
    X = validation.X if known.all() else validation.X[np.flatnonzero(known)]
    return replace(validation, X=X, y=y, weight=weight)
