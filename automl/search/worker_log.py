"""The file that takes what a worker writes; it does not grow without end."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1_000_000
"""Bytes of a log beyond which it is cut back to its first half."""

TAIL = 4_000
"""Bytes of a log that describe the death of a worker."""


class WorkerLog:
    """A log that processes append to.

    Parameters
    ----------
    path : Path

    Notes
    -----
    Workers write into the file itself: a pipe would have to be emptied by somebody, and a worker
    that writes in a loop would wait for him or keep him busy. A log that cannot be written is
    none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = 0

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Yield a file descriptor that appends to the log."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            file = os.open(self.path, flags, 0o600)
        except OSError:
            file = os.open(os.devnull, os.O_WRONLY)
        try:
            yield file
        finally:
            os.close(file)

    def mark(self) -> None:
        """Let `tail` begin here."""
        self._mark = self._size()

    def tail(self) -> str:
        """Return the end of what was written since the mark."""
        start = self._mark if self._mark <= self._size() else 0
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(max(start, self._size() - TAIL))
            return file.read(TAIL).decode("utf-8", "backslashreplace")
        return ""

    def trim(self) -> None:
        """Keep the log within its size."""
        with suppress(OSError):
            if self._size() > LARGEST:
                os.truncate(self.path, LARGEST // 2)

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0
