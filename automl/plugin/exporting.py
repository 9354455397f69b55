"""The contribution that takes a model out of automl, into a form that others can use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from automl.plugin.fields import check_callable, check_name, refuse

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.plugin.asking import Metric, Task
    from automl.plugin.catalog import Catalog, Giver

Rows = Mapping[str, Sequence[object]]
"""Rows as columns by name, cells as a user would write them; None is a missing cell."""

Opened = Callable[[Rows], "NDArray[np.float64]"]
"""What an export says of rows: probabilities (n_rows, n_classes), or numbers (n_rows,)."""


class FittedModel(Protocol):
    """What an exporter may read of a predictor; `automl.Predictor` is one.

    Attributes
    ----------
    schema : Schema
        The columns that are learned from: ``schema.features``, each with ``name``, ``kind``,
        ``levels``, ``scale`` and how its cells are read.
    task : Task
        ``task.name``, and ``task.decide(values)``: class codes, or numbers, by the weights of the
        classes where such were tuned.
    metric : Metric
        What the run optimised.
    target : str
        Name of the predicted column.
    classes : ndarray of shape (n_classes,) or None
        Labels in the order of the columns of the values; None where the target is a number.
    parts : tuple
        The blend, weights sum to 1: each part has ``candidate`` (``algorithm``, ``params``,
        ``preparation``), ``weight`` and ``members``. The value is the mean over the members of a
        part; ``member.load(catalog)`` gives the fitted pipeline: ``preparation`` and ``estimator``.
    catalog : Catalog
        Where contributions are found.
    info : mapping
        ``bounds``, within which the blend's values are kept, and ``tuned``, its ``power`` to which
        probabilities are raised or its ``weights`` of classes, where there are any; ``cv_score``;
        ``profile``, the statistics of the training table; ``sample``, some of its rows with their
        values; and what else the run noted.
    """

    schema: Schema
    task: Task
    metric: Metric
    target: str
    classes: NDArray[Any] | None
    parts: tuple[Any, ...]
    catalog: Catalog
    info: Mapping[str, Any]

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels in the order of the columns of the values; raises where there are none."""
        ...

    def predict(self, new: object, *, on_missing: str = "error") -> NDArray[Any]:
        """Predict a label, or a number, for each row."""
        ...

    def predict_proba(self, new: object, *, on_missing: str = "error") -> NDArray[np.float64]:
        """Predict the probability of each class for each row."""
        ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model into a folder, which `automl.load` reads."""
        ...


def nothing_refused(model: FittedModel) -> Sequence[str]:
    """Refuse no model."""
    del model
    return ()


def used_by(part: Any, catalog: Catalog) -> set[tuple[str, str]]:
    """Return kind and name of each contribution in a part of a blend; the constant has none."""
    steps = [step for chain in part.candidate.preparation.values() for step in chain]
    used = {("algorithm", part.candidate.algorithm), *(("preprocessor", one.name) for one in steps)}
    return {key for key in used if key in catalog}


def givers_of(model: FittedModel) -> dict[tuple[str, str], Giver]:
    """Return who gave each contribution of a model, by kind and name, sorted.

    Parameters
    ----------
    model : FittedModel

    Returns
    -------
    dict of (kind, name) to Giver
        The task, and the algorithms and preprocessors of all parts.
    """
    from automl.plugin.catalog import Giver

    used = {("task", model.task.name)}.union(*(used_by(one, model.catalog) for one in model.parts))
    return {key: model.catalog.givers.get(key, Giver()) for key in sorted(used)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """A form in which a model is used where automl's own ``load`` is not.

    The engine verifies every export: what ``load`` opens has to give the predictor's own values
    for sample rows and for rows made to be hard, or nothing is left behind.

    Parameters
    ----------
    name : str
    export : callable (model, folder) -> None
        Writes any files into a folder that is there and empty. The name ``export.json`` is the
        engine's.
    load : callable (folder) -> callable (rows) -> ndarray
        Opens what was exported the way its user will, wherever the folder lies by then. What it
        returns takes rows as columns by name, with cells as a user writes them (None is missing),
        and returns float64: probabilities of shape (n_rows, n_classes) in the order of
        ``classes_``, or numbers of shape (n_rows,).
    refuses : callable (model) -> sequence of str
        What of this model cannot be exported, one line a reason; asked before anything is
        written. Nothing is refused by default.
    tolerance : float, default=1e-6
        The largest difference from the predictor's own value, as a share of that value, or of
        the numbers' spread (the standard deviation of the predictor's values of its sample) where
        that is larger. Probabilities differ by no more than it.
    requires : tuple of str, default=()
        Distributions that have to be installed to export and to load.
    refits : bool, default=False
        Whether what it writes learns again instead of keeping what was learned. The rows that
        ``load(folder)`` is asked about then also hold the target, in the column of its name: what
        it opened learns from them, without weights, and returns its values of the same rows. The
        engine has it export a twin: a model of the same recipe that was learned, with seed 0, from
        rows that the engine made, so that its values are known.
    description : str, default=""
        What it makes, in one line.
    """

    name: str
    export: Callable[[FittedModel, Path], None]
    load: Callable[[Path], Opened]
    refuses: Callable[[FittedModel], Sequence[str]] = nothing_refused
    tolerance: float = 1e-6
    requires: tuple[str, ...] = ()
    refits: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        check_name(self)
        for name in ("export", "load", "refuses"):
            check_callable(self, name)
        given: object = self.tolerance
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not number or not 0 <= self.tolerance < math.inf:
            refuse(self, "tolerance", given, "a number of at least 0, such as 1e-6")
