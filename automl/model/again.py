"""The same question about other rows: what a predictor was learned from, asked once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.apply import apply
from automl.data.columns import Columns
from automl.data.frame import take_in
from automl.data.given import separate
from automl.data.infer import infer
from automl.data.names import listed
from automl.data.source import open_source
from automl.data.table import Kind
from automl.errors import InputError
from automl.model import reading
from automl.plugin.contributions import Encoded, SplitRequest
from automl.search.question import Question

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.given import Given
    from automl.data.table import Table
    from automl.model.predictor import Predictor

HELD_OUT = 5
"""One of so many parts of the rows is held out, where they come by group or in time."""

ROLES = ("group", "time", "weight")


def columns_again(predictor: Predictor, names: tuple[str, ...], given: Columns | None) -> Columns:
    """Return what was said of the columns, for a table with columns of these names.

    Parameters
    ----------
    predictor : Predictor
    names : tuple of str
    given : Columns or None
        Roles that the user gives anew.

    Raises
    ------
    InputError
        ``E_INPUT_REFIT_COLUMNS`` where columns are missing, or where what is a part of the recipe
        is said anew.
    """
    given = given or Columns()
    if given.kinds or given.ignored or given.monotonic:
        raise InputError(
            "E_INPUT_REFIT_COLUMNS",
            "What columns are, which are ignored and which are monotonic is a part of the recipe.",
            "Say only Columns(group=..., time=..., weight=..., ordered=...), or learn anew.",
        )
    roles = {role: getattr(given, role) or predictor.info.get(role) for role in ROLES}
    learned = predictor.schema.learned
    needed = dict.fromkeys((*learned, *(name for name in roles.values() if name)))
    missing = [name for name in needed if name not in names]
    if missing:
        raise InputError(
            "E_INPUT_REFIT_COLUMNS",
            f"The rows lack columns that were learned from, or had a role: {listed(missing)}.",
            "Add them, or learn anew with automl.fit.",
        )
    features = predictor.schema.features
    often = [feature.name for feature in features]
    ordered = {one.name: one.levels for one in features if one.ordered} | dict(given.ordered)
    own = {predictor.target, *learned, *roles.values()}
    return Columns(
        # A column that is read in two ways is known by its cells alone.
        kinds={one.name: one.kind.value for one in features if often.count(one.name) == 1},
        ordered=ordered,
        ignored=tuple(name for name in names if name not in own),
        sensitive=given.sensitive,
        monotonic={one.name: one.monotonic for one in features if one.monotonic},
        **roles,
    )


def take_again(
    predictor: Predictor, rows: object, target: object, columns: Columns | None
) -> tuple[Given, Columns]:
    """Read rows to learn from, and take the target and the roles out."""
    frame = open_source(rows, predictor.catalog.readers)
    names = take_in(frame).names
    known = columns_again(predictor, names, columns)
    given = separate(frame, predictor.target if target is None else target, known)
    return replace(given, target=replace(given.target, name=predictor.target)), known


def ask_again(predictor: Predictor, given: Given, columns: Columns) -> Question:
    """Return the question with the levels, ranges and formats that these rows have.

    Parameters
    ----------
    predictor : Predictor
    given : Given
    columns : Columns
        As `columns_again` gives them.

    Raises
    ------
    DataError
        ``E_DATA_LABELS`` where there are labels that were not there before, ``E_DATA_KIND`` or
        ``E_DATA_LEVELS`` where a column cannot be what it was.
    InputError
        ``E_INPUT_REFIT_LABELS`` where all rows have one label.
    """
    task, classes = predictor.plain_task, predictor.classes
    y = reading.encode(given.target, task, classes)
    if classes is not None and len(classes) > 1 and len(np.unique(y)) < 2:
        raise InputError(
            "E_INPUT_REFIT_LABELS",
            f"All rows have the same label in {given.target.name!r}: nothing can be learned.",
            "Hand over rows of other labels as well.",
        )
    schema, findings = infer(given.raw, columns)
    return Question(
        catalog=predictor.catalog,
        columns=columns,
        given=given,
        schema=schema,
        table=apply(schema, given.raw).table,
        task=task,
        encoded=Encoded(y=y, classes=classes),
        metric=predictor.metric,
        findings=(*given.findings, *findings),
    )


def part_of(given: Given, rows: NDArray[np.intp]) -> Given:
    """Return some of the rows."""
    target = given.target
    labels = target.labels[rows]
    return replace(
        given,
        raw=given.raw.take(rows),
        target=replace(
            target,
            labels=labels,
            numbers=None if target.numbers is None else target.numbers[rows],
            n_distinct=len(set(labels.tolist())),
        ),
        groups=None if given.groups is None else given.groups[rows],
        time=None if given.time is None else given.time[rows],
        weight=None if given.weight is None else given.weight[rows],
        rows=given.rows[rows],
    )


def hold_out(
    predictor: Predictor, given: Given, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows to learn from and rows to judge by: the latest, whole groups, or any.

    Parameters
    ----------
    predictor : Predictor
    given : Given
    seed : int
    """
    task = predictor.plain_task
    situation = "large"
    if given.time is not None:
        situation = "time"
    elif given.groups is not None:
        situation = "group"
    request = SplitRequest(
        y=reading.encode(given.target, task, predictor.classes),
        n_folds=1 if situation == "large" else HELD_OUT,
        groups=given.groups,
        time=given.time,
        seed=seed,
    )
    splitter = predictor.catalog.get("splitter", task.splitters[situation])
    *_, (train, test) = splitter.split(request)
    return np.sort(train), np.sort(test)


def fingerprints(table: Table, y: NDArray[Any] | None = None) -> NDArray[np.uint64]:
    """Return a number for each row that equal rows share, within this process.

    Parameters
    ----------
    table : Table
    y : ndarray of shape (n_rows,) or None, default=None
        Taken for another column.
    """
    columns = [column for kind in Kind for column in table.block(kind).T]
    mixed = np.zeros(table.n_rows, dtype=np.uint64)
    for column in columns if y is None else [*columns, np.asarray(y, dtype=np.float64)]:
        mixed = (mixed ^ _bits(column)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _bits(column: NDArray[Any]) -> NDArray[np.uint64]:
    if column.dtype == object:
        return np.array([hash(cell) & 0xFFFFFFFFFFFFFFFF for cell in column], dtype=np.uint64)
    if column.dtype.kind == "f":
        # Adding zero makes -0.0 and 0.0 one; NaN has one spelling.
        return np.where(np.isnan(column), np.nan, column + 0.0).view(np.uint64)
    return column.astype(np.int64).view(np.uint64)
