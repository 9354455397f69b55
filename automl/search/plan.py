"""The rows of a run, split once."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.folds import Fold, FoldPlan
from automl.data.given import separate
from automl.data.profile import profile
from automl.data.source import open_source
from automl.data.table import Kind, Table
from automl.errors import DataError
from automl.plugin.contributions import SplitRequest
from automl.search.question import sample_numbers
from automl.search.rungs import some_rows
from automl.search.scoring import columns_for
from automl.search.shared import RunData
from automl.search.strategy import folds_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.given import Given
    from automl.plugin.contributions import Encoded
    from automl.search.question import Question
    from automl.search.strategy import Strategy


HELD_OUT = 25_000
"""Rows that are held out at most where there is one fold: members are blended on fewer still."""


def plan_run(
    question: Question, strategy: Strategy, seconds: float | None, seed: int, workers: int
) -> RunData:
    """Make the one split plan of a run.

    Parameters
    ----------
    question : Question
    strategy : Strategy
        Its splitter, folds or validation set come first.
    seconds : float or None
        The budget, which decides how many folds can be paid for.
    seed : int
    workers : int
    """
    table, y, weight = question.table, question.encoded.y, question.given.weight
    sample = table.take(sample_numbers(table.n_rows))
    if strategy.validation is not None:
        return _with_validation(question, strategy.validation, sample)
    if isinstance(strategy.splitter, list | tuple):
        name, folds = "given", [(np.sort(a), np.sort(b)) for a, b in strategy.splitter]
    else:
        n_columns = len(question.schema.features)
        n_classes = question.n_classes
        n_folds = strategy.folds or folds_for(table.n_rows, n_columns, n_classes, seconds, workers)
        name = strategy.splitter or question.task.splitters[_situation(question.given, n_folds)]
        request = SplitRequest(
            y=y,
            n_folds=n_folds,
            groups=question.given.groups,
            time=question.given.time,
            seed=seed,
        )
        folds = list(question.catalog.get("splitter", name).split(request))
        if strategy.splitter is None and name == question.task.splitters["large"]:
            folds = [_fewer_held_out(y, train, test, seed) for train, test in folds]
    kept = tuple(Fold(train=train, test=test) for train, test in folds)
    plan = FoldPlan(splitter=name, folds=kept, n_rows=len(y))
    columns = columns_for(question.metric, question.given)
    return RunData(
        table=table,
        y=y,
        weight=weight,
        plan=plan,
        sample=sample,
        columns=columns,
        profile=cache(partial(profile, question.schema, table)),
    )


def _fewer_held_out(
    y: NDArray[Any], train: NDArray[np.intp], test: NDArray[np.intp], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Learn from held-out rows that are not needed to judge: each costs every candidate time."""
    kept = some_rows(y[test], HELD_OUT, seed)
    if kept is None:
        return train, test
    return np.sort(np.concatenate([train, np.delete(test, kept)])), test[kept]


def _situation(given: Given, n_folds: int) -> str:
    if given.time is not None:
        return "time"
    if given.groups is not None:
        return "group"
    return "large" if n_folds == 1 else "plain"


def _with_validation(question: Question, source: Any, sample: Table) -> RunData:
    """Put the user's validation rows behind the others; they are the one fold to judge by."""
    name = question.given.target.name
    given = separate(open_source(source, question.catalog.readers), name, Columns())
    more = apply(question.schema, given.raw).table
    y = _recode(question.task.encode(given.target), question.encoded, name)
    n = question.table.n_rows
    blocks: dict[str, Any] = {
        kind.value: np.concatenate([question.table.block(kind), more.block(kind)]) for kind in Kind
    }
    weight = question.given.weight
    if weight is not None:
        weight = np.concatenate([weight, np.ones(more.n_rows)])
    columns = columns_for(question.metric, question.given)
    added = columns_for(question.metric, given)
    fold = Fold(train=np.arange(n), test=np.arange(n, n + more.n_rows))
    return RunData(
        table=Table(**blocks),
        y=np.concatenate([question.encoded.y, y]),
        weight=weight,
        plan=FoldPlan(splitter="validation", folds=(fold,), n_rows=n + more.n_rows),
        sample=sample,
        columns={name: np.concatenate([columns[name], added[name]]) for name in columns},
        profile=cache(partial(profile, question.schema, question.table)),
    )


def _recode(given: Encoded, training: Encoded, name: str) -> NDArray[Any]:
    """Speak of validation labels in the codes of training."""
    if training.classes is None or given.classes is None:
        return given.y
    codes = {label: code for code, label in enumerate(training.classes.tolist())}
    unknown = [label for label in given.classes.tolist() if label not in codes]
    if unknown:
        raise DataError(
            "E_DATA_VALIDATION",
            f"The validation set has labels of {name!r} that the source has not: {unknown[:5]}.",
        )
    recoded: NDArray[Any] = np.array([codes[label] for label in given.classes.tolist()])[given.y]
    return recoded
