"""The schema as a promise: any table to predict becomes a canonical table, or is refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import parse
from automl.data.column import Form, RawColumn
from automl.data.names import did_you_mean
from automl.data.rules import Notes
from automl.data.table import MISSING, UNSEEN, Kind, Table
from automl.errors import InputError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.data.finding import Finding
    from automl.data.frame import Raw
    from automl.data.schema import Feature, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A table in canonical form, with what had to be done for it.

    Parameters
    ----------
    table : Table
        As many rows as came in, in their order.
    findings : tuple of Finding
    flags : mapping of str to ndarray of shape (n_rows,), dtype=bool
        For each code that concerns cells, the rows that hold such a cell.
    """

    table: Table
    findings: tuple[Finding, ...]
    flags: Mapping[str, NDArray[np.bool_]]


def apply(schema: Schema, raw: Raw, *, on_missing: str = "error") -> Applied:
    """Bring a table into the form that was learned from.

    Parameters
    ----------
    schema : Schema
    raw : Raw
    on_missing : {"error", "impute"}, default="error"
        What to do where columns are missing: refuse the table, or take their cells as missing.

    Returns
    -------
    Applied

    Raises
    ------
    SchemaError
        ``E_SCHEMA_COLUMNS``, naming every difference.
    """
    if on_missing not in {"error", "impute"}:
        raise InputError(
            "E_INPUT_ON_MISSING", f"on_missing={on_missing!r} is not 'error' or 'impute'."
        )
    said = _Said(raw.n_rows)
    columns = _by_name(schema, raw, on_missing, said)
    n_rows = raw.n_rows
    blocks: dict[str, NDArray[Any]] = {}
    lookups = lookups_of(schema)
    for kind, features in lookups.features.items():
        block: NDArray[Any] = np.empty((n_rows, len(features)), dtype=_DTYPES[kind])
        for position, feature in enumerate(features):
            column = columns.get(feature.name)
            block[:, position] = (
                _EMPTY[kind] if column is None else _cells(feature, column, lookups, said)
            )
        if features and kind in lookups.ranges:
            _finish(block, features, lookups, said)
        blocks[kind.value] = block
    return Applied(
        table=Table(**blocks),
        findings=said.findings(),
        flags=said.flags,
    )


_DTYPES = {
    Kind.NUMBER: np.float64,
    Kind.CATEGORY: np.int32,
    Kind.STRING: np.int32,
    Kind.TEXT: np.object_,
    Kind.DATE: np.float64,
}
_EMPTY = {
    Kind.NUMBER: np.nan,
    Kind.CATEGORY: MISSING,
    Kind.STRING: MISSING,
    Kind.TEXT: None,
    Kind.DATE: np.nan,
}


class _Said(Notes):
    """Notes, and the rows that they concern."""

    __slots__ = ("flags", "n_rows")

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.n_rows = n_rows
        self.flags: dict[str, NDArray[np.bool_]] = {}

    def columns_of(self, code: str, names: list[str]) -> None:
        """Say something about whole columns."""
        for name in names:
            self.add(code, name)

    def once(self, code: str, name: str) -> None:
        """Say something about a column that may stand in the schema twice."""
        if name not in self.noted(code):
            self.add(code, name)

    def cells(self, code: str, name: str, rows: NDArray[np.bool_]) -> None:
        """Say something about cells, if there are such."""
        count = int(np.count_nonzero(rows))
        if count and name not in self.noted(code):
            self.add(code, name, count)
            flags = self.flags.setdefault(code, np.zeros(self.n_rows, dtype=bool))
            flags |= rows


class _Same:
    """A schema, compared by identity, so that looking it up costs nothing."""

    __slots__ = ("schema",)

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.schema is self.schema


