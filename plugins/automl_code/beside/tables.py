"""Reads tables as `schema.json` says: all columns of a kind together, as one matrix."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MISSING, UNSEEN = -1, -2
"""Codes of a missing cell, and of a level that the schema does not have."""

KINDS = ("number", "category", "string", "text", "date")

NOTHING = frozenset(
    {"", "?", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "NaT"}
    | {"null", "NULL", "Null", "None"}
)
"""Cells that say that there is no value."""

WIDEST = 1e30
"""Numbers are cut here, so that they fit a 32-bit float."""

_TRUTHS = {"true": "1", "false": "0"}
_AROUND = re.compile(r"^[$€£¥₹]\s*|\s*[%$€£¥₹]$")


@dataclass(frozen=True)
class Table:
    """Rows, by kind of column.

    Parameters
    ----------
    number, date : ndarray of shape (n_rows, n_columns_of_kind), dtype=float64
        NaN where missing; dates are seconds since 1970.
    category, string : ndarray of shape (n_rows, n_columns_of_kind), dtype=int32
        Codes into the levels of the schema; `MISSING` and `UNSEEN` are negative.
    text : ndarray of shape (n_rows, n_columns_of_kind), dtype=object
        A str or None.
    """

    number: NDArray[Any]
    category: NDArray[Any]
    string: NDArray[Any]
    text: NDArray[Any]
    date: NDArray[Any]

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.number)

    def take(self, rows: NDArray[Any]) -> Table:
        """Return some of the rows."""
        return Table(**{kind: getattr(self, kind)[rows] for kind in KINDS})


class Schema:
    """What the columns are.

    Parameters
    ----------
    columns : sequence of mapping
        Each has ``name``, ``kind``, and where it matters ``levels``, ``scale`` and ``format``. A
        column without ``levels`` is given them by `learn`.
    """

    def __init__(self, columns: Sequence[Mapping[str, Any]]) -> None:
        self.columns = [dict(column) for column in columns]

    @classmethod
    def read(cls, file: Path) -> Schema:
        """Return what a file says."""
        return cls(json.loads(file.read_text(encoding="utf-8"))["columns"])

    def learn(self, frame: pd.DataFrame) -> None:
        """Take the levels of columns that have none yet from a table."""
        for column in self.columns:
            if column["kind"] in {"category", "string"} and not column.get("levels"):
                found = {one for one in spelled(frame[column["name"]]) if one is not None}
                column["levels"] = sorted(found)

    def levels(self, kind: str) -> list[list[str]]:
        """Return the levels of each column of a kind."""
        return [column["levels"] for column in self.columns if column["kind"] == kind]

    def table(self, frame: pd.DataFrame) -> Table:
        """Return the rows of a table."""
        blocks: dict[str, NDArray[Any]] = {}
        for kind, dtype in zip(KINDS, (float, np.int32, np.int32, object, float), strict=True):
            own = [column for column in self.columns if column["kind"] == kind]
            block = np.empty((len(frame), len(own)), dtype=dtype)
            for place, column in enumerate(own):
                block[:, place] = cells_of(frame[column["name"]], column)
            blocks[kind] = block
        return Table(**blocks)


def read_frame(source: str | Path) -> pd.DataFrame:
    """Return the table in a file: CSV, TSV (strings throughout), Parquet or Feather."""
    file = str(source)
    if file.endswith((".parquet", ".pq")):
        return pd.read_parquet(file)
    if file.endswith((".feather", ".arrow")):
        return pd.read_feather(file)
    sign = "\t" if ".tsv" in file else ","
    return pd.read_csv(file, sep=sign, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def cells_of(cells: pd.Series[Any], column: Mapping[str, Any]) -> NDArray[Any]:
    """Return the cells of one column, as its kind holds them."""
    kind = column["kind"]
    if kind == "number":
        said = numbers(cells, comma=column.get("format") == ",")
        with np.errstate(over="ignore"):
            scaled = np.where(np.isinf(said), np.nan, said) / column.get("scale", 1.0)
        return np.asarray(np.clip(scaled, -WIDEST, WIDEST))
    if kind == "date":
        return seconds(cells, column.get("format") or "iso")
    if kind == "text":
        told = [None if one is None else one.strip() for one in spelled(cells)]
        texts = np.empty(len(told), dtype=object)
        texts[:] = [None if one in NOTHING else one for one in told]
        return texts
    return codes(cells, column["levels"])


def numbers(cells: pd.Series[Any], *, comma: bool = False) -> NDArray[np.float64]:
    """Return numbers, NaN where a cell says none: ``1,234.5``, ``$3`` and ``7 %`` are some."""
    if cells.dtype.kind in "biuf":
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    said = np.array([np.nan if one is None else _number(one, comma) for one in spelled(cells)])
    return said.astype(np.float64)


def _number(text: str, comma: bool) -> float:
    bare = _AROUND.sub("", text.strip())
    bare = _TRUTHS.get(bare.lower(), bare)
    bare = re.sub(
        r"(?<=\d)[. '\u00a0\u202f](?=\d{3})" if comma else r"(?<=\d)[, '\u00a0\u202f](?=\d{3})",
        "",
        bare,
    )
    try:
        return float(bare.replace(",", ".") if comma else bare)
    except ValueError:
        return float("nan")


def seconds(cells: pd.Series[Any], form: str) -> NDArray[np.float64]:
    """Return the seconds since 1970 of dates, NaN where a cell says none."""
    if cells.dtype.kind == "M" or isinstance(cells.dtype, pd.DatetimeTZDtype):
        moments = pd.to_datetime(cells, utc=True)
    else:
        texts = pd.Series(spelled(cells), dtype=object)
        how = "ISO8601" if form == "iso" else "mixed"
        moments = pd.to_datetime(
            texts, utc=True, errors="coerce", dayfirst=form == "dmy", format=how
        )
    whole = moments.dt.as_unit("us")
    passed = whole.astype("int64").to_numpy().astype(np.float64) / 1e6
    return np.where(whole.isna().to_numpy(), np.nan, passed)


def spelled(cells: pd.Series[Any]) -> list[str | None]:
    """Return cells as strings, None where missing; a whole number without a point."""
    gone = cells.isna().to_numpy()
    if cells.dtype.kind == "f":
        told = [str(int(v)) if float(v).is_integer() else repr(v) for v in cells.fillna(0).tolist()]
    else:
        told = [str(value) for value in cells.tolist()]
    return [None if missing else text for text, missing in zip(told, gone, strict=True)]


def codes(cells: pd.Series[Any], levels: Sequence[str]) -> NDArray[np.int32]:
    """Return the number of each cell's level; as a number says it, where it is not spelled so."""
    known = {level: code for code, level in enumerate(levels)}
    alike: dict[float, int] = {}
    for code, level in enumerate(levels):
        number = _number(level, comma=False)
        alike[number] = UNSEEN if number in alike else code

    def code_of(text: str | None) -> int:
        if text is None:
            return MISSING
        if text in known or text.strip() in known:
            return known.get(text, known.get(text.strip(), UNSEEN))
        return MISSING if text.strip() in NOTHING else alike.get(_number(text, False), UNSEEN)

    texts = spelled(cells)
    found = {text: code_of(text) for text in set(texts)}
    return np.array([found[text] for text in texts], dtype=np.int32)
