"""One worker's keeper: starts, feeds, watches, kills and replaces it."""

from __future__ import annotations

import math
import os
import pickle
import queue
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cloudpickle

from automl.search.budget import Clock
from automl.search.channel import Channel
from automl.search.jobs import Crash, Ended, Job
from automl.search.outcome import Reason
from automl.search.processes import Child
from automl.search.worker import crash_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TICK = 0.1
"""Seconds between two looks at a worker that has a job."""

REST = 0.25
"""Seconds between two looks at a worker that has none."""

FAILED_STARTS = 3
"""After so many in a row that did not get as far as a handler, a worker is given up."""

TAIL = 4_000
"""Bytes of a worker's log that describe its death."""


@dataclass(slots=True, eq=False)
class Board:
    """What the pool and its keepers share; the jobs are guarded by `changed`."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: deque[Ended] = field(default_factory=deque)
    argument: bytes = b""
    is_set_up: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)


class _Stop(Exception):  # noqa: N818 - not an error
    """The worker has to be replaced."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = crash


class _Closed(Exception):  # noqa: N818 - not an error
    """The pool is closed."""


class Keeper(threading.Thread):
    """Starts, feeds, watches, kills and replaces one worker.

    It lives as long as the pool, since on Linux a worker dies with the thread that started it.
    """

    def __init__(
        self,
        number: int,
        board: Board,
        start: Mapping[str, Any],
        *,
        log: Path,
        threads: int,
        grace: float,
    ) -> None:
        super().__init__(name=f"automl-worker-{number}", daemon=True)
        self.number = number
        self.job: Job | None = None
        self.ready = False
        self.bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._board = board
        self._start_with = start
        self._log = log
        self._threads = threads
        self._grace = grace
        self._child: Child | None = None
        self._at_work: Clock | None = None
        self._cancelled = False
        self._until_look = Clock(0.0)
        self._log_from = 0
        self._peak = 0

    def run(self) -> None:
        """Keep a worker alive until the pool is closed."""
        failed_starts = 0
        refusal = None
        try:
            while refusal is None:
                try:
                    self._start_child()
                    failed_starts = 0
                    while True:
                        self._serve(self._next_job())
                except _Stop as stop:
                    failed_starts += not self.ready
                    self._replace(stop.crash)
                    if failed_starts == FAILED_STARTS:
                        refusal = stop.crash
                    self._board.closed.wait(0.1 * failed_starts)
            while True:
                self._next_job()
                self._end(crash=refusal)
        except _Closed:
            pass
        finally:
            self._remove(0.0)

    def cancel(self) -> None:
        """End the job; a worker that has it already is killed."""
        if self._at_work is None:
            self._end(crash=interrupted())
        else:
            self._cancelled = True

    def wake(self) -> None:
        """Make the keeper look around at once."""
        self.bell.put(None)
        child = self._child
        if child is not None:
            child.hang_up()

    def _start_child(self) -> None:
        try:
            self._child = Child(self._start_with, log=self._log, threads=self._threads)
        except Exception as error:
            raise _Stop(replace(crash_of(error), reason=Reason.IMPORT)) from error
        self._channel = Channel(self._child.socket, self._watch)
        self._log_from = _size(self._log)
        with self._talking():
            self._channel.receive()
            while not self._board.is_set_up.wait(self._watch()):
                pass
            self._channel.send((), self._board.argument)
            self._channel.receive()
        with self._board.changed:
            self.ready = True

    def _next_job(self) -> Job:
        while True:
            with self._board.changed:
                if self.job is not None:
                    self._at_work = Clock(self.job.limit)
                    return self.job
            with suppress(queue.Empty):
                self.bell.get(timeout=self._watch())

    def _serve(self, job: Job) -> None:
        self._log_from = _size(self._log)
        self._peak = 0
        self._until_look = Clock(TICK)
        try:
            payload = cloudpickle.dumps(job.payload)
        except BaseException as error:
            self._end(crash=crash_of(error))
            return
        with self._talking():
            self._channel.send((job.number,), payload)
            (kind, _, peak, *rest), body = self._channel.receive()
        self._peak = max(self._peak, peak)
        if kind == "crash":
            reason, message, detail = rest
            self._end(crash=Crash(reason=Reason(reason), message=message, detail=detail))
            return
        try:
            result = pickle.loads(body)
        except BaseException as error:
            self._end(crash=crash_of(error))
        else:
            self._end(result=result)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn whatever breaks the talk with the worker into the reason to replace it."""
        try:
            yield
        except (_Stop, _Closed):
            raise
        except Exception as error:
            if self._board.closed.is_set():
                raise _Closed from error
            raise _Stop(self._death()) from error

    def _end(self, *, result: Any = None, crash: Crash | None = None) -> None:
        with self._board.changed:
            if self.job is None:
                return
            self._board.ended.append(
                Ended(
                    number=self.job.number,
                    worker=self.number,
                    result=result,
                    crash=crash,
                    seconds=self._at_work.elapsed if self._at_work is not None else 0.0,
                    peak=self._peak,
                )
            )
            self.job = self._at_work = None
            self._cancelled = False
            self._board.changed.notify_all()

    def _watch(self) -> float:
        """Look after the worker; return the seconds until the next look."""
        if self._board.closed.is_set():
            raise _Closed
        if self._cancelled:
            raise _Stop(interrupted())
        clock = self._at_work
        left = clock.left if clock is not None else math.inf
        if left <= 0 and (left <= -self._grace or not self._channel.arriving):
            raise _Stop(
                Crash(reason=Reason.TIMEOUT, message=f"Killed after {clock.seconds:.3g} s.")
            )
        if self._until_look.up and self._child is not None:
            self._look(self._child)
            self._until_look = Clock(REST if clock is None else TICK)
        return max(min(left, self._until_look.left), 0.001)

    def _look(self, child: Child) -> None:
        child.trim_log()
        if self._at_work is None or self.job is None:
            if child.gone:
                raise _Stop(self._death())
            return
        held = child.held()
        self._peak = max(self._peak, held)
        if self.job.memory is not None and held > self.job.memory:
            message = f"Killed at {held:,} bytes of memory, the limit is {self.job.memory:,}."
            raise _Stop(Crash(reason=Reason.MEMORY, message=message))

    def _death(self) -> Crash:
        child = self._child
        self._remove(0.0)
        fate = "is gone" if child is None else child.fate
        return Crash(
            reason=Reason.KILLED if self.ready else Reason.IMPORT,
            message=f"The worker {fate}." if self.ready else f"The worker {fate} while starting.",
            detail=_tail(self._log, self._log_from),
        )

    def _replace(self, crash: Crash) -> None:
        self._remove(self._grace if crash.reason in (Reason.TIMEOUT, Reason.INTERRUPTED) else 0.0)
        with self._board.changed:
            self.ready = False
            if self._at_work is not None:
                self._end(crash=crash)

    def _remove(self, grace: float) -> None:
        if self._child is not None:
            self._child.remove(grace)
            self._child = None


def interrupted() -> Crash:
    return Crash(reason=Reason.INTERRUPTED, message="Cancelled.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, start: int) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= size else 0, size - TAIL))
            return file.read(TAIL).decode("utf-8", "backslashreplace")
    except OSError:
        return ""
