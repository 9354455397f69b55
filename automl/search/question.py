"""What is asked: the data read and understood, the task and the metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.space import spaces_for
from automl.data.apply import apply
from automl.data.given import separate
from automl.data.infer import infer
from automl.data.source import open_source
from automl.data.suspect import suspect
from automl.errors import DataError
from automl.plugin.context import Context
from automl.search.scoring import resolve_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automl.candidate.space import AlgorithmSpace
    from automl.data.columns import Columns
    from automl.data.finding import Finding
    from automl.data.given import Given
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Encoded, Metric, Task
    from automl.search.strategy import Strategy


SAMPLE_ROWS = 20
"""Training rows whose values a saved model has to give again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything that is known before the first candidate.

    Parameters
    ----------
    catalog : Catalog
    columns : Columns
    given : Given
    schema : Schema
    table : Table
    task : Task
    encoded : Encoded
        The target as the learners see it.
    metric : Metric
    findings : tuple of Finding
    """

    catalog: Catalog
    columns: Columns
    given: Given
    schema: Schema
    table: Table
    task: Task
    encoded: Encoded
    metric: Metric
    findings: tuple[Finding, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 where the target is a number."""
        return 0 if self.encoded.classes is None else len(self.encoded.classes)

    def sample_rows(self) -> list[dict[str, Any]]:
        """Return a few rows of the source as plain JSON values."""
        rows = sample_numbers(self.table.n_rows)
        columns = {column.name: column.take(rows) for column in self.given.raw.columns}
        cells = {name: column.plain() for name, column in columns.items()}
        return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]

    def spaces(
        self, n_rows: int, seed: int, strategy: Strategy, *, named: bool
    ) -> tuple[AlgorithmSpace, ...]:
        """Return what may be tried of each algorithm, as the user bent it.

        Parameters
        ----------
        n_rows : int
            Rows that a candidate is fitted on.
        seed : int
        strategy : Strategy
        named : bool
            Whether the user said which algorithms to use; else only those for a default search.

        Raises
        ------
        PluginError
            E_PLUGIN_UNKNOWN where the strategy names an algorithm that is not there.
        """
        for name in sorted({*strategy.spaces, *strategy.starts}):
            self.catalog.get("algorithm", name)
        context = Context(
            task=self.task.like or self.task.name,
            n_classes=self.n_classes,
            n_rows=n_rows,
            n_columns=len(self.schema.features),
            seed=seed,
            metric=self.metric.name,
        )
        return tuple(
            space.bent(
                strategy.spaces.get(space.algorithm.name),
                tuple(strategy.starts.get(space.algorithm.name, ())),
            )
            for space in spaces_for(self.schema, self.task, self.catalog, context, self.table)
            if named or space.algorithm.default
        )


def sample_numbers(n_rows: int) -> NDArray[np.intp]:
    """Return evenly spread row numbers, at most `SAMPLE_ROWS`."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, SAMPLE_ROWS)).astype(np.intp))


def ask(
    source: object,
    target: object,
    columns: Columns,
    metric: str | Metric | Callable[..., float] | None,
    strategy: Strategy,
    catalog: Catalog,
) -> Question:
    """Read the data and find out what is asked.

    Parameters
    ----------
    source, target, columns, metric
        As for `automl.fit`.
    strategy : Strategy
    catalog : Catalog

    Raises
    ------
    InputError
        Where the data, the target or the metric cannot be used.
    """
    given = separate(open_source(source, catalog.readers), target, columns)
    schema, found = infer(given.raw, columns)
    task = choose_task(given, strategy.task, catalog)
    encoded = task.encode(given.target)
    table = apply(schema, given.raw).table
    n_classes = 0 if encoded.classes is None else len(encoded.classes)
    doubts = suspect(schema, table, given.target.name, encoded.y, n_classes)
    return Question(
        catalog=catalog,
        columns=columns,
        given=given,
        schema=schema,
        table=table,
        task=task,
        encoded=encoded,
        metric=resolve_metric(metric, task, encoded.classes, catalog),
        findings=(*given.findings, *found, *doubts),
    )


def choose_task(given: Given, wanted: str | tuple[str, ...] | None, catalog: Catalog) -> Task:
    """Return the task that matches the target best, among those that the user allows.

    Raises
    ------
    DataError
        E_DATA_TASK where none or more than one does.
    """
    names = (wanted,) if isinstance(wanted, str) else wanted
    tasks = [catalog.get("task", name) for name in names] if names else [*catalog.tasks.values()]
    forced = names[0] if names and len(names) == 1 else ""
    target = replace(given.target, forced=forced)
    matches = {task.name: task.matches(target) for task in tasks}
    best = max(matches.values(), default=0)
    winners = [task for task in tasks if matches[task.name] == best]
    if best <= 0 or len(winners) != 1:
        raise DataError(
            "E_DATA_TASK",
            f"The target {given.target.name!r} fits "
            + ("none" if best <= 0 else "more than one")
            + f" of the tasks {', '.join(sorted(matches)) or '(none is installed)'}.",
            "Name one with Strategy(task=...).",
        )
    return winners[0]
