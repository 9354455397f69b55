"""Files that know their types: Parquet, Arrow, and rows of JSON."""

from __future__ import annotations

import io
import json
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from automl.errors import InputError
from automl_readers.files import encoding_of, is_packed, path_of, stream_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROWS = 65_536
"""Rows of a part."""


def read_parquet(source: str) -> Any:
    """Read a Parquet file, without the index that pandas may have stored."""
    return _whole(source, parquet_batches)


def parquet_batches(source: str) -> Iterator[Any]:
    """Read the same a part at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    with _input(source) as file, parquet.ParquetFile(file) as opened:
        if not opened.metadata.num_rows:
            yield from _tables([opened.schema_arrow.empty_table()])
            return
        parts = opened.iter_batches(batch_size=ROWS)
        yield from _tables(pa.Table.from_batches([one]) for one in parts)


def read_arrow(source: str) -> Any:
    """Read a Feather file, or an Arrow file or stream."""
    return _whole(source, arrow_batches)


def arrow_batches(source: str) -> Iterator[Any]:
    """Read the same a part at a time."""
    import pyarrow as pa
    from pyarrow import feather

    with _input(source) as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"FEA1"):
            yield from _tables([feather.read_table(file)])
            return
        several: Iterable[Any]
        if head == b"ARROW1":
            opened = pa.ipc.open_file(file)
            several = map(opened.get_batch, range(opened.num_record_batches))
        else:
            several = opened = pa.ipc.open_stream(file)
        none = True
        for table in _tables(pa.Table.from_batches([one]) for one in several):
            none = False
            yield table
        if none:
            yield from _tables([opened.schema.empty_table()])


@contextmanager
def _input(source: str) -> Iterator[Any]:
    """Open a file for Arrow, whole where it is packed; what Arrow refuses is named."""
    import pyarrow as pa

    path = path_of(source)
    with ExitStack() as stack:
        if is_packed(source):
            file = pa.BufferReader(stack.enter_context(stream_of(source)).read())
        else:
            file = stack.enter_context(pa.OSFile(str(path)))
        try:
            yield file
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError("E_INPUT_FORMAT", f"Cannot read {source!r}: {error}.") from error


def _tables(tables: Iterable[Any]) -> Iterator[Any]:
    """Yield tables of at most `ROWS` rows, without the index that pandas may have stored."""
    for table in tables:
        index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
        kept = table.drop_columns(index) if index else table
        for start in range(0, max(len(kept), 1), ROWS):
            yield kept.slice(start, ROWS)


def _whole(source: str, batches: Callable[[str], Iterator[Any]]) -> Any:
    import pyarrow as pa

    return pa.concat_tables(batches(source)).unify_dictionaries()


def read_json_lines(source: str) -> dict[str, list[Any]]:
    """Read a file with a JSON object a line, or one JSON array of objects."""
    rows = list(_rows(source))
    return _columns(rows, dict.fromkeys(name for row in rows for name in row))


def json_lines_batches(source: str) -> Iterator[dict[str, list[Any]]]:
    """Read the same a part at a time; it is read twice, since any row may have a new name."""
    names = dict.fromkeys(name for row in _rows(source) for name in row)
    part: list[dict[str, Any]] = []
    for row in _rows(source):
        part.append(row)
        if len(part) == ROWS:
            yield _columns(part, names)
            part = []
    if part:
        yield _columns(part, names)


def _columns(rows: list[dict[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in names}


def _rows(source: str) -> Iterator[dict[str, Any]]:
    encoding = encoding_of(source)
    with (
        stream_of(source) as stream,
        io.TextIOWrapper(stream, encoding, newline="\n") as text,
    ):
        started = False
        for number, line in enumerate(text, 1):
            content = line.lstrip("\ufeff \t\r\n")
            if content.startswith("[") and not started:
                yield from _array(content + text.read(), source)
                return
            if content:
                started = True
                yield _object(content, number, source)


def _array(text: str, source: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError("E_INPUT_FORMAT", f"{source!r} is not JSON: {error}.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise InputError("E_INPUT_FORMAT", f"{source!r} holds no array of objects.")
    found: list[dict[str, Any]] = rows
    return found


def _object(line: str, number: int, source: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(
            "E_INPUT_FORMAT", f"{source!r}, line {number} is not JSON: {error}."
        ) from error
    if not isinstance(row, dict):
        raise InputError("E_INPUT_FORMAT", f"{source!r}, line {number} is no JSON object.")
    return row
