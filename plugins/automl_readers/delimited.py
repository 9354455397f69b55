"""Delimited text: CSV and its relatives."""

from __future__ import annotations

import csv
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from automl.errors import InputError
from automl_readers.files import encoding_of, is_packed, path_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DELIMITERS = ",;\t|"
"""Separators that are recognised."""

UNTYPED = b"automl.untyped"
"""Key in the metadata of an Arrow schema: the source has no types, every cell is a string."""

_SNIFF = 65_536

_BLOCK = 2**22
"""Bytes of a part; a row that is longer makes it larger."""

_LARGEST = 2**31 - 1


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

    return pa.concat_tables(csv_batches(source))


def csv_batches(source: str) -> Iterator[Any]:
    """Read the same a part at a time."""
    import pyarrow as pa

    encoding = encoding_of(source)
    with stream_of(source) as stream, _text(stream, encoding) as text:
        delimiter, header = _sniff(text.read(_SNIFF).lstrip("\ufeff"))
    named = _is_header(header)
    labels = [name.strip() if named else f"x{i}" for i, name in enumerate(header)]
    # Rows to leave out: the header, and after a new start those that were given already.
    skip, block = int(named), _BLOCK
    while True:
        seen = 0
        try:
            for table in _parsed(source, encoding, delimiter, len(header), block):
                new = table.slice(max(skip - seen, 0))
                seen += len(table)
                if len(new) or seen == 1:
                    skip = max(skip, seen)
                    yield new.rename_columns(labels).replace_schema_metadata({UNTYPED: b"1"})
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error) or block == _LARGEST:
                raise _ragged(source, encoding, delimiter, len(header), error) from error
            block = min(8 * block, _LARGEST)
        else:
            return


def _parsed(source: str, encoding: str, delimiter: str, width: int, block: int) -> Iterator[Any]:
    """Yield tables of strings, the header among them."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [f"f{position}" for position in range(width)]
    with (
        _arrow_stream(source) as stream,
        arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=names,
                block_size=block,
                # Arrow skips the byte order mark of UTF-8 itself.
                encoding="utf8" if encoding == "utf-8-sig" else encoding,
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        ) as reader,
    ):
        for batch in reader:
            yield pa.Table.from_batches([batch])


@contextmanager
def _arrow_stream(source: str) -> Iterator[Any]:
    """Open a file for Arrow, unpacked.

    Arrow's threads may let go of a Python file as the process ends, which aborts it
    (apache/arrow#34314): so they get none.
    """
    import pyarrow as pa

    try:
        with pa.OSFile(str(path_of(source))) as file:
            yield pa.CompressedInputStream(file, "gzip") if is_packed(source) else file
    except OSError as error:
        raise InputError("E_INPUT_FILE", f"Cannot read {source!r}: {error}.") from error


def _text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(stream, encoding, newline="")


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


def _ragged(source: str, encoding: str, delimiter: str, width: int, error: Exception) -> InputError:
    start = 1
    try:
        with stream_of(source) as stream, _text(stream, encoding) as text:
            rows = csv.reader(text, delimiter=delimiter)
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
