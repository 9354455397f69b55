"""Where requests wait for a worker: a few at a time, the others are sent away at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from automl.serve.refused import busy

T = TypeVar("T")


class Desk:
    """A bounded queue in front of threads that predict.

    Parameters
    ----------
    places : int
        Requests that may be in hand at once, waiting or worked on.
    threads : int
        Predictions that are made at once.
    """

    def __init__(self, places: int, threads: int) -> None:
        self.places = places
        self.taken = 0
        self._pool = ThreadPoolExecutor(threads, "automl-serve")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; it is taken before the body is read, so that memory is bounded too.

        Raises
        ------
        Refused
            503 where none is free.
        """
        if self.taken >= self.places:
            raise busy("E_SERVE_BUSY", "All places are taken; try again.")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def do(self, work: Callable[[], T]) -> T:
        """Have a thread do something."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Let the threads end when their work is done."""
        self._pool.shutdown(wait=False, cancel_futures=True)
