"""What is asked: the data read and understood, the task and the metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.space import spaces_for
from automl.data.apply import apply
from automl.data.given import separate
from automl.data.infer import infer
from automl.data.names import listed
from automl.data.rules import finding
from automl.data.source import give_back, open_source
from automl.data.suspect import suspect, taken_as
from automl.errors import DataError, InputError
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


SAMPLE_ROWS = 64
"""Training rows whose values a saved model has to give again, and what others are compared with
where they are explained."""


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

    def context(self, n_rows: int, seed: int, strategy: Strategy) -> Context:
        """Return what is known of the work of any algorithm before a matrix is made."""
        return Context(
            task=self.task.like or self.task.name,
            n_classes=self.n_classes,
            n_rows=n_rows,
            n_columns=len(self.schema.features),
            seed=seed,
            metric=self.metric.name,
            device=strategy.device,
        )

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
            Whether the user said which algorithms to use; else those for a default search, and
            those handed over in code.

        Raises
        ------
        PluginError
            E_PLUGIN_UNKNOWN where the strategy names an algorithm that is not there.
        InputError
            E_INPUT_DEVICE where it names a device that no algorithm can use.
        """
        for name in sorted({*strategy.spaces, *strategy.starts}):
            self.catalog.get("algorithm", name, fits=True)
        _check_device(strategy.device, self.catalog)
        context = self.context(n_rows, seed, strategy)
        return tuple(
            space.bent(
                strategy.spaces.get(space.algorithm.name),
                tuple(strategy.starts.get(space.algorithm.name, ())),
            )
            for space in spaces_for(self.schema, self.task, self.catalog, context, self.table)
            if named or space.algorithm.default or self._handed_over(space.algorithm.name)
        )

    def _handed_over(self, algorithm: str) -> bool:
        giver = self.catalog.givers.get(("algorithm", algorithm))
        return giver is not None and not giver.plugin


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
    give_back()
    n_classes = 0 if encoded.classes is None else len(encoded.classes)
    doubts = suspect(schema, table, given.target.name, encoded.y, n_classes)
    constrained = _constrained(schema, task, n_classes, catalog)
    return Question(
        catalog=catalog,
        columns=columns,
        given=given,
        schema=schema,
        table=table,
        task=task,
        encoded=encoded,
        metric=resolve_metric(metric, task, encoded.classes, catalog),
        findings=(
            *given.findings,
            *found,
            *taken_as(given.target, n_classes),
            *doubts,
            *constrained,
        ),
    )


def _check_device(device: str, catalog: Catalog) -> None:
    known = {name for one in catalog.algorithms.values() for name in one.devices} | {"cpu"}
    if device.partition(":")[0] not in known:
        raise InputError(
            "E_INPUT_DEVICE",
            f"No algorithm can use the device {device!r}.",
            f"Known: {', '.join(sorted(known))}.",
        )


def _constrained(
    schema: Schema, task: Task, n_classes: int, catalog: Catalog
) -> tuple[Finding, ...]:
    """Say who is not tried because predictions have to keep a direction."""
    names = [feature.name for feature in schema.features if feature.monotonic]
    if not names:
        return ()
    able = [one for one in catalog.algorithms.values() if one.tasks & task.names]
    obeying = [one for one in able if one.monotonic]
    if n_classes > 2 or not obeying:
        why = f"{n_classes} classes have no direction" if n_classes > 2 else "no algorithm obeys it"
        raise DataError(
            "E_DATA_MONOTONIC",
            f"{listed(names)} cannot be monotonic: {why}.",
            "Leave Columns(monotonic=...) away.",
        )
    return (finding("W_DATA_MONOTONIC", names, len(able) - len(obeying)),)


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
