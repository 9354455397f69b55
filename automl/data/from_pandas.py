"""Columns of a pandas table; pandas itself is never imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import column as made
from automl.data.objects import of_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl.data.column import RawColumn


def columns(frame: Any) -> Iterator[RawColumn]:
    """Yield the columns of a table, by position (names may repeat)."""
    for position, (name, series) in enumerate(frame.items()):
        yield column(name if type(name) is str else f"x{position}", series)


def column(name: str, series: Any) -> RawColumn:
    """Return the column that a series or an index holds."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return made.of_numpy(name, series.to_numpy())
    match type(dtype).__name__:
        case "CategoricalDtype":
            return _categorical(name, series)
        case "StringDtype" | "ArrowDtype":
            return _arrow(name, series)
        case "DatetimeTZDtype":
            return made.moments(name, series.to_numpy(dtype="datetime64[us]"), str(dtype))
        case "SparseDtype":
            return made.of_numpy(name, np.asarray(series))
        case "PeriodDtype":
            starts = series.array.to_timestamp().to_numpy()
            return made.moments(name, starts, str(dtype))
        case _:
            return _nullable(name, series)


def decoded(series: Any) -> Any:
    """Return a categorical series as an array of its values, others as they are."""
    return np.asarray(series) if type(series.dtype).__name__ == "CategoricalDtype" else series


def _categorical(name: str, series: Any) -> RawColumn:
    values = series.array
    levels = column(name, values.categories)
    codes, spelled = levels.spelled()
    # Codes of the categories themselves, because `spelled` sorts numbers; -1 stays missing.
    lookup = np.append(codes, np.int32(made.MISSING))
    ordered = bool(values.ordered)
    names = spelled
    if ordered:
        names = tuple(spelled[code] for code in codes)
        lookup = np.append(np.arange(len(codes), dtype=np.int32), np.int32(made.MISSING))
    return made.strings(
        name, lookup[values.codes], names, "category", declared=True, ordered=ordered
    )


def _arrow(name: str, series: Any) -> RawColumn:
    from automl.data import from_arrow

    values = series.array
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
