"""One clean row on a short way to the canonical table; all else goes the usual way."""

from __future__ import annotations

import sys
from datetime import date, datetime
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data import parse
from automl.data.apply import WIDEST, lookups_of
from automl.data.column import EXACT
from automl.data.table import MISSING, UNSEEN, Kind, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from automl.data.apply import Lookups
    from automl.data.schema import Feature, Schema

    Cells = Sequence[Any]

_NUMBERS = frozenset(
    {int, float, np.int64, np.int32, np.int16, np.int8, np.uint32, np.uint16, np.uint8}
    | {np.float64, np.float32}
)
_TRUTHS = frozenset({bool, np.bool_})
_MOST_SHAPES = 64


class _UnclearError(Exception):
    """A cell that the usual way has to look at."""


class SingleRow:
    """Reads tables of one row in which nothing has to be repaired or said.

    Parameters
    ----------
    schema : Schema
    """

    def __init__(self, schema: Schema) -> None:
        lookups = lookups_of(schema)
        self._needed = lookups.needed
        self._unneeded = lookups.unneeded
        self._shapes: dict[tuple[Any, ...], tuple[int, ...] | None] = {}
        self._named = not schema.positional
        place = {name: i for i, name in enumerate(self._needed)}
        self._readers = {
            kind: [(place[one.name], _reader(one, lookups)) for one in features]
            for kind, features in lookups.features.items()
        }
        self._low, self._high, self._scale = lookups.ranges[Kind.NUMBER]
        self._plain = lookups.ranges[Kind.DATE][2] is None

    def __call__(self, source: object) -> Table | None:
        """Return the row in canonical form, None where it is not one, or not a clear one.

        Parameters
        ----------
        source : object
            A mapping of names to cells, alone or in a list, or a table of pandas or polars.
        """
        given = _given(source) if self._named and self._plain else None
        if given is None:
            return None
        names, cells = given
        if names not in self._shapes:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[names] = self._places(names)
        places = self._shapes[names]
        if places is None:
            return None
        try:
            return self._table([cells[place] for place in places])
        except (_UnclearError, OverflowError):
            return None

    def _places(self, names: tuple[Any, ...]) -> tuple[int, ...] | None:
        """Return where the columns that are needed stand; None where names need a look."""
        known = {name: place for place, name in enumerate(names) if type(name) is str and name}
        if len(known) != len(names) or not known.keys() >= set(self._needed):
            return None
        if not known.keys() <= {*self._needed, *self._unneeded}:
            return None
        return tuple(known[name] for name in self._needed)

    def _table(self, cells: Cells) -> Table | None:
        blocks: dict[str, Any] = {}
        for kind, readers in self._readers.items():
            values = [read(cells[place]) for place, read in readers]
            if kind is Kind.TEXT:
                block = np.empty((1, len(values)), dtype=object)
                block[0, :] = values
            else:
                coded = kind is Kind.CATEGORY or kind is Kind.STRING
                block = np.array([values], dtype=np.int32 if coded else np.float64)
            blocks[kind.value] = block
        number = blocks["number"]
        if ((number < self._low) | (number > self._high)).any():
            return None
        if self._scale is not None:
            np.clip(number / self._scale, -WIDEST, WIDEST, out=number)
        return Table(**blocks)


def _given(source: Any) -> tuple[tuple[Any, ...], Cells] | None:
    """Return names and cells of one row."""
    if type(source) is list and len(source) == 1:
        source = source[0]
    if type(source) is dict:
        return tuple(source), list(source.values())
    pandas = sys.modules.get("pandas")
    if pandas is not None and type(source) is pandas.DataFrame:
        if len(source) != 1:
            return None
        return _untimed(source.columns.tolist(), source.iloc[0].tolist())
    polars = sys.modules.get("polars")
    if polars is not None and type(source) is polars.DataFrame and source.height == 1:
        return _untimed(source.columns, source.row(0))
    return None


def _untimed(names: Cells, cells: Cells) -> tuple[tuple[Any, ...], Cells] | None:
    """Return a row, unless the frame holds moments, which it rounds in a way of its own."""
    if any(isinstance(cell, date) for cell in cells):
        return None
    return tuple(names), cells


def _reader(feature: Feature, lookups: Lookups) -> Callable[[Any], Any]:
    """Return what makes a canonical cell of a plain one, or raises."""
    if feature.kind is Kind.NUMBER:
        typed = feature.form in {"", "number", "boolean"}
        return _number(_NUMBERS | _TRUTHS if typed else frozenset())
    written = feature.form in {"", "string"}
    if feature.kind is Kind.DATE:
        timed = feature.form in {"", "date"}
        return _date(feature.format or "iso", written=written, timed=timed)
    if feature.kind is Kind.TEXT:
        return _text if written else _nothing
    return _level(feature, lookups, written=written)


def _number(types: frozenset[type]) -> Callable[[Any], Any]:
    def read(cell: Any) -> Any:
        if type(cell) in types:
            return cell
        return _missing(cell)

    return read


def _level(feature: Feature, lookups: Lookups, *, written: bool) -> Callable[[Any], int]:
    said = feature.kind is Kind.CATEGORY  # an unseen category is warned of, a string is not
    counted = feature.form in {"", "number"}
    words: Mapping[str, int] = (
        {level: code for code, level in enumerate(feature.levels)} if written else {}
    )

    def read(cell: Any) -> int:
        kind = type(cell)
        if kind is str:
            code = words.get(cell)
            if code is not None:
                return code
            if not written:
                raise _UnclearError
            return known(cell)
        if kind in _NUMBERS and counted and isfinite(cell) and abs(cell) < EXACT:
            return known(parse.write_number(float(cell)))
        _missing(cell)
        return MISSING

    def known(level: str) -> int:
        code = lookups.code(feature, level)
        if code == UNSEEN and said:
            raise _UnclearError
        return code

    return read


def _date(form: str, *, written: bool, timed: bool) -> Callable[[Any], float]:
    def read(cell: Any) -> float:
        if timed and isinstance(cell, datetime) and cell == cell:  # noqa: PLR0124  # NaT is not
            return parse.seconds_of(cell)
        if type(cell) is not str:
            return _missing(cell)
        if not written:
            raise _UnclearError
        if cell.strip() in parse.MISSING_SPELLINGS:
            return nan
        second = parse.to_seconds(cell, form)
        if second is None and form != "iso":
            second = parse.to_seconds(cell, "iso")
        if second is None or not isfinite(second):
            raise _UnclearError
        return second

    return read


def _text(cell: Any) -> str | None:
    if type(cell) is str:
        stripped = cell.strip()
        return None if stripped in parse.MISSING_SPELLINGS else stripped
    _missing(cell)
    return None


def _nothing(cell: Any) -> None:
    _missing(cell)


def _missing(cell: Any) -> float:
    """Return NaN for a cell that is missing for certain."""
    if cell is None or (type(cell) is float and cell != cell):  # noqa: PLR0124  # only NaN does
        return nan
    raise _UnclearError
