"""Databases, through a connection URL."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode

from automl.errors import InputError
from automl_readers.files import no_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
        raise no_file(path, name)
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
