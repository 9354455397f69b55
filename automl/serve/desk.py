"""Where requests wait for a worker: a few at a time, the others are sent away at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from automl.serve.refused import busy

T = TypeVar("T")


class Desk:
    """A bounded queue in front of threads that predict.

    They are daemons, which the threads of an executor are not: a model that hangs must not keep
    the process from ending.

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
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        for number in range(threads):
            Thread(target=self._work, name=f"automl-serve-{number}", daemon=True).start()

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
        """Have a thread do something; what nobody waits for any more is not begun."""
        future: Future[T] = Future()
        self._jobs.put((future, work))
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, work = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
