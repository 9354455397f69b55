"""Files that know their types: Parquet, Arrow, and rows of JSON."""

from __future__ import annotations

import json
import re
from typing import Any

from automl.errors import InputError
from automl_readers.files import content_of, decoded


def read_parquet(source: str) -> Any:
    """Read a Parquet file, without the index that pandas may have stored."""
    from pyarrow import parquet

    return _arrow(source, parquet.read_table)


def read_arrow(source: str) -> Any:
    """Read a Feather file, or an Arrow file or stream."""
    import pyarrow as pa
    from pyarrow import feather

    def read(file: Any) -> Any:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"ARROW1"):
            return pa.ipc.open_file(file).read_all()
        if head.startswith(b"FEA1"):
            return feather.read_table(file)
        return pa.ipc.open_stream(file).read_all()

    return _arrow(source, read)


def _arrow(source: str, read: Any) -> Any:
    import pyarrow as pa

    content = content_of(source)
    try:
        table = read(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError("E_INPUT_FORMAT", f"Cannot read {source!r}: {error}.") from error
    index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    return table.drop_columns(index) if index else table


def read_json_lines(source: str) -> dict[str, list[Any]]:
    """Read a file with a JSON object a line, or one JSON array of objects."""
    text = decoded(content_of(source), source).lstrip("\ufeff \t\r\n")
    rows = _array(text, source) if text.startswith("[") else _objects(text, source)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _array(text: str, source: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError("E_INPUT_FORMAT", f"{source!r} is not JSON: {error}.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise InputError("E_INPUT_FORMAT", f"{source!r} holds no array of objects.")
    found: list[dict[str, Any]] = rows
    return found


def _objects(text: str, source: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(
                "E_INPUT_FORMAT", f"{source!r}, line {number} is not JSON: {error}."
            ) from error
        if not isinstance(row, dict):
            raise InputError("E_INPUT_FORMAT", f"{source!r}, line {number} is no JSON object.")
        rows.append(row)
    return rows
