"""From cells as users write them to matrices of numbers and codes: the rules of the training table.

``strings.py`` beside this file reads strings; it is automl's own.
"""

from __future__ import annotations

import numbers
import runpy
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

STRINGS = runpy.run_path(str(Path(__file__).resolve().with_name("strings.py")))
"""What ``strings.py`` defines."""

UNSEEN, MISSING = -2, -1
"""Codes of a level that training did not have, and of a missing cell; levels count from 0."""

WIDEST = 1e30
"""Numbers are cut here."""

NAN = float("nan")

Array = np.ndarray[Any, Any]


def columns_of(rows: Any, names: list[str]) -> dict[str, list[Any]]:
    """Return the columns that are needed as lists of equal length."""
    if hasattr(rows, "columns"):  # a table of pandas or polars
        rows = {str(name): list(rows[name]) for name in rows.columns}
    if isinstance(rows, dict):
        listed = {name: column for name, column in rows.items() if name in names}
        if listed and not any(is_column(column) for column in listed.values()):
            listed = {name: [cell] for name, cell in listed.items()}
    else:
        rows = list(rows)
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError("rows are a dict of columns, a list of dicts, or one dict of cells")
        known = {name for row in rows for name in row} if rows else set(names)
        listed = {name: [row.get(name) for row in rows] for name in names if name in known}
    missing = [name for name in names if name not in listed]
    if missing:
        raise ValueError(f"columns that the model needs are missing: {', '.join(missing)}")
    columns = {name: [*listed[name]] for name in names}
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError("columns have unequal lengths")
    return columns


def is_column(cells: Any) -> bool:
    """Whether something holds cells, rather than being one."""
    return hasattr(cells, "__len__") and not isinstance(cells, str | bytes)


def blocks_of(features: list[dict[str, Any]], columns: dict[str, list[Any]]) -> dict[str, Any]:
    """Return a matrix for each kind of column, and all but texts side by side."""
    n_rows = len(next(iter(columns.values())))
    found: dict[str, list[Any]] = {kind: [] for kind in READERS}
    for feature in features:
        read = READERS[feature["kind"]]
        found[feature["kind"]].append(read(columns[feature["name"]], feature))
    blocks: dict[str, Any] = {
        kind: np.column_stack(made) if made else np.zeros((n_rows, 0))
        for kind, made in found.items()
    }
    sides = [blocks[kind] for kind in ("number", "date", "category", "string")]
    return {**blocks, "table": np.concatenate(sides, axis=1)}


def numbers_of(column: list[Any], feature: dict[str, Any]) -> Array:
    """Return numbers, NaN where there is none."""
    decimal = feature["format"] or "."
    read = [number_of(cell, decimal) for cell in column]
    return finished(np.array(read, dtype=np.float64), feature["scale"])


def number_of(cell: Any, decimal: str) -> float:
    """Return the number that a cell is, or says."""
    if isinstance(cell, float | int | np.number | np.bool_ | Decimal):
        return NAN if is_missing(cell) else as_float(cell)
    word = spelled(cell)
    number = None if word is None else STRINGS["to_number"](word, decimal)
    return NAN if number is None else number


def dates_of(column: list[Any], feature: dict[str, Any]) -> Array:
    """Return seconds since 1970, NaN where there is no date."""
    read = [second_of(cell, feature["format"] or "iso") for cell in column]
    return finished(np.array(read, dtype=np.float64), feature["scale"])


def second_of(cell: Any, form: str) -> float:
    """Return the seconds of the date that a cell is, or says."""
    if isinstance(cell, date | np.datetime64):
        return NAN if is_missing(cell) else seconds_of(cell)
    word, cells = spelled(cell), STRINGS
    if word is None or word.strip() in cells["MISSING_SPELLINGS"]:
        return NAN
    second = cells["to_seconds"](word, form)
    second = cells["to_seconds"](word, "iso") if second is None else second
    return NAN if second is None else second


def finished(x: Array, scale: float) -> Array:
    """Return numbers of the size that was learned from; infinite ones are missing."""
    x[np.isinf(x)] = NAN
    return np.clip(x / scale, -WIDEST, WIDEST)


