"""What a column of strings is: truth values, numbers, dates, a category, strings, text or a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automl.data import parse
from automl.data.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

READABLE = 0.95
"""Share of cells that must be numbers, or dates, for the column to count as such."""

MAX_CATEGORY = 100
"""A category with more levels than this is a ``STRING``, unless each level has many cells."""

MAX_FULL_CATEGORY = 255
"""With `FULL` cells a level a category may have so many levels."""

FULL = 20
"""Cells a level, on average, that are many."""

MIN_KEYS = 30
"""With fewer cells than this nothing is taken for an identifier."""

REPEATED = 4
"""With so many cells a level, text is worth comparing as a whole as well."""

_MAX_UNREAD = 20
_SAMPLE = 2000
_WORD = re.compile(r"[^\W_]+")
_RUNS = re.compile(r"\d+|[A-Za-z]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-fA-F]{12,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    """Cells as codes and levels, cleaned: blanks stripped, missing spellings missing.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,), dtype=int32
    levels : tuple of str
        Each is used by a cell.
    counts : ndarray of shape (n_levels,), dtype=int64
        Number of cells of each level.
    """

    codes: NDArray[np.int32]
    levels: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def n_cells(self) -> int:
        """Number of cells that are not missing."""
        return int(self.counts.sum())


def clean(codes: NDArray[np.int32], levels: Sequence[str], *, declared: bool = False) -> Strings:
    """Return codes of levels that are used, stripped and merged; -1 where a cell is missing.

    Levels that were declared keep missing spellings such as ``None`` as what they say.
    """
    counted = np.bincount(codes[codes >= 0], minlength=len(levels))
    spellings = frozenset(("",)) if declared else parse.MISSING_SPELLINGS
    stripped = tuple(map(str.strip, levels))
    distinct = set(stripped)
    if len(distinct) == len(levels) and counted.all() and spellings.isdisjoint(distinct):
        return Strings(codes=codes, levels=stripped, counts=counted)
    numbers: dict[str, int] = {}
    lookup = np.full(len(levels) + 1, MISSING, dtype=np.int32)
    for old, level in enumerate(stripped):
        if counted[old] and level not in spellings:
            lookup[old] = numbers.setdefault(level, len(numbers))
    new = lookup[np.where(codes < 0, len(levels), codes)]
    counts = np.bincount(new[new >= 0], minlength=len(numbers))
    return Strings(codes=new, levels=tuple(numbers), counts=counts)


def sort_levels(given: Strings, order: Sequence[str] | None = None) -> Strings:
    """Return the same cells with sorted levels (numbers by value), or in the order given."""
    if order is None:
        order = sorted(given.levels, key=_sort_key)
    numbers = {level: code for code, level in enumerate(order)}
    lookup = np.array([numbers[level] for level in given.levels] + [MISSING], dtype=np.int32)
    counts = np.zeros(len(order), dtype=np.int64)
    counts[lookup[:-1]] = given.counts
    return Strings(codes=lookup[given.codes], levels=tuple(order), counts=counts)


def _sort_key(level: str) -> tuple[int, float, str]:
    number = parse.to_number(level) if level[:1] in "+-.0123456789" else None
    return (1, 0.0, level) if number is None else (0, number, level)


def as_truths(given: Strings) -> NDArray[np.float64] | None:
    """Return the truth value of each level, where all levels are true or false."""
    if not given.levels or len(given.levels) > 4:
        return None
    values = [parse.TRUTHS.get(level.lower()) for level in given.levels]
    return None if None in values else np.array(values, dtype=np.float64)


def as_numbers(given: Strings) -> tuple[NDArray[np.float64], list[int], str] | None:
    """Return the number of each level, the levels that are none, and the decimal mark.

    None where the levels are not numbers: fewer than `READABLE` of the cells are, or some start
    with a zero as codes do.
    """
    sample = given.levels[:: max(1, len(given.levels) // 50)]
    if sum(_is_number(level) for level in sample) * 2 < len(sample):
        return None
    if parse.has_codes(given.levels):
        return None
    decimal = parse.decimal_mark(given.levels)
    numbers, unread = parse.to_numbers(given.levels, decimal)
    return (numbers, unread, decimal) if _readable(given, unread) else None


def _is_number(level: str) -> bool:
    return parse.to_number(level) is not None or parse.to_number(level, ",") is not None


def as_dates(given: Strings) -> tuple[NDArray[np.float64], list[int], str] | None:
    """Return the seconds of each level, the levels that are no dates, and the format."""
    sample = given.levels[:: max(1, len(given.levels) // 50)]
    if not parse.date_format(sample, 0.5):
        return None
    form = parse.date_format(given.levels, READABLE)
    if not form:
        return None
    seconds = [parse.to_seconds(level, form) for level in given.levels]
    unread = [position for position, second in enumerate(seconds) if second is None]
    if not _readable(given, unread):
        return None
    return np.array([np.nan if second is None else second for second in seconds]), unread, form


def _readable(given: Strings, unread: list[int]) -> bool:
    lost = int(given.counts[unread].sum()) if unread else 0
    return len(unread) <= _MAX_UNREAD and lost <= (1 - READABLE) * given.n_cells


def is_key(given: Strings) -> bool:
    """Whether the cells are keys: every cell is another and all are built alike, without words."""
    n_levels = len(given.levels)
    if n_levels < MIN_KEYS or n_levels < given.n_cells:
        return False
    levels = _sampled(given.levels)
    if all(_UUID.fullmatch(level) for level in levels):
        return True
    lengths = {len(level) for level in levels}
    if len(lengths) == 1 and all(_HEX.fullmatch(level) for level in levels):
        return True
    if sum(any(letter.isdigit() for letter in level) for level in levels) < 0.95 * len(levels):
        return False
    if np.mean([sum(letter.isspace() for letter in level) for level in levels]) > 1:
        return False
    shapes = {_RUNS.sub(_shape, level) for level in levels}
    return len(shapes) <= max(3, len(levels) // 50)


def _shape(run: re.Match[str]) -> str:
    return "9" if run[0][0].isdigit() else "a"


def is_text(given: Strings) -> bool:
    """Whether the cells are to be read word by word rather than compared as a whole."""
    n_levels, n_cells = len(given.levels), given.n_cells
    if n_levels < 10:
        return False
    levels = _sampled(given.levels)
    words = float(np.mean([len(_WORD.findall(level)) for level in levels]))
    spread = n_levels / n_cells
    if words >= 4 and spread >= 0.3:
        return True
    return words >= 1.8 and n_levels > MAX_CATEGORY and spread >= 0.03


def is_repeated(given: Strings) -> bool:
    """Whether most levels have enough cells to be learned from as a whole."""
    return given.n_cells >= REPEATED * len(given.levels)


def is_few(given: Strings) -> bool:
    """Whether the levels are few enough to be a category."""
    n_levels = len(given.levels)
    if n_levels <= MAX_CATEGORY:
        return n_levels <= 10 or 2 * n_levels <= given.n_cells
    return n_levels <= MAX_FULL_CATEGORY and FULL * n_levels <= given.n_cells


def _sampled(levels: tuple[str, ...]) -> tuple[str, ...]:
    return levels[:: max(1, len(levels) // _SAMPLE)]