class Lookups:
    """What is built once for a schema: features by kind, codes by level."""

    __slots__ = ("_codes", "_numbers", "features", "needed", "ranges", "unneeded")

    def __init__(self, schema: Schema) -> None:
        self.features = {kind: schema.of(kind) for kind in Kind}
        self.needed = schema.learned
        self.unneeded = frozenset(dropped.name for dropped in schema.dropped)
        self._codes = {
            feature.name: {level: code for code, level in enumerate(feature.levels)}
            for feature in schema.features
            if feature.levels
        }
        self._numbers: dict[str, dict[float, int]] = {}
        self.ranges = {kind: _ranges(self.features[kind]) for kind in (Kind.NUMBER, Kind.DATE)}

    def code(self, feature: Feature, level: str) -> int:
        """Return the code of a level as written, or as the number or truth value it says."""
        codes = self._codes[feature.name]
        code = codes.get(level)
        if code is None:
            level = level.strip()
            code = codes.get(level)
        if code is not None:
            return code
        if level in parse.MISSING_SPELLINGS:
            return MISSING
        number = parse.to_number(level)
        return UNSEEN if number is None else self._by_number(feature).get(number, UNSEEN)

    def _by_number(self, feature: Feature) -> dict[float, int]:
        known = self._numbers.get(feature.name)
        if known is None:
            known = {}
            for code, level in enumerate(feature.levels):
                number = parse.to_number(level)
                if number is not None:
                    known[number] = UNSEEN if number in known else code
            self._numbers[feature.name] = known
        return known


