"""One column as it came in, as NumPy: what all sources are turned into at the door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.parse import (
    MISSING_SPELLINGS,
    decimal_mark,
    to_numbers,
    write_number,
    write_seconds,
)
from automl.data.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

EXACT = 2**53
"""Whole numbers above this are not exact as 64-bit floats (IEEE 754)."""


class Form(StrEnum):
    """How the cells of a raw column are held.

    Attributes
    ----------
    NUMBER : float64, NaN where missing.
    BOOLEAN : float64, 0, 1 or NaN.
    DATE : float64, seconds since 1970-01-01 UTC, NaN where missing.
    STRING : int32 codes into ``levels``, negative where missing.
    """

    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    STRING = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """A column before anything was inferred from it.

    Parameters
    ----------
    name : str
    form : Form
    values : ndarray of shape (n_rows,)
        As ``form`` says.
    levels : tuple of str, default=()
        What the codes of a ``STRING`` mean.
    declared : bool, default=False
        Whether the type says that it is categorical.
    ordered : bool, default=False
        Whether the type says that ``levels`` are in order.
    whole : bool, default=False
        Whether the type says that numbers are integers.
    exact : ndarray of shape (n_rows,), dtype=int64 or uint64, or None, default=None
        The integers, where floats cannot hold them.
    bad : ndarray of shape (n_rows,), dtype=bool, or None, default=None
        Cells that hold something that cannot be used (a list, a complex number); they are missing.
    reason : str, default=""
        What the bad cells hold.
    mixed : tuple of str, default=()
        Names of the types found, where there are several that do not belong together.
    dtype : str, default=""
        The type as given, for messages.
    """

    name: str
    form: Form
    values: NDArray[Any]
    levels: tuple[str, ...] = ()
    declared: bool = False
    ordered: bool = False
    whole: bool = False
    exact: NDArray[Any] | None = None
    bad: NDArray[np.bool_] | None = None
    reason: str = ""
    mixed: tuple[str, ...] = ()
    dtype: str = ""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which cells hold no value, of shape (n_rows,)."""
        missing: NDArray[np.bool_] = (
            self.values < 0 if self.form is Form.STRING else np.isnan(self.values)
        )
        return missing

    def take(self, rows: NDArray[Any]) -> RawColumn:
        """Return the rows asked for, in that order."""
        return replace(
            self,
            values=self.values[rows],
            exact=None if self.exact is None else self.exact[rows],
            bad=None if self.bad is None else self.bad[rows],
        )

    def spelled(self) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return the cells as codes and levels, numbers and dates in their canonical spelling."""
        if self.form is Form.STRING:
            return self.values, self.levels
        present = ~np.isnan(self.values)
        codes = np.full(len(self.values), MISSING, dtype=np.int32)
        if self.exact is not None:
            distinct, inverse = np.unique(self.exact[present], return_inverse=True)
            levels = tuple(str(number) for number in distinct.tolist())
        else:
            distinct, inverse = np.unique(self.values[present], return_inverse=True)
            levels = tuple(_WRITERS[self.form](value) for value in distinct.tolist())
        codes[present] = inverse
        return codes, levels

    def cells(self, *, untyped: bool = False) -> NDArray[Any]:
        """Return the cells as float64 (NaN where missing), or strings as objects (None).

        Parameters
        ----------
        untyped : bool, default=False
            Whether strings may mean numbers: they do where all of them can be read as such.
        """
        if self.form is not Form.STRING:
            return self.values
        meaning: NDArray[Any] = np.array([*self.levels, None], dtype=object)
        if untyped:
            numbers, unread = to_numbers(self.levels, decimal_mark(self.levels))
            gone = [level.strip() in MISSING_SPELLINGS for level in self.levels]
            meaning[np.flatnonzero(gone)] = None
            meaning = meaning if unread else np.append(numbers, np.nan)
        cells: NDArray[Any] = meaning[np.maximum(self.values, MISSING)]
        return cells

    def plain(self) -> list[Any]:
        """Return the cells as JSON values, None where there is none; dates as they are spelled."""
        if self.form is Form.NUMBER:
            return [value if isfinite(value) else None for value in self.values.tolist()]
        if self.form is Form.BOOLEAN:
            return [None if np.isnan(v) else bool(v) for v in self.values.tolist()]
        codes, levels = self.spelled()
        return [None if code < 0 else levels[code] for code in codes.tolist()]


def number(name: str, values: NDArray[Any], dtype: str, **more: Any) -> RawColumn:
    """Return a column of numbers from integers or floats."""
    exact = None
    if values.dtype.kind in "iu":
        more["whole"] = True
        if values.dtype.itemsize == 8 and len(values) and _beyond(values):
            exact = values
    with np.errstate(over="ignore"):
        floats = np.array(values, dtype=np.float64)  # what is too large is infinite, and said
    return RawColumn(name=name, form=Form.NUMBER, values=floats, exact=exact, dtype=dtype, **more)


def boolean(name: str, values: NDArray[Any], dtype: str) -> RawColumn:
    """Return a column of truth values."""
    floats = np.array(values, dtype=np.float64)
    return RawColumn(name=name, form=Form.BOOLEAN, values=floats, dtype=dtype)


def moments(name: str, values: NDArray[Any], dtype: str) -> RawColumn:
    """Return a column of dates from datetime64 of any unit."""
    return RawColumn(name=name, form=Form.DATE, values=_seconds(values), dtype=dtype)


def durations(name: str, values: NDArray[Any], dtype: str) -> RawColumn:
    """Return a column of numbers, in seconds, from timedelta64 of any unit."""
    return RawColumn(name=name, form=Form.NUMBER, values=_seconds(values), dtype=dtype)


def strings(
    name: str, codes: NDArray[Any], levels: Sequence[str], dtype: str, **more: Any
) -> RawColumn:
    """Return a column of strings from codes and their meaning."""
    codes = np.asarray(codes, dtype=np.int32)
    return RawColumn(
        name=name, form=Form.STRING, values=codes, levels=tuple(levels), dtype=dtype, **more
    )


def unusable(name: str, n_rows: int, present: NDArray[np.bool_], reason: str) -> RawColumn:
    """Return a column none of whose cells can be used."""
    codes = np.full(n_rows, MISSING, dtype=np.int32)
    return strings(name, codes, (), reason, bad=present, reason=reason)


def empty(name: str, n_rows: int) -> RawColumn:
    """Return a column without a type whose cells are all missing."""
    return RawColumn(name=name, form=Form.NUMBER, values=np.full(n_rows, np.nan), dtype="")


def of_numpy(name: str, values: NDArray[Any]) -> RawColumn:
    """Return the column that a one-dimensional array holds."""
    from automl.data.objects import of_objects

    dtype = str(values.dtype)
    if isinstance(values, np.ma.MaskedArray):
        cells = values.data.astype(object)
        cells[np.ma.getmaskarray(values)] = None
        return of_objects(name, cells, dtype)
    make = _BY_KIND.get(values.dtype.kind)
    if make is not None:
        return make(name, values, dtype)
    if values.dtype.kind in "cV":
        return unusable(name, len(values), np.ones(len(values), dtype=bool), dtype)
    return of_objects(name, values.astype(object), "str" if values.dtype.kind in "UT" else dtype)


def _seconds(values: NDArray[Any]) -> NDArray[np.float64]:
    unit, step = np.datetime_data(values.dtype)
    missing = np.isnat(values)
    if unit in {"Y", "M", "W", "D", "h", "m", "generic"}:
        values = values.astype(f"{values.dtype.kind}8[s]")
        unit, step = "s", 1
    seconds = values.astype(np.int64).astype(np.float64) * (step * _UNITS[unit])
    seconds[missing] = np.nan
    return seconds


def _beyond(values: NDArray[Any]) -> bool:
    return int(values.max()) > EXACT or int(values.min()) < -EXACT


def _write_truth(value: float) -> str:
    return "True" if value else "False"


_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15, "as": 1e-18}
_WRITERS = {Form.NUMBER: write_number, Form.BOOLEAN: _write_truth, Form.DATE: write_seconds}
_BY_KIND: dict[str, Callable[[str, NDArray[Any], str], RawColumn]] = {
    "b": boolean,
    "i": number,
    "u": number,
    "f": number,
    "M": moments,
    "m": durations,
}
