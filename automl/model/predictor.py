"""The predictor: from any table to labels, probabilities and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import InputError, PluginError
from automl.model import reading
from automl.model.bounds import Bounds
from automl.model.member import Member, Part, Shelf
from automl.model.report import report
from automl.model.tuning import tuned_from_json
from automl.plugin.contributions import Metric

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.model.export import Exported
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Exporter, Task

__all__ = ["Member", "Part", "Predictor"]

CHUNK = 100_000
"""Rows that go through the members at once, so that memory does not grow with the table."""


class Predictor:
    """What a run leaves: predicts a column of tables like the one it has learned from.

    It never changes, can be used by several threads at once, copied and pickled; where it is
    unpickled the contributions have to be installed. ``save`` is the way to keep it, since reading
    a pickle runs code.

    Parameters
    ----------
    schema : Schema
        What a table has to look like.
    task : Task
    metric : Metric
        What the run optimised.
    target : str
        Name of the predicted column.
    classes : ndarray of shape (n_classes,) or None
        The labels, sorted; None where the target is a number.
    parts : tuple of Part
        Weights sum to 1.
    catalog : Catalog
        Where contributions are found.
    info : mapping
        Facts that a run noted. Known here: ``cv_score``, ``profile`` (see `automl.data.profile`),
        ``sample`` (see `automl.model.sample`), ``bounds`` (see `automl.model.bounds`), ``tuned``
        (see `automl.model.tuning`) and ``weight`` (name of the column of weights);
        whatever else survives JSON is saved too.
    """

    def __init__(
        self,
        schema: Schema,
        task: Task,
        metric: Metric,
        target: str,
        classes: NDArray[Any] | None,
        parts: tuple[Part, ...],
        catalog: Catalog,
        info: Mapping[str, Any],
    ) -> None:
        if not parts or not all(part.members for part in parts):
            raise ValueError("a predictor needs at least one part, and each part a member")
        self.schema = schema
        tuned = info.get("tuned")
        self._tuned = tuned_from_json(tuned) if tuned else None
        self._plain_task = task
        self.task = self._tuned.of(task) if self._tuned else task
        self.metric = metric
        self.target = target
        self.parts = parts
        self.catalog = catalog
        self.info = info
        self.classes = classes
        self._shelf = Shelf(parts)
        bounds = info.get("bounds")
        self._bounds = Bounds.from_json(bounds) if bounds else None

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels in the order of the columns of `predict_proba`."""
        if self.classes is None:
            raise AttributeError(f"the task {self.task.name!r} has no classes")
        return self.classes

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns that are learned from."""
        return self.schema.learned

    def predict(self, new: object, *, on_missing: str = "error") -> NDArray[Any]:
        """Predict a label, or a number, for each row.

        Parameters
        ----------
        new : path, URL-like string or table
            Whatever `automl.fit` accepts, without the target or with it.
        on_missing : {"error", "impute"}, default="error"
            What to do where a column is missing from the table.

        Returns
        -------
        ndarray of shape (n_rows,)
            In the order of the rows, with the type that the labels had.

        Raises
        ------
        SchemaError
            The table breaks the schema in a way that no rule repairs.

        Warns
        -----
        SchemaWarning
            The table was repaired; the code says how.
        """
        return reading.decode(_values_of(self, new, on_missing), self.task, self.classes)

    def predict_proba(self, new: object, *, on_missing: str = "error") -> NDArray[np.float64]:
        """Predict the probability of each class for each row.

        Parameters
        ----------
        new : path, URL-like string or table
        on_missing : {"error", "impute"}, default="error"

        Returns
        -------
        ndarray of shape (n_rows, n_classes), dtype=float64
            Columns in the order of `classes_`.

        Raises
        ------
        InputError
            ``E_INPUT_PROBA`` where the task has no classes.
        """
        if self.classes is None:
            raise InputError(
                "E_INPUT_PROBA",
                f"The task {self.task.name!r} has no classes, hence no probabilities.",
                "Use predict().",
            )
        return _values_of(self, new, on_missing)

    def flags(self, new: object, *, on_missing: str = "error") -> dict[str, NDArray[np.bool_]]:
        """Tell which rows hold cells that had to be repaired, or that training knew nothing of.

        Parameters
        ----------
        new : path, URL-like string or table
        on_missing : {"error", "impute"}, default="error"

        Returns
        -------
        dict of str to ndarray of shape (n_rows,), dtype=bool
            By code (``W_SCHEMA_UNREAD``, ``W_SCHEMA_INFINITE``, ``W_SCHEMA_UNSEEN``,
            ``W_SCHEMA_UNSEEN_STRING``, ``W_SCHEMA_RANGE``, ``W_SCHEMA_FAR``); codes that concern
            no row are left out.
        """
        raw = reading.open_table(new, self.catalog)
        return reading.flagged(raw, self.schema, on_missing)

    def values(self, table: Table) -> NDArray[np.float64]:
        """Return what the blend says of canonical rows.

        Parameters
        ----------
        table : Table
            As `automl.data.apply.apply` gives it.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or (n_rows,), dtype=float64
        """
        if table.n_rows == 0:
            return np.zeros((0,) if self.classes is None else (0, len(self.classes)))
        chunks = range(0, table.n_rows, CHUNK)
        parts = [
            self._shelf.values(table.take(slice(start, start + CHUNK)), self.catalog)
            for start in chunks
        ]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if self._bounds is not None:
            return self._bounds(values)
        return values if self._tuned is None else self._tuned.values(values)

    def evaluate(
        self,
        source: object,
        target: object = None,
        metrics: Sequence[str | Metric | Callable[..., float]] = (),
    ) -> dict[str, float | int]:
        """Score the predictions for rows whose target is known.

        Parameters
        ----------
        source : path, URL-like string or table
        target : str, array of shape (n_rows,) or None, default=None
            Name of the column with the truth, or its values; the column of training where None.
        metrics : sequence of str, Metric, scorer or callable (y_true, y_pred) -> float, default=()
            The metric of the run where empty.

        Returns
        -------
        dict
            The score by the name of its metric, and ``"n_rows"``: rows that were scored, which are
            those whose target is not missing.

        Raises
        ------
        DataError
            ``E_DATA_LABELS`` where the target has labels that training had not.
        """
        found = report(self, source, target, metrics)
        return {**found.scores, "n_rows": found.n_rows}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model into a folder, or one file where the path ends in ``.zip``.

        Parameters
        ----------
        path : path
            New, or a saved model that is to be replaced.

        Raises
        ------
        BundleError
            It cannot be written; what was there is left as it was.
        """
        from automl.model.bundle import save

        save(self, path)

    def export(self, to: str | Exporter, path: str | os.PathLike[str]) -> Exported:
        """Write the model in another form, and prove that it says the same.

        What was written is opened again as its user will and compared, for the sample rows and
        1,000 rows that are hard to read, with what this predictor says of them.

        Parameters
        ----------
        to : str or Exporter
            Name of an installed exporter (`automl plugins` lists them), or one handed over.
        path : path
            A folder that is new or empty.

        Returns
        -------
        Exported

        Raises
        ------
        PluginError
            There is no such exporter, or it needs what is not installed.
        ExportError
            This model cannot be exported so, or what was written differs; nothing is left behind.
        """
        from automl.model.export import export

        return export(self, to, path)

    def load_all(self) -> None:
        """Build every member now instead of at the first prediction."""
        self._shelf.load_all(self.catalog)

    def __repr__(self) -> str:
        score = self.info.get("cv_score")
        shown = "unknown" if score is None else f"{score:.6g}"
        return "\n".join(
            [
                f"Predictor of {self.target!r} ({self.task.name})",
                f"  {self.metric.name} (cv_score): {shown}",
                f"  learned from {len(self.schema.learned)} columns",
                *(
                    f"  {part.weight:6.1%}  {part.candidate.algorithm} x {len(part.members)}"
                    for part in self.parts
                ),
            ]
        )

    def __reduce__(self) -> tuple[object, ...]:
        rooted = _Rooted(self.catalog, self._plain_task, self.metric)
        state = (self.schema, self.target, self.classes, self.parts, dict(self.info))
        return _rebuild, (rooted, *state)