def _ranges(
    features: tuple[Feature, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the lowest and highest number of each feature, and the scales unless all are 1."""
    lows = [-_LARGEST if feature.low is None else feature.low for feature in features]
    highs = [_LARGEST if feature.high is None else feature.high for feature in features]
    scales = np.array([feature.scale for feature in features])
    return np.array(lows), np.array(highs), scales if (scales != 1.0).any() else None


WIDEST = 1e30
"""Numbers are cut here, so that they fit a 32-bit float whatever the schema's scale."""

_FAR = 3.0
"""So many times the width of the range away is far outside of it."""

_LARGEST = float(np.finfo(np.float64).max)


def _far(cells: NDArray[np.float64], low: float, high: float) -> NDArray[np.bool_]:
    # The largest number counts as a width as well: a column may have had one value only.
    with np.errstate(over="ignore", invalid="ignore"):
        width = _FAR * max(high - low, abs(high), abs(low))
        return (cells < low - width) | (cells > high + width)


def lookups_of(schema: Schema) -> Lookups:
    """Return what is built once for a schema."""
    return _lookups(_Same(schema))


@lru_cache(maxsize=16)
def _lookups(same: _Same) -> Lookups:
    return Lookups(same.schema)


def _by_name(schema: Schema, raw: Raw, on_missing: str, said: _Said) -> dict[str, RawColumn]:
    """Return the columns by the names of the schema; raises where they cannot be matched."""
    if not raw.columns and not raw.n_rows:
        return {}  # no rows need no columns
    names = _names(schema, raw, said)
    columns = dict(zip(names, raw.columns, strict=True))
    lookups = lookups_of(schema)
    needed = lookups.needed
    if names[: len(needed)] == needed and len(names) == len(needed):
        return columns
    missing = [name for name in needed if name not in columns]
    known = set(needed) | lookups.unneeded
    extra = [name for name in names if name not in known]
    if missing and on_missing == "error":
        raise _refused(schema, columns, missing, extra)
    said.columns_of("W_SCHEMA_MISSING", missing)
    said.columns_of("W_SCHEMA_EXTRA", extra)
    there = set(needed) - set(missing)
    came = [name for name in names if name in there]
    expected = [name for name in needed if name in columns]
    said.columns_of("W_SCHEMA_ORDER", [a for a, b in zip(came, expected, strict=True) if a != b])
    return columns


def _names(schema: Schema, raw: Raw, said: _Said) -> tuple[str, ...]:
    """Return the schema's names for columns that have none of their own."""
    names = raw.names
    if raw.positional == schema.positional:
        return names
    for expected in (schema.names, lookups_of(schema).needed):
        if len(names) == len(expected):
            if names != expected and not set(expected) <= set(names):
                said.columns_of("W_SCHEMA_NAMES", list(expected))
                return expected
            return names
    return names


def _refused(
    schema: Schema, columns: Mapping[str, RawColumn], missing: list[str], extra: list[str]
) -> SchemaError:
    n_needed = len(lookups_of(schema).needed)
    parts = []
    for name in missing:
        guess = did_you_mean(name, extra)
        parts.append(f"{name!r} is missing" + (f" ({guess})" if guess else ""))
    parts += [f"{name!r} was not in the training table" for name in extra]
    for feature in {feature.name: feature for feature in schema.features}.values():
        column = columns.get(feature.name)
        if column is not None and _retyped(feature, column):
            parts.append(f"{feature.name!r} was {feature.form} and came as {column.form.value}")
    return SchemaError(
        "E_SCHEMA_COLUMNS",
        f"The table does not fit the {n_needed} columns learned from: {'; '.join(parts)}.",
        "Add what is missing, or pass on_missing='impute' to have it taken as missing.",
    )


def _retyped(feature: Feature, column: RawColumn) -> bool:
    """Whether cells came in a form that another family of types holds them in."""
    if not feature.form or feature.form == column.form or bool(column.missing.all()):
        return False
    return {feature.form, column.form.value} != {"number", "boolean"}


def _cells(
    feature: Feature, column: RawColumn, lookups: Lookups, said: _Said
) -> NDArray[np.generic]:
    if feature.form and feature.form != column.form and _retyped(feature, column):
        said.once("W_SCHEMA_TYPE", feature.name)
    if column.bad is not None:
        said.cells("W_SCHEMA_UNREAD", feature.name, column.bad)
    if feature.kind is Kind.NUMBER or feature.kind is Kind.DATE:
        return _read(feature, column, said)
    codes, levels = column.spelled()
    if feature.kind is Kind.TEXT:
        return _texts(codes, levels)
    lookup = np.array(
        [lookups.code(feature, level) for level in levels] + [MISSING], dtype=np.int32
    )
    found = lookup[codes]
    code = "W_SCHEMA_UNSEEN" if feature.kind is Kind.CATEGORY else "W_SCHEMA_UNSEEN_STRING"
    said.cells(code, feature.name, found == UNSEEN)
    return found


def _texts(codes: NDArray[np.int32], levels: tuple[str, ...]) -> NDArray[np.object_]:
    texts = np.empty(len(levels) + 1, dtype=object)
    for position, level in enumerate(levels):
        stripped = level.strip()
        texts[position] = None if stripped in parse.MISSING_SPELLINGS else stripped
    return texts[codes]


def _finish(
    block: NDArray[np.float64], features: tuple[Feature, ...], lookups: Lookups, said: _Said
) -> None:
    """Deal with infinite cells, cells out of range and scales of a whole block of numbers."""
    lows, highs, scales = lookups.ranges[features[0].kind]
    beyond = (block < lows) | (block > highs)
    if beyond.any():
        infinite = np.isinf(block)
        for position in np.flatnonzero(beyond.any(axis=0)).tolist():
            name = features[position].name
            said.cells("W_SCHEMA_INFINITE", name, infinite[:, position])
            if features[position].kind is Kind.NUMBER:
                cells = np.where(infinite[:, position], np.nan, block[:, position])
                said.cells("W_SCHEMA_FAR", name, _far(cells, lows[position], highs[position]))
            said.cells("W_SCHEMA_RANGE", name, beyond[:, position] & ~infinite[:, position])
        block[infinite] = np.nan
    if scales is not None:
        with np.errstate(over="ignore"):
            block /= scales
    if scales is not None or beyond.any():
        np.clip(block, -WIDEST, WIDEST, out=block)


def _read(feature: Feature, column: RawColumn, said: _Said) -> NDArray[np.float64]:
    """Return the cells as numbers or seconds, reading those that came as something else."""
    if feature.kind is Kind.DATE and column.form is Form.DATE:
        return column.values
    if feature.kind is Kind.NUMBER and column.form in {Form.NUMBER, Form.BOOLEAN}:
        return column.values
    codes, levels = column.spelled()
    if feature.kind is Kind.NUMBER:
        values, unread = parse.to_numbers(levels, feature.format or ".")
    else:
        values, unread = _moments(levels, feature.format or "iso")
    if unread:
        wrong = np.zeros(len(levels) + 1, dtype=bool)
        wrong[unread] = True
        said.cells("W_SCHEMA_UNREAD", feature.name, wrong[codes])
    return np.append(values, np.nan)[codes]


def _moments(levels: tuple[str, ...], form: str) -> tuple[NDArray[np.float64], list[int]]:
    """Return the seconds of each date, and the positions of what is none."""
    seconds = np.full(len(levels), np.nan)
    unread = []
    for position, level in enumerate(levels):
        if level.strip() in parse.MISSING_SPELLINGS:
            continue
        second = parse.to_seconds(level, form)
        if second is None and form != "iso":
            second = parse.to_seconds(level, "iso")
        if second is None:
            unread.append(position)
        else:
            seconds[position] = second
    return seconds, unread
