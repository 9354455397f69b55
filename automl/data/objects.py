"""Columns of Python objects: any mix of types, each with a stated outcome."""

from __future__ import annotations

import enum
import numbers
import uuid
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from math import nan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column
from automl.data.column import EXACT, Form, RawColumn
from automl.data.parse import seconds_of, write_number, write_seconds
from automl.data.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


_MISSING, _BOOLEAN, _NUMBER, _DURATION = "missing", "boolean", "number", "duration"
_DATE, _STRING, _WORDS, _UNUSABLE = "date", "string", "words", "unusable"

_BY_TYPE: dict[type, str] = {
    str: _STRING,
    float: _NUMBER,
    int: _NUMBER,
    bool: _BOOLEAN,
    type(None): _MISSING,
}


def of_objects(name: str, values: Sequence[Any] | NDArray[Any], dtype: str = "object") -> RawColumn:
    """Return the column that a sequence of Python objects holds.

    Truth values, numbers, dates and durations alone keep their nature, strings are factorised;
    where types are mixed each cell counts as the string that it would be written as. Cells of any
    other type are bad, and missing.
    """
    types = set(map(type, values))
    families = {_family(kind) for kind in types}
    families.discard(_MISSING)
    if families == {_STRING}:
        return _strings(name, values, dtype)
    if families == {_STRING, _NUMBER} and _only_nan(values):
        # A signalling NaN cannot be hashed.
        return _strings(name, [v if isinstance(v, str) else None for v in values], dtype)
    if not families:
        return column.empty(name, len(values))
    if families <= {_NUMBER, _BOOLEAN}:
        return _numbers(name, values, types, families, dtype)
    if families in ({_DATE}, {_DURATION}) or _timed(families, values):
        return _times(name, values, families, dtype)
    return _mixed(name, values, dtype)


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN of any type, NaT, NA, a masked cell."""
    family = _family(type(value))
    if family is _MISSING:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()  # a signalling NaN cannot be compared
    if family in {_NUMBER, _DATE, _DURATION}:
        return bool(value != value)  # noqa: PLR0124  # only NaN and NaT differ from themselves
    return False


def _family(kind: type) -> str:
    known = _BY_TYPE.get(kind)
    if known is None:
        known = _BY_TYPE[kind] = _look_up(kind)
    return known


def _look_up(kind: type) -> str:
    if kind.__name__ in {"NAType", "NaTType", "MaskedConstant"}:
        return _MISSING
    if kind.__name__ in {"Period", "Interval"}:
        return _WORDS
    for family, members in _MEMBERS:
        if issubclass(kind, members):
            return family
    return _UNUSABLE


_MEMBERS: tuple[tuple[str, tuple[type, ...]], ...] = (
    (_WORDS, (bytes, bytearray, uuid.UUID, PurePath)),
    (_STRING, (str,)),
    (_BOOLEAN, (bool, np.bool_)),
    (_WORDS, (enum.Enum,)),
    (_DURATION, (timedelta, np.timedelta64, time)),
    (_NUMBER, (numbers.Real, Decimal, np.integer, np.floating)),
    (_DATE, (date, np.datetime64)),
)


def _only_nan(values: Sequence[Any] | NDArray[Any]) -> bool:
    return all(is_missing(value) for value in values if _family(type(value)) is _NUMBER)


def _timed(families: set[str], values: Sequence[Any] | NDArray[Any]) -> bool:
    """Whether the numbers beside dates or durations are all NaN."""
    rest = families - {_NUMBER}
    return rest in ({_DATE}, {_DURATION}) and _only_nan(values)


def _strings(name: str, values: Sequence[Any] | NDArray[Any], dtype: str) -> RawColumn:
    # A dict that numbers its keys as they come is the quickest way to factorise objects.
    seen: defaultdict[Any, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(seen.__getitem__, values), dtype=np.int32, count=len(values))
    levels = tuple(seen)
    if not all(type(level) is str for level in levels):
        kept = [isinstance(level, str) for level in levels]
        renumbered = np.cumsum(kept, dtype=np.int32) - 1
        renumbered[~np.array(kept)] = MISSING
        codes = renumbered[codes]
        levels = tuple(str(level) for level in levels if isinstance(level, str))
    return column.strings(name, codes, levels, dtype)


def _numbers(
    name: str,
    values: Sequence[Any] | NDArray[Any],
    types: set[type],
    families: set[str],
    dtype: str,
) -> RawColumn:
    if families == {_BOOLEAN} or (_BOOLEAN in families and _only_nan(values)):
        return column.boolean(name, _floats(values), dtype)
    mixed = tuple(sorted(kind.__name__ for kind in types if _family(kind) is not _MISSING))
    floats = _floats(values)
    present = [kind for kind in types if _family(kind) is _NUMBER]
    whole = all(issubclass(kind, int | np.integer) for kind in present)
    exact = None
    if whole and len(floats) and np.nanmax(np.abs(floats)) >= EXACT:
        exact = _exact(values)
    return RawColumn(
        name=name,
        form=Form.NUMBER,
        values=floats,
        whole=whole,
        exact=exact,
        mixed=mixed if _BOOLEAN in families else (),
        dtype=dtype,
    )


def _floats(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.array([_float(value) for value in values], dtype=np.float64)


def _float(value: Any) -> float:
    if is_missing(value):
        return nan
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _exact(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any] | None:
    try:
        integers = [0 if is_missing(value) else int(value) for value in values]
        return np.array(integers, dtype=np.int64)
    except OverflowError:
        return None


def _times(
    name: str, values: Sequence[Any] | NDArray[Any], families: set[str], dtype: str
) -> RawColumn:
    seconds = np.array([nan if is_missing(value) else _second(value) for value in values])
    form = Form.DATE if _DATE in families else Form.NUMBER
    return RawColumn(name=name, form=form, values=seconds, dtype=dtype)


def _second(value: Any) -> float:
    if isinstance(value, np.datetime64 | np.timedelta64):
        kind = "M" if isinstance(value, np.datetime64) else "m"
        return float(value.astype(f"{kind}8[us]").astype(np.int64)) / 1e6
    if isinstance(value, datetime):
        return seconds_of(value)
    if isinstance(value, date):
        return seconds_of(datetime(value.year, value.month, value.day))  # noqa: DTZ001  # UTC by rule
    if isinstance(value, time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    return float(value.total_seconds())


def _mixed(name: str, values: Sequence[Any] | NDArray[Any], dtype: str) -> RawColumn:
    bad = np.zeros(len(values), dtype=bool)
    spelled: list[str | None] = []
    found: set[str] = set()
    reasons: set[str] = set()
    for position, value in enumerate(values):
        if is_missing(value):
            spelled.append(None)
            continue
        family = _family(type(value))
        if family is _UNUSABLE:
            bad[position] = True
            reasons.add(type(value).__name__)
            spelled.append(None)
            continue
        found.add(type(value).__name__)
        spelled.append(_SPELL[family](value))
    made = _strings(name, spelled, dtype)
    mixed = tuple(sorted(found | reasons)) if len(found | reasons) > 1 else ()
    return column.strings(
        name,
        made.values,
        made.levels,
        dtype,
        bad=bad if bad.any() else None,
        reason=", ".join(sorted(reasons)),
        mixed=mixed,
    )


def _words(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")
    if isinstance(value, enum.Enum):
        return str(value.value)
    return str(value)


def _spell_number(value: Any) -> str:
    if isinstance(value, int | np.integer):
        return str(int(value))
    return write_number(_float(value))


_SPELL: dict[str, Callable[[Any], str]] = {
    _BOOLEAN: lambda value: "True" if value else "False",
    _NUMBER: _spell_number,
    _DURATION: lambda value: write_number(_second(value)),
    _DATE: lambda value: write_seconds(_second(value)),
    _STRING: str,
    _WORDS: _words,
}
