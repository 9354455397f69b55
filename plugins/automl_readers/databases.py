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
    from collections.abc import Iterable, Iterator, Sequence


ROWS = 65_536
"""Rows of a part."""

Part = dict[str, list[Any]]


def read_sql(source: str) -> Part:
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
    whole: Part = {}
    for part in sql_batches(source):
        for name, cells in part.items():
            whole.setdefault(name, []).extend(cells)
    return whole


def sql_batches(source: str) -> Iterator[Part]:
    """Read the same a part at a time."""
    base, table, query = split_url(source)
    if is_sqlite(base):
        return _of_sqlite(base, table, query)
    return _of_database(base, table, query)


def is_sqlite(base: str) -> bool:
    """Whether the standard library is enough."""
    return base.lower().startswith("sqlite://")


def sqlite_path(base: str) -> Path:
    """Return the file of an SQLite URL."""
    return Path(unquote(base.partition("://")[2].partition("?")[0]).removeprefix("/")).expanduser()


def split_url(source: str) -> tuple[str, str, str]:
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
            f"{safe(source)!r} names {named}.",
            "Add ?table=NAME or ?query=SELECT..., as in sqlite:///shop.db?table=orders.",
        )
    if rest:
        base = f"{base}?{urlencode(rest)}"
    return base, asked.get("table", ""), asked.get("query", "")


def safe(url: str) -> str:
    """Return the URL without its password, for messages."""
    return re.sub(r"(://[^:/@?]*):[^@/?]*@", r"\1:***@", url)


def _of_sqlite(base: str, table: str, query: str) -> Iterator[Part]:
    import sqlite3
    from contextlib import closing

    path = sqlite_path(base)
    if not path.is_file():
        raise no_file(path, str(path))
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
                    raise no_table(table, known)
                query = f"SELECT * FROM {quoted(table)}"  # noqa: S608  # a known table, quoted
            cursor = connection.execute(query)
            labels = [column[0] for column in cursor.description or ()]
            yield from _parts(labels, iter(lambda: cursor.fetchmany(ROWS), []))
    except sqlite3.Error as error:
        raise InputError("E_INPUT_SQL", f"{str(path)!r}: {error}.") from error


def quoted(name: str) -> str:
    """Return a name as SQL takes any."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def sqlalchemy_for(base: str) -> Any:
    """Return SQLAlchemy.

    Raises
    ------
    InputError
        ``E_INPUT_SQL`` where it is not installed.
    """
    try:
        import sqlalchemy
    except ImportError as error:
        raise InputError(
            "E_INPUT_SQL",
            f"{safe(base)!r} needs SQLAlchemy.",
            "pip install sqlalchemy and a driver for the database.",
        ) from error
    return sqlalchemy


def _of_database(base: str, table: str, query: str) -> Iterator[Part]:
    sqlalchemy = sqlalchemy_for(base)
    try:
        database = sqlalchemy.create_engine(base)
        try:
            with database.connect() as connection:
                if table:
                    schema, _, name = table.rpartition(".")
                    known = sqlalchemy.inspect(connection).get_table_names(schema or None)
                    known += sqlalchemy.inspect(connection).get_view_names(schema or None)
                    if name not in known:
                        raise no_table(table, known)
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
                # Without it a driver may fetch all rows before the first one is handed over.
                streamed = connection.execution_options(stream_results=True)
                result = streamed.execute(selected)
                yield from _parts(list(result.keys()), result.partitions(ROWS))
        finally:
            database.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError("E_INPUT_SQL", f"{safe(base)!r}: {error}.") from error


def no_table(table: str, known: Iterable[str]) -> InputError:
    """Return the error for a table that is not there, with the nearest name."""
    tables = sorted(known)
    close = difflib.get_close_matches(table, tables, n=1)
    return InputError(
        "E_INPUT_TABLE",
        f"There is no table {table!r}. Tables: {', '.join(tables[:20]) or 'none'}.",
        f"Did you mean {close[0]!r}?" if close else "",
    )


def _parts(labels: list[str], parts: Iterable[Sequence[Sequence[Any]]]) -> Iterator[Part]:
    """Yield columns for each list of rows, at least once."""
    if not labels:
        raise InputError("E_INPUT_SQL", "The query returns no table.")
    names: dict[str, None] = {}
    for label in labels:
        name, number = label, 2
        while name in names:
            name, number = f"{label}_{number}", number + 1
        names[name] = None
    none = True
    for rows in parts:
        none = False
        yield {name: [row[i] for row in rows] for i, name in enumerate(names)}
    if none:
        yield {name: [] for name in names}
