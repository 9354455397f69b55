"""From cells as people write them to the tensors that ``model.onnx`` takes.

``inputs.json`` says of each column how its cells were read where the model was learned; here they
are read alike, one by one::

    import json
    from cells import Reader

    read = Reader(json.load(open("inputs.json", encoding="utf-8"))["inputs"])
    read({"age": [39, "1,234", None], "city": ["Bern", " Bern ", "?"]})

Numbers become float64, NaN where missing; dates seconds since 1970-01-01 UTC, NaN where missing;
categories strings, "" where missing. Columns that are not there count as missing. Of a text come
its words, pieces of these, and what tells its shape; rows are as wide as the longest needs.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import inf, nan
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.plain import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray


N_SHAPE = 7


class Reader:
    """Reads tables, rows of any number.

    Parameters
    ----------
    inputs : sequence of mapping
        As ``inputs.json`` has them.
    """

    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self._inputs = [
            (one["column"], one["input"], one["type"] == "string", reader_of(one)) for one in inputs
        ]
        self._wide = {one["input"] for one in inputs if one["kind"] == "text"}

    def __call__(self, rows: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Return what onnxruntime's ``run`` is given.

        Parameters
        ----------
        rows : mapping of str to sequence
            Columns by name, all as long.

        Returns
        -------
        dict of str to ndarray of shape (n_rows, 1), or wider for texts
            Float64, or objects that are strings.
        """
        n_rows = max((len(cells) for cells in rows.values()), default=0)
        found: dict[str, NDArray[Any]] = {}
        for column, name, text, read in self._inputs:
            cells = rows.get(column)
            given = [None] * n_rows if cells is None else counted(cells)
            made = [read(None if is_missing(cell) else cell) for cell in given]
            dtype: Any = object if text else np.float64
            wide = name in self._wide
            if wide and text:
                found[name] = filled(made)
            else:
                shape = (len(made), N_SHAPE if wide else 1)
                found[name] = np.array(made, dtype=dtype).reshape(shape)
        return found


def counted(cells: Sequence[Any]) -> Sequence[Any]:
    """Return cells; truth values among numbers are numbers."""
    if not {bool, np.bool_} & set(map(type, cells)):
        return cells
    rest = [cell for cell in cells if not isinstance(cell, bool | np.bool_)]
    numbers = [cell for cell in rest if not is_missing(cell)]
    if not numbers or not all(isinstance(cell, Real | Decimal) for cell in numbers):
        return cells
    return [int(cell) if isinstance(cell, bool | np.bool_) else cell for cell in cells]


