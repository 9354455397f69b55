"""How many threads libraries use while a few rows are asked about."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


class OneThread:
    """Lets OpenMP work in the calling thread alone: for a few rows others would only wait.

    A library that walks down each of a thousand trees by all threads has them wait for each other
    a thousand times, and they wait by spinning.

    Attributes
    ----------
    found : object or None
        What looked for libraries with threads of their own, where it had to; looking takes longer
        than many a prediction.
    """

    def __init__(self) -> None:
        self.found: Any = None

    def __call__(self) -> AbstractContextManager[object]:
        """Return what holds it so; the libraries in question are loaded already."""
        if self.found is None:
            try:
                from threadpoolctl import ThreadpoolController
            except ImportError:
                return nullcontext()
            self.found = ThreadpoolController()
        limits: AbstractContextManager[object] = self.found.limit(limits=1, user_api="openmp")
        return limits


def one_thread() -> AbstractContextManager[object]:
    """Return what holds OpenMP to one thread, having looked for it just now."""
    return OneThread()()
