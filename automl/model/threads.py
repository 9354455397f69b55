"""How many threads libraries use while a few rows are asked about, and our own for many rows."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


class OneThread:
    """Lets OpenMP work in the calling thread alone: for a few rows others would only wait.

    A library that walks down each of a thousand trees by all threads has them wait for each other
    a thousand times, and they wait by spinning.

    Attributes
    ----------
    found : list of threadpoolctl.LibController or None
        The OpenMP that were loaded when it was first needed; to look for them takes longer than
        many a prediction.
    """

    def __init__(self) -> None:
        self.found: list[Any] | None = None

    def __call__(self) -> AbstractContextManager[object]:
        """Return what holds it so; the libraries in question are loaded already."""
        if self.found is None:
            try:
                from threadpoolctl import ThreadpoolController
            except ImportError:
                return nullcontext()
            self.found = ThreadpoolController().select(user_api="openmp").lib_controllers
        return _alone(self.found)


@contextmanager
def _alone(libraries: list[Any]) -> Iterator[None]:
    """Hold libraries to one thread; ``ThreadpoolController.limit`` takes several times as long."""
    before = [one.get_num_threads() for one in libraries]
    for one in libraries:
        one.set_num_threads(1)
    try:
        yield
    finally:
        for one, number in zip(libraries, before, strict=True):
            one.set_num_threads(number)


def one_thread() -> AbstractContextManager[object]:
    """Return what holds OpenMP to one thread, having looked for it just now."""
    return OneThread()()


def in_threads(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return what comes of each item, as many at once as there are cores to use.

    ``OMP_NUM_THREADS`` bounds them as it bounds the libraries' own threads.
    """
    from automl.search.cores import cores

    asked = os.environ.get("OMP_NUM_THREADS", "")
    n_threads = min(cores(), int(asked) if asked.isdigit() and int(asked) else cores())
    given = list(items)
    if n_threads == 1 or len(given) == 1:
        return [work(item) for item in given]
    with ThreadPoolExecutor(min(n_threads, len(given)), "automl-predict") as pool:
        futures = [pool.submit(copy_context().run, work, item) for item in given]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
