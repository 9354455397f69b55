"""Write a new table into a database, whole or not at all."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from automl.errors import InputError
from automl_readers.databases import (
    is_sqlite,
    quoted,
    safe,
    split_url,
    sqlalchemy_for,
    sqlite_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Columns = Mapping[str, Sequence[Any]]


def write_sql(place: str, parts: Iterable[Columns]) -> None:
    """Make a table and fill it.

    Parameters
    ----------
    place : str
        A connection URL with ``table=NAME``, as `read_sql` takes it.
    parts : iterable of mappings of str to sequence
        Plain cells; all parts have the same columns. The types follow from the first part.

    Raises
    ------
    InputError
        ``E_INPUT_URL``, ``E_INPUT_TABLE`` where the table is there already, or ``E_INPUT_SQL``.
    """
    base, table, _ = split_url(place)
    if not table:
        raise InputError("E_INPUT_URL", f"{safe(place)!r} names no table to write.")
    if is_sqlite(base):
        _into_sqlite(base, table, parts)
    else:
        _into_database(base, table, parts)


def _into_sqlite(base: str, table: str, parts: Iterable[Columns]) -> None:
    import sqlite3

    path = sqlite_path(base)
    new = not path.exists()
    done = False
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
            if known.fetchone():
                raise _taken(table)
            statement = ""
            for columns in parts:
                if not statement:
                    types = {float: "REAL", int: "INTEGER", bool: "INTEGER"}
                    typed = [
                        f"{quoted(name)} {types.get(_type_of(cells), 'TEXT')}"
                        for name, cells in columns.items()
                    ]
                    connection.execute(f"CREATE TABLE {quoted(table)} ({', '.join(typed)})")
                    marks = ", ".join("?" * len(columns))
                    statement = f"INSERT INTO {quoted(table)} VALUES ({marks})"  # noqa: S608  # quoted
                connection.executemany(statement, _rows(columns))
            connection.execute("COMMIT")
            done = True
    except sqlite3.Error as error:
        raise InputError("E_INPUT_SQL", f"{str(path)!r}: {error}.") from error
    finally:
        if new and not done:
            path.unlink(missing_ok=True)


def _into_database(base: str, table: str, parts: Iterable[Columns]) -> None:
    sqlalchemy = sqlalchemy_for(base)
    try:
        database = sqlalchemy.create_engine(base)
        made: Any = None
        done = False
        try:
            schema, _, name = table.rpartition(".")
            if sqlalchemy.inspect(database).has_table(name, schema=schema or None):
                raise _taken(table)
            with database.begin() as connection:
                for columns in parts:
                    if made is None:
                        made = _declared(sqlalchemy, name, schema, columns)
                        made.create(connection)
                    rows = [dict(zip(columns, row, strict=True)) for row in _rows(columns)]
                    if rows:
                        connection.execute(made.insert(), rows)
            done = True
        finally:
            if made is not None and not done:
                # Not every database takes the making of a table back with the rest.
                made.drop(database, checkfirst=True)
            database.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError("E_INPUT_SQL", f"{safe(base)!r}: {error}.") from error


def _declared(sqlalchemy: Any, name: str, schema: str, columns: Columns) -> Any:
    types = {float: sqlalchemy.Double, int: sqlalchemy.BigInteger, bool: sqlalchemy.Boolean}
    typed = [
        sqlalchemy.Column(name, types.get(_type_of(cells), sqlalchemy.Text))
        for name, cells in columns.items()
    ]
    return sqlalchemy.Table(name, sqlalchemy.MetaData(), *typed, schema=schema or None)


def _rows(columns: Columns) -> Iterator[tuple[Any, ...]]:
    return zip(*(map(_plain, cells) for cells in columns.values()), strict=True)


def _plain(cell: Any) -> Any:
    """Return a cell as every database takes it."""
    return cell if isinstance(cell, str | int | float | None) else str(cell)


def _type_of(cells: Sequence[Any]) -> type:
    """Return the one type of the cells that are not missing, str where there are several."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int, float}:
        return float
    return kinds.pop() if len(kinds) == 1 else str


def _taken(table: str) -> InputError:
    return InputError(
        "E_INPUT_TABLE", f"There is a table {table!r} already.", "Name another, or drop it first."
    )
