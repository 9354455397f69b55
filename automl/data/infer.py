"""What each column of the training table is: inferred from the table alone, notes, overridable."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from automl.data import parse, strings
from automl.data.column import EXACT, Form
from automl.data.names import listed
from automl.data.rules import Notes
from automl.data.schema import Dropped, Feature, Schema
from automl.data.table import MISSING, Kind
from automl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automl.data.column import RawColumn
    from automl.data.columns import Columns
    from automl.data.finding import Finding
    from automl.data.frame import Raw
    from automl.data.strings import Strings

LARGE, SMALL = 1e25, 1e-25
"""A column of numbers whose largest is beyond these is divided by a power of ten."""

_ID_NAME = re.compile(
    r"(?i:(?:.*[_\-. ])?(?:id|uuid|guid|index|idx|rownum|rowid|unnamed[: _]*0))"
    r"|.*[a-z](?:Id|ID|Index)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A feature with its training cells in canonical form.

    ``text`` is the same column read word by word, where it is worth reading both ways.
    """

    feature: Feature
    cells: NDArray[np.float64] | Strings
    text: Feature | None = None


class _Drop(Exception):  # noqa: N818  # control flow inside this module, never an error
    """The column is left out."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def infer(raw: Raw, columns: Columns) -> tuple[Schema, tuple[Finding, ...]]:
    """Infer what each column is.

    Parameters
    ----------
    raw : Raw
        The training table without target, group and weight.
    columns : Columns
        What the user says; it overrides what is inferred.

    Returns
    -------
    schema : Schema
    findings : tuple of Finding
        What was found; kinds are said with ``warn=False``.

    Raises
    ------
    DataError
        ``E_DATA_KIND`` where a column cannot be of the kind that the user names.
    """
    columns.check((*raw.names, *(one.name for one in raw.dropped)))
    notes = Notes()
    features: list[Feature] = []
    dropped = list(raw.dropped)
    seen: dict[bytes, str] = {}
    for column in raw.columns:
        try:
            made = _column(column, columns, notes)
            _check_twin(made, columns, seen)
        except _Drop as drop:
            notes.add(drop.code, column.name)
            dropped.append(Dropped(name=column.name, reason=drop.reason))
            continue
        form = "" if raw.untyped else column.form.value
        sign = _sign(made, columns)
        for feature in (made.feature, made.text):
            if feature is not None:
                features.append(replace(feature, form=form, dtype=column.dtype, monotonic=sign))
                notes.add(_kind_code(feature), column.name)
    if not features:
        notes.add("W_DATA_NO_FEATURES", "")
    schema = Schema(
        features=tuple(features),
        dropped=tuple(dropped),
        names=raw.names,
        positional=raw.positional,
    )
    return schema, notes.findings()


def _column(column: RawColumn, columns: Columns, notes: Notes) -> _Made:
    """Infer one column; raises `_Drop` where it is left out."""
    if column.name in columns.ignored:
        raise _Drop("W_DATA_IGNORED", "ignored")
    wanted = columns.kinds.get(column.name, "category" if column.name in columns.ordered else "")
    missing = column.missing
    _check_cells(column, missing, notes)
    if wanted in {"category", "string", "text"} or column.form is Form.STRING:
        if wanted in {"number", "date"}:
            return _forced(column, wanted, notes)
        order = columns.ordered.get(column.name)
        return _strings(column, wanted, order, notes)
    if wanted == "date" and column.form is not Form.DATE:
        return _forced(column, wanted, notes)
    if wanted == "number" and column.form is Form.DATE:
        raise _impossible(column, wanted)
    # Time may count the rows and says something all the same.
    return _numbers(column, wanted or ("number" if column.name == columns.time else ""), notes)


def _sign(made: _Made, columns: Columns) -> int:
    """Return the direction that predictions have to keep, 0 where they are free."""
    sign = columns.monotonic.get(made.feature.name, 0)
    if sign and made.feature.kind is not Kind.NUMBER:
        raise DataError(
            "E_DATA_MONOTONIC",
            f"Column {made.feature.name!r} is to be monotonic, but is no column of numbers: it is "
            f"read as {made.feature.kind.value!r}.",
            "Name a column of numbers, or say Columns(kinds={...: 'number'}).",
        )
    return sign


def _check_cells(column: RawColumn, missing: NDArray[np.bool_], notes: Notes) -> None:
    n_missing = int(np.count_nonzero(missing))
    n_bad = 0 if column.bad is None else int(np.count_nonzero(column.bad))
    if n_bad and 2 * n_bad >= len(missing) - n_missing + n_bad:
        raise _Drop("W_DATA_UNUSABLE", f"cells are {column.reason}")
    if n_missing == len(missing):
        raise _Drop("W_DATA_ALL_MISSING", "every cell is missing")
    if n_bad:
        notes.add("W_DATA_BAD_CELLS", column.name, n_bad)


def _numbers(column: RawColumn, wanted: str, notes: Notes) -> _Made:
    values = column.values
    infinite = np.isinf(values)
    n_infinite = int(np.count_nonzero(infinite))
    if n_infinite:
        notes.add("W_DATA_INFINITE", column.name, n_infinite)
        values = np.where(infinite, np.nan, values)
    present = values[~np.isnan(values)]
    if not len(present):
        raise _Drop("W_DATA_ALL_MISSING", "every cell is missing or infinite")
    low, high = float(present.min()), float(present.max())
    missing = len(present) < len(values)
    if low == high and not missing and not wanted:
        raise _Drop("W_DATA_CONSTANT", "every cell is the same")
    boolean = column.form is Form.BOOLEAN
    kind = Kind.DATE if column.form is Form.DATE else Kind.NUMBER
    scale = 1.0
    if kind is Kind.NUMBER and not boolean:
        if not wanted and _is_key(column.name, values, present):
            raise _Drop("W_DATA_IDENTIFIER", "an identifier or a row number")
        if column.exact is not None or (column.whole and max(abs(low), abs(high)) > EXACT):
            notes.add("W_DATA_PRECISION", column.name)
        scale = _scale(max(abs(low), abs(high)))
        if scale != 1.0:
            notes.add("W_DATA_SCALE", column.name)
    feature = Feature(
        name=column.name,
        kind=kind,
        boolean=boolean,
        missing=missing,
        scale=scale,
        low=low,
        high=high,
    )
    return _Made(feature=feature, cells=values)


def _scale(size: float) -> float:
    if size == 0 or SMALL <= size <= LARGE:
        return 1.0
    return float(10.0 ** min(max(np.floor(np.log10(size)), -300), 300))


def _is_key(name: str, values: NDArray[np.float64], present: NDArray[np.float64]) -> bool:
    """Whether whole numbers, each another, count the rows or are named like a key."""
    if len(present) < strings.MIN_KEYS or len(present) < len(values) or (present % 1).any():
        return False
    if present[0] in {0, 1} and bool((np.diff(present) == 1).all()):
        return True
    return _ID_NAME.fullmatch(name) is not None and len(np.unique(present)) == len(present)


def _strings(column: RawColumn, wanted: str, order: Sequence[str] | None, notes: Notes) -> _Made:
    codes, levels = column.spelled()
    declared = column.declared or order is not None
    cells = strings.clean(codes, levels, declared=declared)
    if not cells.levels:
        raise _Drop("W_DATA_ALL_MISSING", "every cell is missing")
    missing = bool((cells.codes < 0).any())
    if len(cells.levels) == 1 and not missing and not wanted:
        raise _Drop("W_DATA_CONSTANT", "every cell is the same")
    if not wanted and not column.declared:
        found = _read(column, cells, notes)
        if found is not None:
            return found
        if strings.is_key(cells):
            raise _Drop("W_DATA_IDENTIFIER", "an identifier")
    if column.mixed:
        notes.add("W_DATA_MIXED_TYPES", column.name)
    kind = Kind(wanted) if wanted else _kind_of(cells, column)
    text = Feature(name=column.name, kind=Kind.TEXT, missing=missing)
    if kind is Kind.TEXT:
        return _Made(feature=text, cells=cells)
    ordered = order is not None or column.ordered
    cells = _in_order(column, cells, order)
    feature = Feature(
        name=column.name, kind=kind, levels=cells.levels, ordered=ordered, missing=missing
    )
    twofold = kind is Kind.STRING and not wanted and strings.is_text(cells)
    return _Made(feature=feature, cells=cells, text=text if twofold else None)


def _in_order(column: RawColumn, cells: Strings, order: Sequence[str] | None) -> Strings:
    if order is not None:
        levels = [str(level).strip() for level in order]
        unknown = [level for level in cells.levels if level not in set(levels)]
        if unknown or len(set(levels)) < len(levels):
            raise DataError(
                "E_DATA_LEVELS",
                f"Column {column.name!r}: the order given repeats a level or lacks "
                f"{listed(unknown)}.",
                "Name every level once, from lowest to highest.",
            )
        return strings.sort_levels(cells, levels)
    if column.ordered:
        levels = list(dict.fromkeys(level.strip() for level in column.levels if level.strip()))
        return strings.sort_levels(cells, levels)
    return strings.sort_levels(cells)


def _kind_of(cells: Strings, column: RawColumn) -> Kind:
    if column.declared:
        few = column.ordered or len(cells.levels) <= strings.MAX_CATEGORY
        return Kind.CATEGORY if few else Kind.STRING
    if strings.is_text(cells):
        return Kind.STRING if strings.is_repeated(cells) else Kind.TEXT
    return Kind.CATEGORY if strings.is_few(cells) else Kind.STRING


def _read(column: RawColumn, cells: Strings, notes: Notes) -> _Made | None:
    """Return the column read as truth values, numbers or dates, if its strings say such."""
    truths = strings.as_truths(cells)
    if truths is not None:
        return _reread(column, Form.BOOLEAN, truths, cells, notes)
    numbers = strings.as_numbers(cells)
    if numbers is not None:
        notes.add("W_DATA_NUMBERS_AS_STRINGS", column.name)
        return _found(column, Form.NUMBER, numbers, cells, notes)
    dates = strings.as_dates(cells)
    if dates is not None:
        notes.add("W_DATA_DATES_AS_STRINGS", column.name)
        return _found(column, Form.DATE, dates, cells, notes)
    return None


def _forced(column: RawColumn, wanted: str, notes: Notes) -> _Made:
    """Return the column read as the user says, cells that do not fit being missing."""
    codes, levels = column.spelled()
    cells = strings.clean(codes, levels)
    if wanted == "number":
        truths = strings.as_truths(cells)
        if truths is not None:
            return _reread(column, Form.BOOLEAN, truths, cells, notes, wanted)
        decimal = parse.decimal_mark(cells.levels)
        numbers, unread = parse.to_numbers(cells.levels, decimal)
        found, form = (numbers, unread, decimal), Form.NUMBER
    else:
        form_of_date = parse.date_format(cells.levels, 0.0)
        seconds = [parse.to_seconds(level, form_of_date or "iso") for level in cells.levels]
        unread = [position for position, second in enumerate(seconds) if second is None]
        values = np.array([np.nan if second is None else second for second in seconds])
        found, form = (values, unread, form_of_date), Form.DATE
    if len(unread) == len(cells.levels):
        raise _impossible(column, wanted)
    return _found(column, form, found, cells, notes, wanted)


def _found(
    column: RawColumn,
    form: Form,
    found: tuple[NDArray[np.float64], list[int], str],
    cells: Strings,
    notes: Notes,
    wanted: str = "",
) -> _Made:
    values, unread, written = found
    if unread:
        notes.add("W_DATA_UNREAD", column.name, int(cells.counts[unread].sum()))
    made = _reread(column, form, values, cells, notes, wanted)
    if form is Form.NUMBER:
        if written == ",":
            notes.add("W_DATA_DECIMAL_COMMA", column.name)
        return replace(made, feature=replace(made.feature, format="," if written == "," else ""))
    if written == "mdy" and parse.is_ambiguous(cells.levels):
        notes.add("W_DATA_DATE_AMBIGUOUS", column.name)
    return replace(made, feature=replace(made.feature, format=written))


def _reread(
    column: RawColumn,
    form: Form,
    values: NDArray[np.float64],
    cells: Strings,
    notes: Notes,
    wanted: str = "",
) -> _Made:
    spread = np.append(values, np.nan)[cells.codes]
    whole = form is Form.NUMBER and not (values[np.isfinite(values)] % 1).any()
    again = replace(
        column, form=form, values=spread, levels=(), bad=None, mixed=(), exact=None, whole=whole
    )
    return _numbers(again, wanted, notes)


def _impossible(column: RawColumn, wanted: str) -> DataError:
    return DataError(
        "E_DATA_KIND",
        f"Column {column.name!r} ({column.dtype or column.form.value}) cannot be read as "
        f"{wanted!r}: no cell is one.",
        "Name another kind, or leave the column out with Columns(ignored=...).",
    )


def _check_twin(made: _Made, columns: Columns, seen: dict[bytes, str]) -> None:
    name = made.feature.name
    twin = seen.setdefault(_digest(made), name)
    if twin != name and name not in columns.kinds and name not in columns.ordered:
        raise _Drop("W_DATA_DUPLICATE", f"the cells equal those of {twin!r}")


def _digest(made: _Made) -> bytes:
    """Return a fingerprint that equal columns share."""
    feature, cells = made.feature, made.cells
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(cells, np.ndarray):
        digest.update(b"date" if feature.kind is Kind.DATE else b"number")
        # Adding zero makes -0.0 and 0.0 one; NaN has one spelling.
        digest.update(np.where(np.isnan(cells), np.nan, cells + 0.0).tobytes())
        return digest.digest()
    _update(digest, cells)
    return digest.digest()


def _update(digest: hashlib.blake2b, cells: Strings) -> None:
    # First appearances give equal columns equal codes, whatever the order of their levels.
    present = cells.codes[cells.codes >= 0]
    _, first = np.unique(present, return_index=True)
    order = np.argsort(first)
    used = np.unique(present)[order]
    rank = np.full(len(cells.levels) + 1, MISSING, dtype=np.int32)
    rank[used] = np.arange(len(used))
    digest.update(rank[cells.codes].tobytes())
    levels = "\0".join(cells.levels[code] for code in used.tolist())
    digest.update(levels.encode("utf-8", "surrogatepass"))


def _kind_code(feature: Feature) -> str:
    if feature.boolean:
        return "W_DATA_BOOLEAN"
    if feature.ordered:
        return "W_DATA_ORDERED"
    return f"W_DATA_{feature.kind.value.upper()}"
