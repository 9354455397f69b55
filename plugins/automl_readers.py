"""Read tables from files and databases: CSV, Parquet, Arrow, JSON lines, SQL.

Every source is decided by its first bytes, then by its suffix. CSV is read as strings throughout:
what they say is decided by the same rules as for any other table of strings.
"""

from __future__ import annotations

import contextlib
import csv
import difflib
import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from automl.errors import InputError
from automl.plugin import Reader, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DELIMITERS = ",;\t|"
"""Separators that are recognised."""

UNTYPED = b"automl.untyped"
"""Key in the metadata of an Arrow schema: the source has no types, every cell is a string."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+://")
_SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json_lines",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".data": "csv",
}
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"FEA1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
}
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel file",
    b"\xd0\xcf\x11\xe0": "an Excel file",
    b"%PDF": "a PDF",
    b"SQLite format 3\x00": "an SQLite database (use sqlite:///FILE?table=NAME)",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x04\x95": "a pickle",
}
_GZIP = b"\x1f\x8b"
_SNIFF = 65_536
_HEAD = 16


def _path(source: str) -> Path:
    if source.startswith("file://"):
        source = unquote(urlsplit(source).path)
    return Path(source).expanduser()


def _format(source: str) -> str:
    """Return the name of the reader in charge, or an empty string."""
    if _URL.match(source) and not source.startswith("file://"):
        scheme = source.split("://", 1)[0].lower()
        return "" if scheme in {"http", "https", "ftp", "s3", "gs"} else "sql"
    path = _path(source)
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    named = _SUFFIXES.get(suffixes[-1], "") if suffixes else ""
    try:
        head = _head(path, _HEAD)
    except OSError:
        return named or "csv"
    for magic, found in _MAGIC.items():
        if head.startswith(magic):
            return found
    if named:
        return named
    return "json_lines" if head.lstrip()[:1] == b"{" else "csv"


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        head = file.read(size)
        if not head.startswith(_GZIP):
            return head
        file.seek(0)
        try:
            with gzip.open(file) as unpacked:
                return unpacked.read(size)
        except (OSError, EOFError, zlib.error):
            return head


def _bytes(source: str) -> bytes:
    """Return the content of a file, unpacked; every way to fail is named."""
    path = _path(source)
    if path.is_dir():
        raise InputError("E_INPUT_FILE", f"{source!r} is a folder.", "Name a file in it.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _no_file(path, source) from None
    except OSError as error:
        raise InputError("E_INPUT_FILE", f"Cannot read {source!r}: {error}.") from error
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                "E_INPUT_FILE", f"{source!r} is a damaged gzip file: {error}."
            ) from error
    if not content.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise InputError("E_INPUT_EMPTY", f"{source!r} is empty ({len(content)} bytes).")
    for magic, kind in _FOREIGN.items():
        if content.startswith(magic):
            raise InputError(
                "E_INPUT_FORMAT",
                f"{source!r} is {kind}.",
                "Readable are CSV, Parquet, Arrow/Feather and JSON lines files.",
            )
    return content


def _no_file(path: Path, source: str) -> InputError:
    siblings: list[str] = []
    with contextlib.suppress(OSError):
        siblings = [one.name for one in path.parent.iterdir() if one.is_file()]
    close = difflib.get_close_matches(path.name, siblings, n=1)
    return InputError(
        "E_INPUT_FILE",
        f"There is no file {source!r}.",
        f"Did you mean {str(path.parent / close[0])!r}?" if close else "",
    )


def _text(content: bytes, source: str) -> str:
    """Decode: by the byte order mark, else as UTF-8, else as Windows-1252 or Latin-1."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[1:2] == b"\x00":
        encodings = ["utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("E_INPUT_ENCODING", f"{source!r} is not text in {encodings[0]}.")


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

    text = _text(_bytes(source), source).lstrip("\ufeff")
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

    content = _bytes(source)
    try:
        table = read(pa.BufferReader(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError("E_INPUT_FORMAT", f"Cannot read {source!r}: {error}.") from error
    index = [name for name in table.column_names if re.fullmatch(r"__index_level_\d+__", name)]
    return table.drop_columns(index) if index else table


def read_json_lines(source: str) -> dict[str, list[Any]]:
    """Read a file with a JSON object a line, or one JSON array of objects."""
    text = _text(_bytes(source), source).lstrip("\ufeff \t\r\n")
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


def read_sql(source: str) -> dict[str, list[Any]]:
    """Read a table, or what a query returns, from a database.

    Parameters
    ----------
    source : str
        A connection URL as SQLAlchemy writes it, with ``table=NAME`` or ``query=SELECT ...``
        (percent-encoded) added to its query string: ``sqlite:///shop.db?table=orders``. SQLite is
        opened read-only with the standard library; other databases need SQLAlchemy and a driver.

    Returns
    -------
    dict of str to list

    Raises
    ------
    InputError
        ``E_INPUT_URL`` where the URL names neither or both, ``E_INPUT_FILE``, ``E_INPUT_TABLE`` or
        ``E_INPUT_SQL`` for what the database refuses.
    """
    base, table, query = _split_url(source)
    if base.lower().startswith("sqlite://"):
        return _read_sqlite(base, table, query)
    return _read_database(base, table, query)


def _split_url(source: str) -> tuple[str, str, str]:
    """Return the connection URL, the table and the query."""
    base, _, tail = source.partition("?")
    asked: dict[str, str] = {}
    rest = []
    for name, value in parse_qsl(tail, keep_blank_values=True):
        if name in {"table", "query"}:
            asked[name] = value
        else:
            rest.append((name, value))
    if len(asked) != 1 or not next(iter(asked.values())):
        named = "both a table and a query" if len(asked) > 1 else "no table"
        raise InputError(
            "E_INPUT_URL",
            f"{_safe(source)!r} names {named}.",
            "Add ?table=NAME or ?query=SELECT..., as in sqlite:///shop.db?table=orders.",
        )
    if rest:
        base = f"{base}?{urlencode(rest)}"
    return base, asked.get("table", ""), asked.get("query", "")


def _safe(url: str) -> str:
    """Return the URL without its password, for messages."""
    return re.sub(r"(://[^:/@?]*):[^@/?]*@", r"\1:***@", url)


def _read_sqlite(base: str, table: str, query: str) -> dict[str, list[Any]]:
    import sqlite3
    from contextlib import closing

    name = unquote(base.partition("://")[2].partition("?")[0]).removeprefix("/")
    path = Path(name).expanduser()
    if not path.is_file():
        raise _no_file(path, name)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if table:
                known = [
                    row[0]
                    for row in connection.execute(
                        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
                    )
                ]
                if table not in known:
                    raise _no_table(table, known)
                quoted = table.replace('"', '""')
                query = f'SELECT * FROM "{quoted}"'  # noqa: S608  # a known table, quoted
            cursor = connection.execute(query)
            labels = [column[0] for column in cursor.description or ()]
            return _columns(labels, cursor.fetchall())
    except sqlite3.Error as error:
        raise InputError("E_INPUT_SQL", f"{name!r}: {error}.") from error


def _read_database(base: str, table: str, query: str) -> dict[str, list[Any]]:
    try:
        import sqlalchemy
    except ImportError as error:
        raise InputError(
            "E_INPUT_SQL",
            f"Reading {_safe(base)!r} needs SQLAlchemy.",
            "pip install sqlalchemy and a driver for the database.",
        ) from error
    try:
        database = sqlalchemy.create_engine(base)
        try:
            with database.connect() as connection:
                if table:
                    schema, _, name = table.rpartition(".")
                    known = sqlalchemy.inspect(connection).get_table_names(schema or None)
                    known += sqlalchemy.inspect(connection).get_view_names(schema or None)
                    if name not in known:
                        raise _no_table(table, known)
                    selected: Any = sqlalchemy.select(
                        sqlalchemy.Table(
                            name,
                            sqlalchemy.MetaData(),
                            autoload_with=connection,
                            schema=schema or None,
                        )
                    )
                else:
                    selected = sqlalchemy.text(query)
                result = connection.execute(selected)
                return _columns(list(result.keys()), result.fetchall())
        finally:
            database.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError("E_INPUT_SQL", f"{_safe(base)!r}: {error}.") from error


def _no_table(table: str, known: Iterable[str]) -> InputError:
    tables = sorted(known)
    close = difflib.get_close_matches(table, tables, n=1)
    return InputError(
        "E_INPUT_TABLE",
        f"There is no table {table!r}. Tables: {', '.join(tables[:20]) or 'none'}.",
        f"Did you mean {close[0]!r}?" if close else "",
    )


def _columns(labels: list[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    if not labels:
        raise InputError("E_INPUT_SQL", "The query returns no table.")
    columns: dict[str, list[Any]] = {}
    for position, label in enumerate(labels):
        name, number = label, 2
        while name in columns:
            name, number = f"{label}_{number}", number + 1
        columns[name] = [row[position] for row in rows]
    return columns


@hookimpl
def automl_readers() -> list[Reader]:
    """Give the readers; exactly one of them is in charge of any source."""
    readers = {
        "csv": read_csv,
        "parquet": read_parquet,
        "arrow": read_arrow,
        "json_lines": read_json_lines,
        "sql": read_sql,
    }
    return [
        Reader(
            name=name,
            matches=lambda source, name=name: _format(source) == name,  # type: ignore[misc]  # bound now
            read=read,
        )
        for name, read in readers.items()
    ]
