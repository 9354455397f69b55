"""Rows that are hard to predict alike: what users do write, and exports forget."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.data.table import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl.data.schema import Feature, Schema

SHARE = 0.3
"""Cells that are made hard, of the rows that are not hard throughout."""

_WORDS = (
    "",
    " ",
    "nan",
    "None",
    "never seen before",
    " padded ",
    "ÅÉÎØÜ ß 日本語 🙂",
    'quoted "words", and; more',
    "two\nlines",
    "=1+1",
    "0",
    "-1.5e3",
    "True",
    "x" * 3000,
)
"""Strings that a column of words may meet."""

_UNREADABLE = ("", " ", "n/a", "abc", "1.2.3", "12 apples", "--", "\uff10")
_SPELLED = (" 7 ", "1,234.5", "1e3", "-0.25", "+4", "$5")
_DATES = (
    "1970-01-01",
    "1899-12-31",
    "2024-02-29",
    "2262-04-12T23:59:59",
    "2021-06-30T23:59:60",
    "2021-03-28T02:30:00+05:45",
    "2021-03-28 02:30:00.123456",
)
_NO_DATES = ("", "soon", "2021-02-30", "31/31/2021", "0000-00-00")


def hard_rows(
    schema: Schema, profile: Mapping[str, Any], sample: list[dict[str, Any]], n_rows: int
) -> dict[str, list[Any]]:
    """Return rows of a sample in which cells were made hard: always the same ones.

    Cells are missing, unseen, out of range, at the ends of what a float holds, odd strings and odd
    dates. A cell has the type that the column had in training (None, bool, int, float or str; a
    date is a string in ISO 8601), except that a column that came as strings, or from a source
    without types, also meets strings that cannot be read.

    Parameters
    ----------
    schema : Schema
    profile : mapping
        As `automl.data.profile.profile` gives it; may be empty.
    sample : list of dict
        Rows to start from; may be empty.
    n_rows : int

    Returns
    -------
    dict of str to list
        The columns that are learned from, in the schema's order. In the first row all are missing.
    """
    rng = np.random.default_rng(0)
    features = {feature.name: feature for feature in schema.features}
    throughout = rng.random(n_rows) < 0.1
    columns: dict[str, list[Any]] = {}
    for name, feature in features.items():
        known = profile.get("columns", {}).get(name, {})
        hard = [None, *_hard_cells(feature, known)]
        usual = [row.get(name) for row in sample] or hard
        takes = (rng.random(n_rows) < SHARE) | throughout
        picks = rng.integers(0, len(hard), n_rows)
        cells = [
            hard[pick] if take else usual[row % len(usual)]
            for row, (take, pick) in enumerate(zip(takes.tolist(), picks.tolist(), strict=True))
        ]
        columns[name] = [None, *cells[1:]]
    return columns


def _hard_cells(feature: Feature, known: Mapping[str, Any]) -> list[Any]:
    typed = feature.form in {"number", "boolean"}
    if feature.form == "boolean":
        return [True, False]
    if feature.kind is Kind.NUMBER:
        return _numbers(feature, known, typed=typed)
    if feature.kind is Kind.DATE:
        return _moments(feature, typed=typed or feature.form == "date")
    if typed:
        numbers = [_number(level) for level in feature.levels[:50]]
        return [one for one in numbers if one is not None] + [0, -7, 123456789.5, 1e300]
    levels = list(feature.levels[:50])
    changed = [one for level in levels[:5] for one in (level.upper(), f" {level} ", level + "?")]
    texts = [" ".join(levels[:200]), "word " * 1000] if feature.kind is Kind.TEXT else []
    return [*levels, *changed, *texts, *_WORDS]


def _numbers(feature: Feature, known: Mapping[str, Any], *, typed: bool) -> list[Any]:
    quantiles = [value for value in known.get("quantiles", ()) if value is not None]
    between = [(a + b) / 2 for a, b in pairwise(quantiles)]
    low = feature.low if feature.low is not None else -1.0
    high = feature.high if feature.high is not None else 1.0
    width = (high - low) or 1.0
    beyond = [low - width / 100, high + width / 100, low - 1000 * width, high + 1000 * width]
    ends = [0, -0.0, 1, -1, 2**53 + 1, 1e-300, -5e-324, 3.5e38, 1e300, -1e300, math.inf, -math.inf]
    near = [float(np.nextafter(np.float32(value), np.float32(math.inf))) for value in quantiles[:4]]
    numbers: list[Any] = [*quantiles, *between, *near, *beyond, *ends]
    numbers = [value for value in numbers if value is not None]
    if feature.format == ",":
        # A number as such would be read with the other decimal mark where it is written down.
        return [repr(value).replace(".", ",") for value in numbers] + list(_UNREADABLE)
    return numbers if typed else [*numbers, *_SPELLED, *_UNREADABLE]


def _moments(feature: Feature, *, typed: bool) -> list[Any]:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    ends = [second for second in (feature.low, feature.high) if second is not None]
    near = [second + shift for second in ends for shift in (-400 * 86_400, -1, 0, 1, 400 * 86_400)]
    spelled = []
    for second in near:
        try:
            spelled.append((start + timedelta(seconds=second)).isoformat())
        except OverflowError:
            continue
    return [*spelled, *_DATES] if typed else [*spelled, *_DATES, *_NO_DATES]


def _number(level: str) -> float | None:
    try:
        return float(level)
    except ValueError:
        return None
