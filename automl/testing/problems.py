"""Small tables that can be learned: every kind of column sees one hidden number, with noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.schema import Feature, Schema
from automl.data.table import MISSING, UNSEEN, Kind, Table
from automl.data.target import Target
from automl.errors import DataError
from automl.plugin.contributions import Encoded, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

N_LEVELS = {Kind.CATEGORY: 4, Kind.STRING: 24}
"""Levels of the columns of codes."""

FILLER = ("the", "parcel", "came", "on", "monday", "by", "road")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Rows to fit on and rows to look at, with what is hidden behind them.

    Parameters
    ----------
    schema : Schema
    table, fresh : Table
    hidden, fresh_hidden : ndarray of shape (n_rows,)
    """

    schema: Schema
    table: Table
    fresh: Table
    hidden: NDArray[np.float64]
    fresh_hidden: NDArray[np.float64]


def easy_problem(n_rows: int = 120, n_fresh: int = 40, seed: int = 0) -> Problem:
    """Return a problem with two columns of each kind (one of text) and no missing cell."""
    rng = np.random.default_rng(seed)
    hidden = rng.permutation(np.linspace(-2.0, 2.0, n_rows + n_fresh))
    whole = _table(hidden, rng)
    return Problem(
        schema=Schema(features=tuple(_features())),
        table=whole.take(slice(0, n_rows)),
        fresh=whole.take(slice(n_rows, None)),
        hidden=hidden[:n_rows],
        fresh_hidden=hidden[n_rows:],
    )


def copy_of(table: Table) -> Table:
    """Return a table of its own, so that what is written into it harms nobody else."""
    return table.take(np.arange(table.n_rows))


def with_missing(table: Table, seed: int = 1) -> Table:
    """Return a table in which each block misses cells here and there, and its last column all."""
    rng = np.random.default_rng(seed)

    def spoil(block: NDArray[Any], missing: Any) -> NDArray[Any]:
        gone = rng.random(block.shape) < 0.2
        if block.shape[1] > 1:
            gone[:, -1] = True
        spoiled = block.copy()
        spoiled[gone] = missing
        return spoiled

    return Table(
        number=spoil(table.number, np.nan),
        category=spoil(table.category, MISSING),
        string=spoil(table.string, MISSING),
        text=spoil(table.text, None),
        date=spoil(table.date, np.nan),
    )


def as_usual(problem: Problem) -> Problem:
    """Return a problem without its text, which is slow to prepare."""
    return only_kinds(problem, [kind for kind in Kind if kind is not Kind.TEXT])


def with_unseen(table: Table) -> Table:
    """Return a table in which every third row has a level that the schema does not know."""
    category, string = table.category.copy(), table.string.copy()
    category[::3] = UNSEEN
    string[::3] = UNSEEN
    return replace(table, category=category, string=string)


def far_away(table: Table) -> Table:
    """Return a table with numbers a million times as large, and dates in another millennium."""
    return replace(table, number=table.number * 1e6 + 1e6, date=table.date + 3e10)


def with_constants(table: Table) -> Table:
    """Return a table in which each column has one value."""
    first = np.zeros(table.n_rows, dtype=np.intp)
    return table.take(first)


def only_kinds(problem: Problem, kinds: Collection[Kind], n_columns: int = 2) -> Problem:
    """Return a problem with the first columns of some kinds only."""

    def cut(table: Table) -> Table:
        blocks = {
            kind.value: table.block(kind)[:, : n_columns if kind in kinds else 0] for kind in Kind
        }
        return Table(**blocks)

    features = tuple(
        feature for kind in Kind if kind in kinds for feature in problem.schema.of(kind)[:n_columns]
    )
    return replace(
        problem,
        schema=Schema(features=features),
        table=cut(problem.table),
        fresh=cut(problem.fresh),
    )


