"""Delimited text: CSV and its relatives."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from automl.errors import InputError
from automl_readers.files import content_of, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DELIMITERS = ",;\t|"
"""Separators that are recognised."""

UNTYPED = b"automl.untyped"
"""Key in the metadata of an Arrow schema: the source has no types, every cell is a string."""

_SNIFF = 65_536


def read_csv(source: str) -> Any:
    """Read a file of delimited text; every cell is a string, an empty one is missing.

    Parameters
    ----------
    source : str
        Path; may be packed with gzip.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InputError
        ``E_INPUT_FILE``, ``E_INPUT_EMPTY``, ``E_INPUT_FORMAT``, ``E_INPUT_ENCODING`` or
        ``E_INPUT_RAGGED``, which names the line.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    text = decoded(content_of(source), source).lstrip("\ufeff")
    delimiter, header = _sniff(text[:_SNIFF])
    names = [f"f{position}" for position in range(len(header))]
    content = text.encode("utf-8", "surrogatepass")

    def parse(block_size: int) -> Any:
        return arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=block_size),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    try:
        try:
            table = parse(2**22)
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
            table = parse(len(content) + 1)
    except pa.ArrowInvalid as error:
        raise _ragged(text, delimiter, len(header), source, error) from error
    if _is_header(header):
        labels = [name.strip() for name in header]
        table = table.slice(1)
    else:
        labels = [f"x{position}" for position in range(len(header))]
    return table.rename_columns(labels).replace_schema_metadata({UNTYPED: b"1"})


def _sniff(sample: str) -> tuple[str, list[str]]:
    """Return the delimiter that cuts the first lines into most even columns, and the first line."""
    best: tuple[float, int, str, list[str]] = (-1.0, 0, ",", [""])
    for delimiter in DELIMITERS:
        rows = [row for row in _rows(sample, delimiter) if row][:100]
        if len(rows) > 2 and len(sample) == _SNIFF:
            rows = rows[:-1]  # cut off by the end of the sample
        width = len(rows[0]) if rows else 0
        even = sum(len(row) == width for row in rows) / max(len(rows), 1)
        if width > 1 and (even, width) > best[:2]:
            best = (even, width, delimiter, rows[0])
    if best[1] > 1:
        return best[2], best[3]
    first = next((row for row in _rows(sample, ",") if row), [""])
    return ",", first


def _rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    except csv.Error:
        return


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line names columns: some cell of it is not a number."""
    return not all(re.fullmatch(r"\s*[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?\s*", cell) for cell in cells)


def _ragged(text: str, delimiter: str, width: int, source: str, error: Exception) -> InputError:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start = 1
    try:
        for row in rows:
            if row and len(row) != width:
                return InputError(
                    "E_INPUT_RAGGED",
                    f"{source!r}, line {start}: {len(row)} cells, expected {width} (delimiter "
                    f"{delimiter!r}).",
                    "Repair the line, or quote cells that hold the delimiter.",
                )
            start = rows.line_num + 1
    except csv.Error as reason:
        return InputError("E_INPUT_RAGGED", f"{source!r}, line {start}: {reason}.")
    return InputError("E_INPUT_RAGGED", f"{source!r} cannot be read as CSV: {error}.")
