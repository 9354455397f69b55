"""Every rule by which data is repaired, with its code and its sentence (docs/data_rules.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.data.finding import Finding
from automl.data.names import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES: dict[str, tuple[str, bool]] = {
    "W_DATA_NAMES": (
        "Columns whose names were repeated, empty or tuples are called {names}.",
        True,
    ),
    "W_DATA_NAMES_TYPE": ("Names that are not strings are written as such: {names}.", False),
    "W_DATA_INDEX": (
        "Table and target have different indexes; rows were matched by position.",
        True,
    ),
    "W_DATA_TARGET_MISSING": ("{count} rows without a target in {names} were left out.", True),
    "W_DATA_TARGET_INFINITE": (
        "{count} rows with an infinite target in {names} were left out.",
        True,
    ),
    "W_DATA_GROUP_MISSING": (
        "{count} rows without a group in {names} form one group of their own.",
        True,
    ),
    "W_DATA_TIME_MISSING": ("{count} rows without a time in {names} count as the earliest.", True),
    "W_DATA_IGNORED": ("Ignored as asked: {names}.", False),
    "W_DATA_UNUSABLE": (
        "Left out, the cells cannot be used (lists, dicts, complex numbers and the like): {names}.",
        True,
    ),
    "W_DATA_ALL_MISSING": ("Left out, every cell is missing: {names}.", True),
    "W_DATA_CONSTANT": ("Left out, every cell is the same: {names}.", True),
    "W_DATA_DUPLICATE": ("Left out, the cells equal those of an earlier column: {names}.", True),
    "W_DATA_IDENTIFIER": ("Left out, the cells look like keys or row numbers: {names}.", True),
    "W_DATA_BAD_CELLS": ("{count} cells that cannot be used count as missing in {names}.", True),
    "W_DATA_MIXED_TYPES": ("Cells of several types are read as strings in {names}.", True),
    "W_DATA_NUMBERS_AS_STRINGS": ("Strings are read as numbers in {names}.", False),
    "W_DATA_DECIMAL_COMMA": ("Numbers are read with a decimal comma in {names}.", True),
    "W_DATA_DATES_AS_STRINGS": ("Strings are read as dates in {names}.", False),
    "W_DATA_DATE_AMBIGUOUS": (
        "Dates could be read day first as well; the month is taken to be first in {names}.",
        True,
    ),
    "W_DATA_UNREAD": (
        "{count} cells that are not of their column's kind count as missing in {names}.",
        True,
    ),
    "W_DATA_INFINITE": ("{count} infinite cells count as missing in {names}.", True),
    "W_DATA_PRECISION": ("Whole numbers beyond 2**53 lose their last digits in {names}.", True),
    "W_DATA_SCALE": (
        "Numbers of an extreme size are divided by a power of ten in {names}.",
        True,
    ),
    "W_DATA_BOOLEAN": ("Read as truth values: {names}.", False),
    "W_DATA_NUMBER": ("Read as numbers: {names}.", False),
    "W_DATA_DATE": ("Read as dates: {names}.", False),
    "W_DATA_CATEGORY": ("Read as categories: {names}.", False),
    "W_DATA_ORDERED": ("Read as ordered categories: {names}.", False),
    "W_DATA_STRING": ("Read as strings of many levels: {names}.", False),
    "W_DATA_TEXT": ("Read as text: {names}.", False),
    "W_DATA_NO_FEATURES": ("No column is left to learn from.", True),
    "W_DATA_TARGET_CLASSES": (
        "The target {names} holds {count} different numbers: they are taken as classes.",
        False,
    ),
    "W_DATA_TARGET_NUMBER": (
        "The target {names} holds {count} different numbers: a number is predicted.",
        False,
    ),
    "W_DATA_LABELS": (
        "Labels that differ only by blanks, case or accents are kept apart: {names}.",
        True,
    ),
    "W_DATA_ONE_CLASS": ("The target {names} has one value only: there is nothing to learn.", True),
    "W_DATA_FEW_ROWS": ("There are only {count} rows: no score can be trusted.", True),
    "W_DATA_RARE_CLASS": (
        "{count} classes of {names} have fewer than five rows: they stay, their scores say little.",
        True,
    ),
    "W_DATA_IMBALANCE": (
        "Classes of {names} are imbalanced: the rarest has {count} rows, under 5 %.",
        True,
    ),
    "W_DATA_MONOTONIC": (
        "Predictions follow {names} as asked; {count} algorithms cannot promise it, and rest.",
        False,
    ),
    "W_DATA_LEAK": (
        "Too good to be true, one column alone tells the target: {names}; is it known in time?",
        True,
    ),
    "W_SCHEMA_MISSING": ("Columns are not there; their cells count as missing: {names}.", True),
    "W_SCHEMA_EXTRA": ("Columns that were not in the training table are left out: {names}.", True),
    "W_SCHEMA_ORDER": ("Columns came in another order and were put back: {names}.", False),
    "W_SCHEMA_NAMES": ("Columns are taken by position: {names}.", True),
    "W_SCHEMA_TYPE": ("Columns came as another type and were read as before: {names}.", True),
    "W_SCHEMA_UNREAD": ("{count} cells could not be read and count as missing in {names}.", True),
    "W_SCHEMA_INFINITE": ("{count} infinite cells count as missing in {names}.", True),
    "W_SCHEMA_UNSEEN": ("{count} cells hold a category that was not in training in {names}.", True),
    "W_SCHEMA_UNSEEN_STRING": (
        "{count} cells hold a string that was not in training in {names}.",
        False,
    ),
    "W_SCHEMA_RANGE": (
        "{count} cells lie outside the range seen in training in {names}.",
        False,
    ),
    "W_SCHEMA_FAR": (
        "{count} cells lie far outside the range seen in training in {names}; another unit?",
        True,
    ),
}
"""For each code the sentence, and whether it warns rather than being listed only."""


def finding(code: str, names: Sequence[str] = (), count: int = 0) -> Finding:
    """Return what a rule says of some columns."""
    message, warn = RULES[code]
    return Finding(
        code=code,
        message=message.format(names=listed(names), count=count),
        columns=tuple(names),
        count=count,
        warn=warn,
    )


class Notes:
    """What comes up while a table is looked at: one finding a code, columns collected."""

    __slots__ = ("_columns", "_counts")

    def __init__(self) -> None:
        self._columns: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, code: str, name: str, count: int = 1) -> None:
        """Note something about one column."""
        self._columns.setdefault(code, []).append(name)
        self._counts[code] = self._counts.get(code, 0) + count

    def noted(self, code: str) -> tuple[str, ...]:
        """Return the columns of which this was noted."""
        return tuple(self._columns.get(code, ()))

    def findings(self) -> tuple[Finding, ...]:
        """Return what was noted, in the order of the rules."""
        if not self._columns:
            return ()
        return tuple(
            finding(code, [name for name in self._columns[code] if name], self._counts[code])
            for code in RULES
            if code in self._columns
        )