def raw_columns(problem: Problem, kinds: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the training rows as a user would hand them over, of some kinds only."""
    columns: dict[str, list[Any]] = {}
    for kind in (kind for kind in Kind if kind.value in kinds):
        features = problem.schema.of(kind)
        for feature, column in zip(features, problem.table.block(kind).T, strict=True):
            cells = column.tolist()
            columns[feature.name] = (
                [feature.levels[cell] for cell in cells] if feature.levels else cells
            )
    return columns


def labels_of(task: Task, problem: Problem) -> NDArray[Any]:
    """Return a target of a task as a user would hand it over."""
    found = encoded_targets(task, np.concatenate([problem.hidden, problem.fresh_hidden]))
    if found is None:
        raise ValueError(f"no target for {task.name}")
    return found[0].labels[: len(problem.hidden)]


def encoded_targets(task: Task, hidden: NDArray[np.float64]) -> tuple[Target, Encoded] | None:
    """Return a target that a task takes, and its code; None where it takes none of ours."""
    for target in _targets(task.name, hidden):
        if task.matches(target) > 0:
            try:
                return target, task.encode(target)
            except DataError:  # the task says itself why this one is none of its targets
                continue
    return None


def encoded_numbers(task: Task, numbers: NDArray[np.float64]) -> Encoded | None:
    """Return numbers as the target of a task; None where they are no target of this task."""
    target = _target(numbers, numbers, task.name)
    try:
        return task.encode(target) if task.matches(target) > 0 else None
    except Exception:  # whether a wrong target is refused well is asked of the task
        return None


def _targets(forced: str, hidden: NDArray[np.float64]) -> Iterator[Target]:
    for n_classes in (2, 3):
        edges = np.quantile(hidden, np.linspace(0, 1, n_classes + 1)[1:-1])
        words = np.array(["high", "low", "middle"], dtype=object)
        labels = words[np.digitize(hidden, edges)]
        yield _target(labels, None, forced)
    for numbers in (3.0 * hidden + 10.0, np.floor(np.exp(hidden)), (hidden > 0).astype(float)):
        yield _target(numbers, numbers, forced)


def _target(labels: NDArray[Any], numbers: NDArray[np.float64] | None, forced: str) -> Target:
    return Target(
        name="target",
        labels=labels,
        numeric=numbers is not None,
        numbers=numbers,
        n_distinct=len(set(labels.tolist())),
        forced=forced,
    )


def _features() -> Iterator[Feature]:
    for kind in Kind:
        for number in range(1 if kind is Kind.TEXT else 2):
            levels = tuple(f"level{i:02}" for i in range(N_LEVELS.get(kind, 0)))
            yield Feature(name=f"{kind.value}_{number}", kind=kind, levels=levels)


def _table(hidden: NDArray[np.float64], rng: np.random.Generator) -> Table:
    def noisy() -> NDArray[np.float64]:
        return hidden + rng.normal(scale=0.2, size=len(hidden))

    def codes(n_levels: int) -> NDArray[np.int32]:
        edges = np.linspace(-2.0, 2.0, n_levels + 1)[1:-1]
        # Codes in another order than the hidden number, as levels in the order of their names are.
        order = rng.permutation(n_levels)
        return order[np.digitize(noisy(), edges)].astype(np.int32)

    text = np.empty((len(hidden), 1), dtype=object)
    for row, value in enumerate(noisy()):
        mood = "awful" if value < -1 else "poor" if value < 0 else "good" if value < 1 else "great"
        text[row, 0] = " ".join((*rng.permutation(FILLER)[:4], mood))
    return Table(
        number=np.column_stack([1000.0 + 500.0 * noisy(), noisy()]),
        category=np.column_stack([codes(N_LEVELS[Kind.CATEGORY]) for _ in range(2)]),
        string=np.column_stack([codes(N_LEVELS[Kind.STRING]) for _ in range(2)]),
        text=text,
        date=np.column_stack([1.7e9 + 1e6 * noisy() for _ in range(2)]),
    )
