"""Read tables from files and databases: CSV, Parquet, Arrow, JSON lines, SQL; write into SQL.

Every file is decided by its first bytes, then by its suffix. CSV is read as strings throughout:
what they say is decided by the same rules as for any other table of strings.
"""

from __future__ import annotations

from functools import partial

from automl.plugin import Reader, hookimpl
from automl_readers.databases import read_sql, sql_batches
from automl_readers.delimited import csv_batches, read_csv
from automl_readers.files import format_of
from automl_readers.into import write_sql
from automl_readers.typed import (
    arrow_batches,
    json_lines_batches,
    parquet_batches,
    read_arrow,
    read_json_lines,
    read_parquet,
)

_READERS = {
    "arrow": (read_arrow, arrow_batches, None),
    "csv": (read_csv, csv_batches, None),
    "json_lines": (read_json_lines, json_lines_batches, None),
    "parquet": (read_parquet, parquet_batches, None),
    "sql": (read_sql, sql_batches, write_sql),
}


def _is(name: str, source: str) -> bool:
    return format_of(source) == name


@hookimpl
def automl_readers() -> list[Reader]:
    """Give the readers; exactly one of them is in charge of any source."""
    return [
        Reader(
            name=name,
            matches=partial(_is, name),
            read=read,
            batches=batches,
            write=write,
            priority=90,
        )
        for name, (read, batches, write) in _READERS.items()
    ]