def codes_of(column: list[Any], feature: dict[str, Any]) -> Array:
    """Return the number of each level."""
    if "codes" not in feature:
        feature["codes"] = {level: code for code, level in enumerate(feature["levels"])}
    levels = feature["codes"]
    words = words_of(column)
    known: dict[str | None, int] = {}
    known |= {word: code_of(word, levels, feature) for word in set(words) if word is not None}
    return np.array([known.get(word, MISSING) for word in words], dtype=np.float64)


def code_of(word: str, levels: dict[str, int], feature: dict[str, Any]) -> int:
    """Return the number of a level as it is written, or by the number that it says."""
    for written in (word, word.strip()):
        if written in levels:
            return levels[written]
    if word.strip() in STRINGS["MISSING_SPELLINGS"]:
        return MISSING
    number = STRINGS["to_number"](word.strip())
    if "by_number" not in feature:
        feature["by_number"] = by_number(levels)
    return UNSEEN if number is None else feature["by_number"].get(number, UNSEEN)


def by_number(levels: dict[str, int]) -> dict[float, int]:
    """Return the codes of levels that say a number that no other says."""
    found: dict[float, int] = {}
    for level, code in levels.items():
        number = STRINGS["to_number"](level)
        if number is not None:
            found[number] = UNSEEN if number in found else code
    return found


def texts_of(column: list[Any], feature: dict[str, Any]) -> Array:
    """Return texts without blanks around them, None where there is none."""
    texts = np.empty(len(column), dtype=object)
    gone = STRINGS["MISSING_SPELLINGS"]
    stripped = [None if word is None else word.strip() for word in words_of(column)]
    texts[:] = [None if word in gone else word for word in stripped]
    return texts


def words_of(column: list[Any]) -> list[str | None]:
    """Return cells as they would be written; truth values among numbers are numbers."""
    counted = False
    if any(isinstance(cell, bool | np.bool_) for cell in column):
        rest = [c for c in column if not isinstance(c, bool | np.bool_) and not is_missing(c)]
        counted = bool(rest) and all(isinstance(c, numbers.Real | Decimal) for c in rest)
    return [
        str(int(cell)) if counted and isinstance(cell, bool | np.bool_) else spelled(cell)
        for cell in column
    ]


def spelled(cell: Any) -> str | None:
    """Return a cell as it would be written, None where it is missing or nothing that can be."""
    if is_missing(cell) or isinstance(cell, list | tuple | dict | set | complex):
        return None
    for types, spell in SPELLINGS:
        if isinstance(cell, types):
            return str(spell(cell))
    return str(cell)


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    if cell is None or type(cell).__name__ in {"NAType", "NaTType", "MaskedConstant"}:
        return True
    if isinstance(cell, Decimal):
        return cell.is_nan()
    number = isinstance(cell, float | np.floating | np.datetime64 | np.timedelta64)
    return bool(number and cell != cell)  # noqa: PLR0124  # only NaN and NaT differ from themselves


def as_float(cell: Any) -> float:
    """Return a number as a float; one that is too large is infinite."""
    try:
        return float(cell)
    except OverflowError:
        return float("inf") if cell > 0 else float("-inf")


def seconds_of(cell: Any) -> float:
    """Return the seconds of a date since 1970, of a time of day or of a duration."""
    if isinstance(cell, np.datetime64 | np.timedelta64):
        kind = "M" if isinstance(cell, np.datetime64) else "m"
        return float(cell.astype(f"{kind}8[us]").astype(np.int64)) / 1e6
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
    moment = cell if isinstance(cell, datetime) else datetime.combine(cell, time())
    return float(STRINGS["seconds_of"](moment))


SPELLINGS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str),
    ((bool, np.bool_), lambda cell: "True" if cell else "False"),
    ((int, np.integer), int),
    ((date, np.datetime64), lambda cell: STRINGS["write_seconds"](seconds_of(cell))),
    (
        (timedelta, time, np.timedelta64),
        lambda cell: STRINGS["write_number"](seconds_of(cell)),
    ),
    ((numbers.Real, Decimal), lambda cell: STRINGS["write_number"](as_float(cell))),
    (bytes, lambda cell: cell.decode("utf-8", "replace")),
)
"""How cells of some types are written; others as Python writes them."""

READERS = {
    "number": numbers_of,
    "date": dates_of,
    "category": codes_of,
    "string": codes_of,
    "text": texts_of,
}
"""What reads each kind of column."""