def reader_of(one: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what reads a cell of a column; it is given None for a missing one."""
    if one["kind"] == "number":
        return lambda cell: number(cell, one["format"] or ".")
    if one["kind"] == "date":
        return lambda cell: seconds(cell, one["format"] or "iso")
    if one["kind"] == "text":
        return reader_of_texts(one)
    levels = one["levels"]
    known = set(levels)
    by_number: dict[float, str] = {}
    for level in levels:
        value = strings.to_number(level)
        if value is not None:
            # Which of several levels that say the same number is meant cannot be told.
            by_number[value] = "" if value in by_number else level
    return lambda cell: category(cell, known, by_number)


def reader_of_texts(one: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what makes words, pieces or the shape of a text."""
    most = one["max_chars"]
    if one["part"] == "shape":
        return lambda cell: shape_of(text_of(cell)[:most])
    token, (low, high) = re.compile(one["pattern"]), one["lengths"]

    def words(cell: Any) -> list[str]:
        return [whole(word) for word in token.findall(text_of(cell)[:most].lower())]

    if one["part"] == "words":
        return words
    return lambda cell: [part for word in words(cell) for part in parts_of(word, low, high)]


def text_of(cell: Any) -> str:
    """Return a text without blanks around it, "" where there is none."""
    found = "" if cell is None else spelled(cell).strip()
    return "" if found in strings.MISSING_SPELLINGS else found


def whole(word: str) -> str:
    """Return a word, with a mark in the place of what is no Unicode."""
    return word.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def parts_of(word: str, low: int, high: int) -> list[str]:
    """Return the pieces of a word."""
    padded = f" {word} "
    if len(padded) <= low:
        return [padded]
    sizes = range(low, min(high, len(padded)) + 1)
    return [padded[at : at + n] for n in sizes for at in range(len(padded) - n + 1)]


def shape_of(text: str) -> tuple[float, ...]:
    """Return length, words, letters a word, shares of capitals and digits, ``!`` and ``?``."""
    length, words = len(text), len(text.split())
    capitals = sum("A" <= sign <= "Z" for sign in text)
    digits = sum("0" <= sign <= "9" for sign in text)
    each, size = max(words, 1), max(length, 1)
    counts = (text.count("!"), text.count("?"))
    return (length, words, length / each, capitals / size, digits / size, *counts)


def filled(rows: Sequence[Sequence[str]]) -> NDArray[Any]:
    """Return rows as a matrix, with empty strings behind the shorter ones."""
    width = max(1, max(map(len, rows), default=0))
    made = np.full((len(rows), width), "", dtype=object)
    for row, strings_of in zip(made, rows, strict=True):
        row[: len(strings_of)] = strings_of
    return made


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing that can be read: None, NaN, NaT, NA, a list."""
    kind = type(cell)
    if kind is str or kind is int or kind is bool:
        return False
    if kind is float:
        return bool(cell != cell)  # noqa: PLR0124  # only NaN differs from itself
    if cell is None or isinstance(cell, list | tuple | dict | set | complex):
        return True
    if type(cell).__name__ in {"NAType", "NaTType", "MaskedConstant"}:
        return True
    if isinstance(cell, Decimal):
        return cell.is_nan()
    return isinstance(cell, Real | np.datetime64 | np.timedelta64) and bool(cell != cell)  # noqa: PLR0124  # only NaN and NaT differ from themselves


def number(cell: Any, decimal: str) -> float:
    """Return the number that a cell says, NaN where it says none."""
    if type(cell) is float:
        return cell
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    if isinstance(cell, timedelta | np.timedelta64 | time):  # NumPy's are integers, too
        return moment(cell)
    if isinstance(cell, Real | Decimal):
        return as_float(cell)
    value = None if cell is None else strings.to_number(spelled(cell), decimal)
    return nan if value is None else value


def seconds(cell: Any, form: str) -> float:
    """Return the moment that a cell says, in seconds since 1970-01-01 UTC; NaN where none."""
    if isinstance(cell, date | np.datetime64):
        return moment(cell)
    text = "" if cell is None else spelled(cell)
    if text.strip() in strings.MISSING_SPELLINGS:
        return nan
    value = strings.to_seconds(text, form)
    if value is None and form != "iso":
        value = strings.to_seconds(text, "iso")
    return nan if value is None else value


def category(cell: Any, known: set[str], by_number: Mapping[float, str]) -> str:
    """Return the level that a cell says, "" where it is missing, else what it says."""
    if cell is None:
        return ""
    text = spelled(cell)
    if text in known:
        return text
    text = text.strip()
    if text in known or text in strings.MISSING_SPELLINGS:
        return text if text in known else ""
    value = strings.to_number(text)
    return whole(text) if value is None else by_number.get(value) or whole(text)


def spelled(cell: Any) -> str:
    """Return the string that a cell would be written as."""
    for types, write in SPELLINGS:
        if isinstance(cell, types):
            return str(write(cell))
    return str(cell)


def moment(cell: Any) -> float:
    """Return seconds: since 1970-01-01 UTC, of a duration, or since midnight."""
    if isinstance(cell, np.datetime64 | np.timedelta64):
        kind = "M8[us]" if isinstance(cell, np.datetime64) else "m8[us]"
        return float(cell.astype(kind).astype(np.int64)) / 1e6
    if isinstance(cell, datetime):
        return strings.seconds_of(cell)
    if isinstance(cell, date):
        return strings.seconds_of(datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001  # UTC by rule
    if isinstance(cell, time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
    return float(cell.total_seconds())


def as_float(cell: Any) -> float:
    """Return a number as a float; infinite where it is too large."""
    try:
        return float(cell)
    except OverflowError:
        return inf if cell > 0 else -inf


SPELLINGS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str),
    ((bool, np.bool_), lambda cell: "True" if cell else "False"),
    ((date, np.datetime64), lambda cell: strings.write_seconds(moment(cell))),
    ((timedelta, np.timedelta64, time), lambda cell: strings.write_number(moment(cell))),
    ((int, np.integer), int),
    ((Real, Decimal), lambda cell: strings.write_number(as_float(cell))),
    (bytes, lambda cell: cell.decode(errors="replace")),
)
"""How cells of some types are written; others as Python writes them."""
