"""Warnings of foreign code: a worker's log takes them, and in the caller's process nobody."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, Any

from automl.errors import AutoMLWarning

if TYPE_CHECKING:
    from types import TracebackType


class Quiet:
    """Shows no warning but automl's own, and these as they are shown elsewhere.

    Filters belong to the whole process, so all threads share one change of them: the first makes
    it, the last takes it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._change: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._change is None:
                self._change = warnings.catch_warnings()
                self._change.__enter__()
                warnings.filters[:] = _ours()  # type: ignore[index]  # typeshed says Sequence
                warnings.simplefilter("ignore", append=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._change is not None:
                self._change.__exit__(kind, error, traceback)
                self._change = None


QUIET = Quiet()
"""That of this process."""


def _ours() -> list[Any]:
    """Return what the present filters say of automl's own warnings."""
    present: list[tuple[Any, ...]] = [*warnings.filters]
    found = []
    for action, message, given, *at in present:
        # Where a tuple stands for several, Python takes it as `issubclass` does.
        for category in given if isinstance(given, tuple) else (given,):
            if issubclass(category, AutoMLWarning):
                found.append((action, message, category, *at))
            elif issubclass(AutoMLWarning, category):
                found.append((action, message, AutoMLWarning, *at))
    return found
