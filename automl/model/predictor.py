"""The predictor: from any table to labels, probabilities and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import InputError
from automl.model import reading
from automl.model.ensemble import Ensemble
from automl.model.explained import Explainer, explain
from automl.model.member import Member, Part
from automl.model.report import report
from automl.model.rooted import Rooted, rebuilt
from automl.plugin.contributions import Metric

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from automl.data.columns import Columns
    from automl.data.schema import Schema
    from automl.explain.explanation import Explanation
    from automl.model.export import Exported
    from automl.model.refit import Refit
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Exporter, Task
    from automl.search.budget import Budget

__all__ = ["Member", "Part", "Predictor"]


def _labels(predictor: Predictor) -> NDArray[Any]:
    """Labels in the order of the columns of `predict_proba`."""
    if predictor.classes is None:
        raise AttributeError(f"the task {predictor.task.name!r} has no classes")
    return predictor.classes


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

    Attributes
    ----------
    feature_names : tuple of str
        Names of the columns that are learned from.
    ensemble : Ensemble
        The members together, for who has canonical rows already.
    explainer : Explainer
        What rows are compared with where they are explained.
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
        n_classes = 0 if classes is None else len(classes)
        self.ensemble = Ensemble(schema, parts, catalog, n_classes, info)
        self.plain_task = task
        self.task = self.ensemble.tuned.of(task) if self.ensemble.tuned else task
        self.metric = metric
        self.target = target
        self.parts = parts
        self.catalog = catalog
        self.info = info
        self.classes = classes
        self.feature_names = schema.learned
        self.explainer = Explainer(schema, self.ensemble, catalog, info)

    classes_ = property(_labels)

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
        values = _values_of(self, new, on_missing)
        return reading.decode(values, self.task, self.classes)

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

    def explain(
        self, rows: object, *, background: object = None, on_missing: str = "error"
    ) -> Explanation:
        """Tell what each column of the table contributed to what is said of each row.

        `Explanation` says what contributions are, and which of them are exact.

        Parameters
        ----------
        rows : path, URL-like string or table
        background : path, URL-like string or table, default=None
            Rows to compare with, of which at most 100 are used; None means the rows of the
            training table that the model keeps.
        on_missing : {"error", "impute"}, default="error"

        Returns
        -------
        Explanation

        Raises
        ------
        InputError
            ``E_INPUT_BACKGROUND`` where there is no row to compare with.
        """
        return explain(self, rows, background, on_missing)

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

    def ready(self, *, quick: bool = True) -> None:
        """Build now what is otherwise built when it is first needed.

        Parameters
        ----------
        quick : bool, default=True
            Also what makes single rows quick, which else waits until a few of them have come: all
            trees in one table, encoders as flat tables. It takes about as much memory again as
            the members do, and is used only where it says what they say.
        """
        self.ensemble.members()
        if quick:
            self.ensemble.quick.ready()

    def optimize(self, *, max_ms: float, rows: object, target: object = None) -> Predictor:
        """Return a blend with fewer candidates that answers a single row in time.

        The candidate without which the rows score best is left out, again and again; of the blends
        on that way that are quick enough the one with the best score is returned.

        Parameters
        ----------
        max_ms : float
            Milliseconds that a single row may take on this machine, at the median, once it is read.
        rows : path, URL-like string or table
            Rows whose target is known. Scores are about them: rows that were learned from flatter.
        target : str, array of shape (n_rows,) or None, default=None
            As for `evaluate`.

        Returns
        -------
        Predictor
            Ready for single rows; its ``info["trimmed"]`` lists all blends that were looked at. It
            has no ``cv_score``, unless nothing was left out.

        Raises
        ------
        InputError
            ``E_INPUT_MAX_MS`` where none is quick enough.
        """
        from automl.model.trim import trim

        return trim(self, max_ms, rows, target)

    def refit(
        self,
        rows: object,
        target: object = None,
        *,
        check: object = None,
        columns: Columns | None = None,
        budget: float | Budget | None = None,
        seed: int | None = None,
        n_jobs: int | None = None,
    ) -> Refit:
        """Fit the same recipe on other rows, and keep it only if it is no worse.

        Candidates, parameters, preparation and weights stay; levels, ranges, fitted models and what
        is tuned on held-out values are those of the new rows. Nothing is searched.

        Parameters
        ----------
        rows, target
            As for `evaluate`: what to learn from, new rows or the old and new ones together.
        check : path, URL-like string, table or (table, target), default=None
            Rows to judge both by, such as neither has seen. None holds out 10 to 20 % of ``rows``:
            the latest where there is a time, whole groups where there are groups.
        columns : Columns or None, default=None
            Group, time and weight where they are called otherwise than before.
        budget : float, Budget or None, default=None
            Wall seconds, after which parts are left out; no limit where None.
        seed, n_jobs : int or None, default=None
            As for `automl.fit`; the seed is that of the run where None.

        Returns
        -------
        Refit
            Its ``predictor`` is the one that is kept, ``kept`` says which that is, and ``why``.

        Raises
        ------
        InputError
            Columns are missing, labels are new, or too few rows are left to judge by.
        """
        from automl.model.refit import refit

        return refit(self, rows, target, check, columns, budget, seed, n_jobs)

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
        rooted = Rooted(self.catalog, self.plain_task, self.metric)
        state = (self.schema, self.target, self.classes, self.parts, dict(self.info))
        return rebuilt, (type(self), rooted, *state)


def _values_of(predictor: Predictor, new: object, on_missing: str) -> NDArray[np.float64]:
    ensemble = predictor.ensemble
    row = ensemble.quick.row(new) if on_missing in {"error", "impute"} else None
    if row is not None:
        return ensemble.values(row)
    raw = reading.open_table(new, predictor.catalog)
    return ensemble.values(reading.bring(raw, predictor.schema, on_missing))
