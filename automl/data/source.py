"""From whatever names or holds a table to the table itself."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from automl.data.names import shorten
from automl.errors import AutoMLError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


_LONGEST = 65_536
"""A connection URL may hold a long query; a path is shorter everywhere."""


class Reader(Protocol):
    """What reads tables from places that a string names."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def priority(self) -> int:
        """Of two in charge the one with the lower number reads."""

    @property
    def matches(self) -> Callable[[str], bool]:
        """Whether it is in charge of a place."""

    @property
    def read(self) -> Callable[[str], Any]:
        """Read the table."""

    @property
    def batches(self) -> Callable[[str], Iterator[Any]] | None:
        """Read it a part at a time, where it can."""

    @property
    def write(self) -> Callable[[str, Iterator[Mapping[str, Sequence[Any]]]], None] | None:
        """Make a table, where it can."""


R = TypeVar("R", bound=Reader)


def give_back() -> None:
    """Return memory to the system that a reader has let go of; Arrow would keep it for later."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()


def open_source(source: object, readers: Mapping[str, Reader]) -> Any:
    """Read a table where a string or path names it; anything else is the table.

    Parameters
    ----------
    source : str, path or table
    readers : mapping of str to Reader
        Asked by priority, then name; the first that is in charge reads.

    Raises
    ------
    DataError
        ``E_DATA_SOURCE`` where nobody is in charge, or the reader fails.
    """
    if not isinstance(source, str | os.PathLike):
        return source
    place = os.fspath(source)
    reader = reader_of(place, readers)
    with _blamed(reader, place):
        return reader.read(place)


def open_batches(source: str, readers: Mapping[str, Reader]) -> Iterator[Any]:
    """Read a table a part at a time; whole, where its reader knows no parts.

    Parameters
    ----------
    source : str
    readers : mapping of str to Reader

    Yields
    ------
    table
        At least one, all with the same columns.

    Raises
    ------
    DataError
        As `open_source`.
    """
    reader = reader_of(source, readers)
    with _blamed(reader, source):
        if reader.batches is None:
            yield reader.read(source)
        else:
            yield from reader.batches(source)


def reader_of(place: str, readers: Mapping[str, R]) -> R:
    """Return the reader that is in charge of a place.

    Raises
    ------
    DataError
        ``E_DATA_SOURCE`` where nobody is.
    """
    if not place or "\0" in place or len(place) > _LONGEST:
        raise DataError(
            "E_DATA_SOURCE",
            f"{shorten(place)!r} is no path: it is empty, too long or holds a NUL character.",
            "Give the path of a file, or a table.",
        )
    for reader in sorted(readers.values(), key=lambda one: (one.priority, one.name)):
        if reader.matches(place):
            return reader
    if "://" not in place and not Path(place).exists():
        raise DataError("E_DATA_SOURCE", f"There is no file {place!r}.", "Check the path.")
    raise DataError(
        "E_DATA_SOURCE",
        f"No reader is in charge of {place!r}.",
        f"Installed readers: {', '.join(readers) or 'none'}.",
    )


@contextmanager
def _blamed(reader: Reader, place: str) -> Iterator[None]:
    """Say whose an error is, and where it came up."""
    try:
        yield
    except AutoMLError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataError(
            "E_DATA_SOURCE",
            f"Reader {reader.name!r} cannot read {shorten(place, 300)!r}: {reason}.",
            "Check that the file is what its name says.",
        ) from error
