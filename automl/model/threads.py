"""How many threads libraries use while a few rows are asked about."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def one_thread() -> AbstractContextManager[object]:
    """Let OpenMP work in the calling thread alone: for a few rows others would only wait.

    A library that walks down each of a thousand trees by all threads has them wait for each other
    a thousand times, and they wait by spinning.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="openmp")
    return limits