def _values_of(predictor: Predictor, new: object, on_missing: str) -> NDArray[np.float64]:
    raw = reading.open_table(new, predictor.catalog)
    return predictor.values(reading.bring(raw, predictor.schema, on_missing))


class _Rooted:
    """What is found again instead of pickled: contributions hold code."""

    def __init__(self, catalog: Catalog, task: Task, metric: Metric) -> None:
        self.catalog = catalog
        self.task = task
        self.metric = metric

    def __deepcopy__(self, memo: dict[int, Any]) -> _Rooted:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        metric = self.metric
        return _find, (self.task.name, metric.name, metric.reads, metric.greater_is_better)


def absent_metric(task: Task, name: str, reads: Any, greater_is_better: bool) -> Metric:
    """Return what stands for a metric that is not installed: it has a name and cannot score."""
    return Metric(
        name=name,
        tasks=task.names,
        score=_Absent(name),
        reads=reads,
        greater_is_better=greater_is_better,
        best=np.inf if greater_is_better else -np.inf,
    )


class _Absent:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *_: object) -> float:
        raise PluginError(
            "E_PLUGIN_UNKNOWN",
            f"The metric {self.name!r} is not installed.",
            "Name another with evaluate(..., metrics=[...]).",
        )


def _find(task_name: str, metric_name: str, reads: Any, greater_is_better: bool) -> _Rooted:
    from automl.plugin.discovery import discover

    catalog = discover()
    task = catalog.get("task", task_name)
    metric = catalog.metrics.get(metric_name)
    if metric is None:
        metric = absent_metric(task, metric_name, reads, greater_is_better)
    return _Rooted(catalog, task, metric)


def _rebuild(
    rooted: _Rooted,
    schema: Schema,
    target: str,
    classes: NDArray[Any] | None,
    parts: tuple[Part, ...],
    info: Mapping[str, Any],
) -> Predictor:
    return Predictor(
        schema=schema,
        task=rooted.task,
        metric=rooted.metric,
        target=target,
        classes=classes,
        parts=parts,
        catalog=rooted.catalog,
        info=info,
    )
