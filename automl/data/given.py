"""What was given: the table to learn from, its target and the roles of columns, row by row."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import parse
from automl.data.column import Form
from automl.data.frame import of_values, take_in
from automl.data.names import did_you_mean, flat_name, listed
from automl.data.rules import finding
from automl.data.schema import Dropped
from automl.data.target import look
from automl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automl.data.column import RawColumn
    from automl.data.columns import Columns
    from automl.data.finding import Finding
    from automl.data.frame import Raw
    from automl.data.target import Target


_TINY, _HUGE = 1e-30, 1e30
"""Sums and products of weights between these are numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A table and what is asked of it; rows without a target are gone everywhere.

    Parameters
    ----------
    raw : Raw
        Without the target, the group and the weight; the time stays, because it is known when a
        prediction is made (`Columns.ignored` leaves it out).
    target : Target
    groups : ndarray of shape (n_rows,), dtype=int64, or None
    time : ndarray of shape (n_rows,), dtype=float64, or None
        Larger is later; -inf where the cell is missing.
    weight : ndarray of shape (n_rows,), dtype=float64, or None
    source : Raw
        As it was given, with all its rows and columns.
    rows : ndarray of shape (n_rows,), dtype=int64
        Positions of these rows in the source.
    findings : tuple of Finding
    """

    raw: Raw
    target: Target
    groups: NDArray[np.int64] | None
    time: NDArray[np.float64] | None
    weight: NDArray[np.float64] | None
    source: Raw
    rows: NDArray[np.int64]
    findings: tuple[Finding, ...] = ()


def separate(source: object, target: object, columns: Columns) -> Given:
    """Take the target and the columns with roles out of a table.

    Parameters
    ----------
    source : table
        As `automl.data.frame.take_in` takes it.
    target : str or array-like of shape (n_rows,)
        Name of a column, or the values themselves; rows correspond by position.
    columns : Columns

    Returns
    -------
    Given

    Raises
    ------
    DataError
        ``E_DATA_*``: no rows, an unknown column, lengths that differ, a target that holds several
        types, weights that are no weights.
    """
    raw = take_in(source)
    findings = list(raw.findings)
    name, labels = _target(raw, target)
    if name in raw.names and labels is None:
        labels = _native(source, raw, name)
    assert labels is not None  # noqa: S101  # one of the two gave it
    columns.check(tuple(dict.fromkeys((*raw.names, name))))
    _check_roles(columns, name)
    if len(labels.values) != raw.n_rows:
        raise DataError(
            "E_DATA_LENGTHS",
            f"The table has {raw.n_rows} rows, the target {len(labels.values)}: inconsistent "
            "numbers of samples.",
        )
    findings += _index(source, target)
    found = look(labels, kind=columns.kinds.get(name, ""), untyped=raw.untyped)
    findings += found.findings
    keep = found.keep
    n_kept = int(np.count_nonzero(keep))
    if not n_kept:
        raise DataError(
            "E_DATA_EMPTY",
            f"No row is left to learn from: of {raw.n_rows} rows none has a usable target "
            f"{name!r} (0 sample(s), a minimum of 1 is required).",
        )
    by_name = {column.name: column for column in raw.columns}
    groups = None if columns.group is None else _groups(by_name[columns.group], findings)
    time = None if columns.time is None else _time(by_name[columns.time], findings)
    weight = None if columns.weight is None else _weight(by_name[columns.weight], keep)
    whole, raw = raw, _without(raw, name, columns)
    rows = np.flatnonzero(keep).astype(np.int64)
    if n_kept < raw.n_rows:
        raw = raw.take(rows)
        groups = None if groups is None else groups[rows]
        time = None if time is None else time[rows]
        weight = None if weight is None else weight[rows]
    return Given(
        raw=raw,
        target=found.target,
        groups=groups,
        time=time,
        weight=weight,
        source=whole,
        rows=rows,
        findings=tuple(findings),
    )


def _target(raw: Raw, target: object) -> tuple[str, RawColumn | None]:
    """Return the target's name, and its values where they were handed over."""
    if isinstance(target, str | int) and not isinstance(target, bool):
        name = str(target)
        if name in raw.names:
            return name, None
        raise DataError(
            "E_DATA_TARGET_UNKNOWN",
            f"No column named {name!r} to predict. Columns: {listed(raw.names)}.",
            did_you_mean(name, raw.names),
        )
    if target is None:
        raise DataError(
            "E_DATA_TARGET_UNKNOWN",
            "A target is needed, got y=None: requires y to be passed, but the target y is None.",
            "Give the name of a column, or an array.",
        )
    if isinstance(target, tuple):
        flat = flat_name(target, 0)
        if flat in raw.names:
            return flat, None
    name = str(getattr(target, "name", None) or "target")
    values = _one_column(target)
    if name in raw.names:
        name = _free(name, raw.names)
    return name, replace(of_values(name, _decoded(values)), name=name)


def _check_roles(columns: Columns, target: str) -> None:
    roles = {"group": columns.group, "time": columns.time, "weight": columns.weight}
    for role, name in roles.items():
        if name == target:
            raise DataError(
                "E_DATA_ROLES",
                f"Column {name!r} is the target and the {role} as well.",
                f"Leave Columns({role}=...) away, or name another column.",
            )


