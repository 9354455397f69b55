"""Tables as the learner sees them: one number a row, a loss, and how far a blend is from the best.

All three metrics of a race read one column of a blend: the probability of the second of two
classes, that of the true one of many, or the number. The rest is dropped when a cache is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.portfolio.records import NOWHERE, Asked, Configuration, Record, read

SMALLEST = 1e-15
"""No probability is taken as smaller, so that log loss stays finite."""

STEPS = 20
"""Members of a blend, with replacement."""

WORST = 1.0
"""Further off than the constant answer counts as the constant answer: one would not be worse."""

Vector = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one configuration is worth on one table; empty vectors where it failed."""

    seconds: float
    values: Vector
    unseen: Vector

    @property
    def ok(self) -> bool:
        """Whether there are values."""
        return self.values.size > 0


@dataclass(slots=True, kw_only=True)
class Case:
    """One table.

    Parameters
    ----------
    name : str
        The folder of its question.
    table, task : str
    y, y_unseen : ndarray
        The target, out of fold and unseen.
    constant : float
        Loss of the constant answer on the unseen rows.
    entries : dict of str to Entry
        By the key of the configuration; what the table cannot be done by is not there.
    best : float
        The least loss on the unseen rows that anything is known to reach.
    """

    name: str
    table: str
    task: str
    y: Floats
    y_unseen: Floats
    constant: float
    entries: dict[str, Entry] = field(default_factory=dict)
    best: float = float("nan")

    def error(self, unseen: Vector) -> float:
        """Return how far unseen values are off: 0 is the best known, 1 the constant answer."""
        far = float(losses(self.task, self.y_unseen, unseen[None])[0]) - self.best
        return min(far / max(self.constant - self.best, 1e-12), WORST)

    def blended(self, keys: Sequence[str]) -> float:
        """Return the error of the blend of these configurations, which are all `ok`."""
        return self.error(self._blend(keys)) if keys else WORST

    def settle(self) -> None:
        """Find the best that is known."""
        good = [key for key, entry in self.entries.items() if entry.ok]
        unseen = np.stack([*(self.entries[key].unseen for key in good), self._blend(good)])
        self.best = float(losses(self.task, self.y_unseen, unseen).min())

    def _blend(self, keys: Sequence[str]) -> Vector:
        values = np.stack([self.entries[key].values for key in keys])
        unseen = np.stack([self.entries[key].unseen for key in keys])
        return greedy(self.task, self.y, values) @ unseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """All tables, and all configurations that were tried.

    Parameters
    ----------
    cases : list of Case
    configurations : dict of str to Configuration
    tried : dict of str to set of str
        For each configuration the tables that it was tried on, also in vain.
    """

    cases: list[Case]
    configurations: dict[str, Configuration]
    tried: dict[str, set[str]]

    def without(self, tables: Iterable[str]) -> Cases:
        """Return them without some tables."""
        gone = set(tables)
        kept = [case for case in self.cases if case.table not in gone]
        return Cases(
            cases=kept,
            configurations=self.configurations,
            tried={key: found - gone for key, found in self.tried.items()},
        )


def open_cases(folder: Path) -> Cases:
    """Open a cache.

    Parameters
    ----------
    folder : Path
        What `benchmarks.portfolio.records.read` reads.
    """
    cases: dict[str, Case] = {}
    configurations: dict[str, Configuration] = {}
    tried: dict[str, set[str]] = {}
    for record in read(folder):
        asked = record.asked
        if asked.folder not in cases:
            cases[asked.folder] = _case(asked)
        configurations[record.key] = record.configuration
        tried.setdefault(record.key, set()).add(asked.table)
        if record.failure != NOWHERE:
            cases[asked.folder].entries[record.key] = _entry(record)
    found = [case for case in cases.values() if any(one.ok for one in case.entries.values())]
    for case in found:
        case.settle()
    return Cases(cases=found, configurations=configurations, tried=tried)


def greedy(task: str, y: Floats, values: Vector) -> Vector:
    """Return the weights of a blend.

    Caruana et al., "Ensemble selection from libraries of models" (ICML 2004): one member more at
    each step, with replacement; cut at the best step.

    Parameters
    ----------
    task : str
    y : ndarray of shape (n_rows,)
    values : ndarray of shape (n_members, n_rows)
    """
    counts = np.zeros(len(values), dtype=np.float32)
    total = np.zeros(len(y), dtype=np.float32)
    best, weights = float("inf"), counts
    for step in range(1, STEPS + 1):
        found = losses(task, y, (total + values) / np.float32(step))
        pick = int(np.argmin(found))
        counts[pick] += 1
        total += values[pick]
        if found[pick] < best:
            best, weights = found[pick], counts / np.float32(step)
    return weights


def losses(task: str, y: Floats, values: Vector) -> Floats:
    """Return 1 - AUC, the log loss or the root mean squared error of each row of a matrix.

    Parameters
    ----------
    task : str
    y : ndarray of shape (n_rows,)
    values : ndarray of shape (n_members, n_rows)
        As `reduced` gives them.
    """
    if task == "regression":
        error: Floats = np.sqrt(np.mean(np.square(values - y), axis=1))
        return error
    if task == "multiclass":
        logs = np.log(np.maximum(values, SMALLEST))
        return -np.asarray(np.mean(logs, axis=1, dtype=np.float64))
    return np.array([1.0 - _auc(one[y == 0], one[y == 1]) for one in values])


def reduced(task: str, y: Floats, values: Vector) -> Vector:
    """Return what of values the loss reads, one number a row."""
    if task == "regression" or not values.size:
        return values
    column = np.ones(len(y), dtype=np.intp) if task == "binary" else y.astype(np.intp)
    return np.ascontiguousarray(values[np.arange(len(y)), column])


def _auc(below: Vector, above: Vector) -> float:
    if not (len(below) and len(above)):
        return 0.5
    below = np.sort(below)
    beaten = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(np.mean(beaten)) / (2 * len(below))


def _case(asked: Asked) -> Case:
    worst = 1.0 - asked.constant_unseen if asked.greater_is_better else asked.constant_unseen
    return Case(
        name=asked.folder,
        table=asked.table,
        task=asked.task,
        y=asked.y.astype(np.float64),
        y_unseen=asked.y_unseen.astype(np.float64),
        constant=worst,
    )


def _entry(record: Record) -> Entry:
    asked = record.asked
    return Entry(
        seconds=record.seconds,
        values=reduced(asked.task, asked.y, record.values),
        unseen=reduced(asked.task, asked.y_unseen, record.unseen),
    )
