"""Long-lived workers that can be killed: a pool of processes, and the same in this process."""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from automl.search.budget import Clock
from automl.search.channel import pack
from automl.search.guard import Guard
from automl.search.jobs import Crash, Ended, Job, Pool
from automl.search.keeper import Board, Keeper, Terms, interrupted
from automl.search.outcome import Reason
from automl.search.quiet import QUIET
from automl.search.worker import attempt, find_handler
from automl.search.worker_log import WorkerLog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["Crash", "Ended", "Job", "Pool", "ProcessPool", "SamePool"]

LATER: Any = object()
"""Stands for an argument that `set_up` brings later."""

START_LIMIT = 120.0
"""Seconds after which a worker that is not ready counts as one that hangs."""


class ProcessPool:
    """Workers in processes of their own, which are killed when they go too far and replaced.

    Parameters
    ----------
    size : int
        Number of workers.
    handler : str
        ``"package.module:Class"``. Each worker makes ``Class(argument)`` once and calls it with
        the payload of each job.
    argument : object, optional
        What the handler is made with; cloudpickle must be able to carry it. Left out, the workers
        start and import, and `set_up` brings it.
    log_folder : Path
        Takes ``worker-<number>.log`` with what a worker writes, at most about 1 MB each.
    threads : int, default=1
        Threads that numerical libraries in one worker may use.
    preload : sequence of str, default=()
        Modules to import before the handler is made; one that fails to import is left.
    start_limit : float, default=120.0
        Seconds that a worker may take for its imports, and again for making the handler.
    at_rest : int or None, default=None
        A worker that holds more bytes of memory than this after a job is replaced.

    Notes
    -----
    The pool is there at once; its workers start in the background. They are fresh interpreters
    (no fork, and the main module of the caller is not run again), they do not get the signals of
    the caller's terminal, and they die with the caller. All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        size: int,
        handler: str,
        argument: Any = LATER,
        log_folder: Path,
        threads: int = 1,
        preload: Sequence[str] = (),
        start_limit: float = START_LIMIT,
        at_rest: int | None = None,
    ) -> None:
        self.size = size
        self._board = Board()
        mark = f"{os.getpid()}-{os.urandom(8).hex()}"
        guard = Guard(mark)
        terms = Terms(
            start={"handler": handler, "preload": list(preload)},
            threads=threads,
            start_limit=start_limit,
            at_rest=at_rest,
            mark=mark,
        )
        self._keepers = [
            Keeper(
                number,
                self._board,
                guard=guard,
                log=WorkerLog(log_folder.absolute() / f"worker-{number}.log"),
                terms=terms,
            )
            for number in range(size)
        ]
        self._finalizer = weakref.finalize(
            self, _close, self._board, self._keepers, guard, os.getpid()
        )
        for keeper in self._keepers:
            keeper.start()
        if argument is not LATER:
            self.set_up(argument)

    def set_up(self, argument: Any) -> None:
        """Hand over what each handler is made with.

        Raises
        ------
        Exception
            Whatever cloudpickle raises where it cannot carry the argument.
        """
        self._board.argument = pack(argument)
        self._board.is_set_up.set()

    def idle(self) -> tuple[int, ...]:
        """Return the workers without a job: those that are ready first, then those starting."""
        with self._board.changed:
            if self._board.closed.is_set():
                return ()
            free = [keeper for keeper in self._keepers if keeper.job is None]
            return tuple(k.number for k in sorted(free, key=lambda k: (not k.ready, k.number)))

    def submit(self, job: Job, worker: int | None = None) -> None:
        """Give a job to an idle worker; one that is still starting takes it when it is ready.

        Raises
        ------
        ValueError
            If the worker is not idle, or the pool is closed.
        """
        with self._board.changed:
            idle = self.idle()
            if not idle or (worker is not None and worker not in idle):
                raise ValueError(f"No idle worker for job {job.number} (asked for: {worker}).")
            keeper = self._keepers[idle[0] if worker is None else worker]
            keeper.job = job
        keeper.wake()

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Return the jobs that ended.

        Parameters
        ----------
        timeout : float or None, default=None
            Seconds to wait for one to end; None waits as long as any job is in work.
        """
        clock = Clock(timeout)
        board = self._board
        with board.changed:
            while (
                not board.ended
                and not clock.up
                and any(keeper.job is not None for keeper in self._keepers)
            ):
                # In short turns, since Windows does not interrupt a wait.
                board.changed.wait(min(clock.left, 1.0))
            ended = list(board.ended)
            board.ended.clear()
            return ended

    def cancel(self, number: int) -> None:
        """Kill the worker of a job, which then ends as ``interrupted``."""
        with self._board.changed:
            for keeper in self._keepers:
                if keeper.job is not None and keeper.job.number == number:
                    keeper.cancel()

    def close(self) -> None:
        """End all workers and forget their jobs; returns when nothing of them is left."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SamePool:
    """One worker that is the caller itself: for debugging; nothing can be limited or killed.

    Parameters
    ----------
    handler : str
        ``"package.module:Class"``, as for `ProcessPool`.
    argument : object, optional
        What the handler is made with; left out, `set_up` brings it.

    Notes
    -----
    A job runs inside `wait`. KeyboardInterrupt passes through; any other exception is a crash.
    Warnings of foreign code are not shown: elsewhere they are in a worker's log.
    """

    size = 1

    def __init__(self, handler: str, argument: Any = LATER) -> None:
        self._name = handler
        self._argument = argument
        self._made: tuple[Any, Crash | None] | None = None
        self._job: Job | None = None
        self._cancelled = False

    def set_up(self, argument: Any) -> None:
        """Hand over what the handler is made with."""
        self._argument = argument

    def idle(self) -> tuple[int, ...]:
        """Return ``(0,)`` where no job waits."""
        return (0,) if self._job is None else ()

    def submit(self, job: Job, worker: int | None = None) -> None:
        """Keep a job for `wait`."""
        if self._job is not None or worker not in (None, 0):
            raise ValueError(f"No idle worker for job {job.number} (asked for: {worker}).")
        self._job, self._cancelled = job, False

    def wait(self, timeout: float | None = None) -> list[Ended]:  # noqa: ARG002 - see Pool
        """Run the job that waits."""
        job, self._job = self._job, None
        if job is None:
            return []
        if self._cancelled:
            return [Ended(number=job.number, worker=0, crash=interrupted())]
        clock = Clock()
        result = None
        with QUIET:
            if self._made is None:
                self._made = attempt(lambda: find_handler(self._name)(self._argument))
            handler, crash = self._made
            if crash is not None:
                crash = replace(crash, reason=Reason.IMPORT)
            else:
                result, crash = attempt(lambda: handler(job.payload), passing=KeyboardInterrupt)
        return [
            Ended(number=job.number, worker=0, result=result, crash=crash, seconds=clock.elapsed)
        ]

    def cancel(self, number: int) -> None:
        """Let a job that waits end as ``interrupted``."""
        self._cancelled = self._job is not None and self._job.number == number

    def close(self) -> None:
        """Forget the handler and the job that waits."""
        self._made = self._job = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _close(board: Board, keepers: list[Keeper], guard: Guard, owner: int) -> None:
    # A fork of the owner has a copy of the pool, and no say in it.
    if os.getpid() != owner:
        return
    with board.changed:
        board.closed.set()
        board.ended.clear()
        for keeper in keepers:
            keeper.job = None
        board.changed.notify_all()
    board.is_set_up.set()
    for keeper in keepers:
        keeper.wake()
    # The garbage collector may call this in a keeper, for which the others may be waiting.
    if threading.current_thread() not in keepers:
        for keeper in keepers:
            keeper.join()
    guard.close()