def _free(name: str, names: tuple[str, ...]) -> str:
    while name in names:
        name += "_target"
    return name


def _one_column(target: Any) -> Any:
    """Return a target given as a table of one column as that column."""
    shape = getattr(target, "shape", None)
    if shape is None or len(shape) != 2:
        return target
    if shape[1] != 1:
        raise DataError(
            "E_DATA_TARGET_SHAPE",
            f"The target has {shape[1]} columns, expected one. y should be a 1d array, got an "
            f"array of shape {tuple(shape)} instead.",
        )
    if hasattr(target, "iloc"):
        return target.iloc[:, 0]
    if hasattr(target, "columns") and not isinstance(target, np.ndarray):
        first = target.columns[0]
        return target[first] if isinstance(first, str) else first
    return np.asarray(target)[:, 0]


def _decoded(values: Any) -> Any:
    """Return values of a categorical type as what they stand for, others as they are."""
    dtype = getattr(values, "dtype", None)
    if type(dtype).__name__ == "CategoricalDtype":
        return np.asarray(values)
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is None or not isinstance(values, pyarrow.Array | pyarrow.ChunkedArray):
        return values
    return (
        values.cast(values.type.value_type) if pyarrow.types.is_dictionary(values.type) else values
    )


def _native(source: Any, raw: Raw, name: str) -> RawColumn:
    """Return a column of the table with the labels as the user wrote them."""
    position = raw.names.index(name)
    column = raw.columns[position]
    if not column.declared:
        return column
    if hasattr(source, "iloc"):
        return replace(of_values(name, _decoded(source.iloc[:, position])), name=name)
    if hasattr(source, "column"):
        return replace(of_values(name, _decoded(source.column(position))), name=name)
    return column


def _index(source: Any, target: Any) -> list[Finding]:
    ours: Any = getattr(source, "index", None)
    theirs: Any = getattr(target, "index", None)
    if not (hasattr(ours, "equals") and hasattr(theirs, "equals")):
        return []
    if len(ours) != len(theirs) or ours.equals(theirs):
        return []
    return [finding("W_DATA_INDEX")]


def _without(raw: Raw, target: str, columns: Columns) -> Raw:
    roles = {target: "the target"}
    if columns.group is not None:
        roles[columns.group] = "the group"
    if columns.weight is not None:
        roles[columns.weight] = "the weight"
    kept = tuple(column for column in raw.columns if column.name not in roles)
    dropped = tuple(Dropped(name=name, reason=reason) for name, reason in roles.items())
    return replace(raw, columns=kept, dropped=dropped)


def _groups(column: RawColumn, findings: list[Finding]) -> NDArray[np.int64]:
    codes, _ = column.spelled()
    missing = codes < 0
    groups = codes.astype(np.int64)
    if missing.any():
        groups[missing] = groups.max() + 1
        findings.append(finding("W_DATA_GROUP_MISSING", [column.name], int(missing.sum())))
    return groups


def _time(column: RawColumn, findings: list[Finding]) -> NDArray[np.float64]:
    values = column.values
    if column.form is Form.STRING:
        numbers, unread = parse.to_numbers(column.levels)
        form = parse.date_format([text for text in column.levels if text.strip()], 0.5)
        if unread and not form:
            raise DataError(
                "E_DATA_TIME", f"Column {column.name!r} holds neither dates nor numbers."
            )
        if form:
            seconds = [parse.to_seconds(level, form) for level in column.levels]
            numbers = np.array([np.nan if one is None else one for one in seconds])
        values = np.append(numbers, np.nan)[column.values]
    missing = np.isnan(values)
    if missing.any():
        findings.append(finding("W_DATA_TIME_MISSING", [column.name], int(missing.sum())))
    return np.where(missing, -np.inf, values)


def _weight(column: RawColumn, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    values = column.values
    if column.form is Form.DATE:
        raise DataError("E_DATA_WEIGHT", f"Column {column.name!r} holds dates, no weights.")
    if column.form is Form.STRING:
        numbers, _ = parse.to_numbers(column.levels)
        values = np.append(numbers, np.nan)[column.values]
    return weights(values, f"column {column.name!r}", keep)


def weights(
    values: NDArray[np.float64], where: str, keep: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Return weights of rows, checked; divided by the largest where that is extreme.

    Raises
    ------
    DataError
        ``E_DATA_WEIGHT`` where one is missing, infinite or negative, or all are zero.
    """
    values = np.asarray(values, dtype=np.float64)
    used = values if keep is None else values[keep]
    wrong = int(np.count_nonzero(~np.isfinite(used) | (used < 0)))
    if wrong:
        raise DataError(
            "E_DATA_WEIGHT",
            f"{wrong} weights in {where} are missing, infinite or negative.",
            "A weight is a number from 0 up; leave rows out instead of weighing them so.",
        )
    if not used.any():
        raise DataError(
            "E_DATA_WEIGHT", f"All weights in {where} are zero: no row is left to learn from."
        )
    largest = float(used.max())
    return values if _TINY < largest < _HUGE else values / largest
