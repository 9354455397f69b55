"""Columns of a pandas table; pandas itself is never imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column as made
from automl.data.objects import of_objects
from automl.data.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from automl.data.column import RawColumn

FEW_ROWS = 32
"""With so few rows Python objects are quicker than Arrow."""


def columns(frame: Any) -> Iterator[RawColumn]:
    """Yield the columns of a table, by position (names may repeat)."""
    for position, (name, series) in enumerate(frame.items()):
        yield column(name if type(name) is str else f"x{position}", series)


def column(name: str, series: Any) -> RawColumn:
    """Return the column that a series or an index holds."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return made.of_numpy(name, series.to_numpy())
    return _MAKERS.get(type(dtype).__name__, _nullable)(name, series)


def _categorical(name: str, series: Any) -> RawColumn:
    values = series.array
    levels = column(name, values.categories)
    codes, spelled = levels.spelled()
    # Codes of the categories themselves, because `spelled` sorts numbers; -1 stays missing.
    lookup = np.append(codes, np.int32(MISSING))
    ordered = bool(values.ordered)
    names = spelled
    if ordered:
        names = tuple(spelled[code] for code in codes)
        lookup = np.append(np.arange(len(codes), dtype=np.int32), np.int32(MISSING))
    return made.strings(
        name, lookup[values.codes], names, "category", declared=True, ordered=ordered
    )


def _arrow(name: str, series: Any) -> RawColumn:
    from automl.data import from_arrow

    values = series.array
    if len(values) <= FEW_ROWS and type(series.dtype).__name__ == "StringDtype":
        return of_objects(name, values.tolist(), "str")
    if not hasattr(values, "__arrow_array__"):
        return of_objects(name, series.to_numpy(dtype=object), str(series.dtype))
    return from_arrow.column(name, values.__arrow_array__(), str(series.dtype))


def _nullable(name: str, series: Any) -> RawColumn:
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if kind == "b":
        floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return made.boolean(name, floats, str(dtype))
    if kind in "iuf":
        missing = np.asarray(series.isna())
        if kind in "iu" and not missing.any():
            return made.number(name, series.to_numpy(dtype=dtype.numpy_dtype), str(dtype))
        floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return made.number(name, floats, str(dtype), whole=kind in "iu")
    return of_objects(name, np.asarray(series, dtype=object), str(dtype))


def _zoned(name: str, series: Any) -> RawColumn:
    return made.moments(name, series.to_numpy(dtype="datetime64[us]"), str(series.dtype))


def _period(name: str, series: Any) -> RawColumn:
    return made.moments(name, series.array.to_timestamp().to_numpy(), str(series.dtype))


def _sparse(name: str, series: Any) -> RawColumn:
    return made.of_numpy(name, np.asarray(series))


_MAKERS: dict[str, Callable[[str, Any], RawColumn]] = {
    "CategoricalDtype": _categorical,
    "StringDtype": _arrow,
    "ArrowDtype": _arrow,
    "DatetimeTZDtype": _zoned,
    "PeriodDtype": _period,
    "SparseDtype": _sparse,
}
