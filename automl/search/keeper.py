"""One worker's keeper: starts, feeds, watches, kills and replaces it."""

from __future__ import annotations

import math
import queue
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from automl.search.budget import Clock
from automl.search.channel import Broken, Channel, pack, unpack
from automl.search.jobs import Crash, Ended, Job
from automl.search.outcome import Reason
from automl.search.processes import Child
from automl.search.worker import attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl.search.guard import Guard
    from automl.search.worker_log import WorkerLog

TICK = 0.1
"""Seconds between two looks at a worker that has a job."""

REST = 0.25
"""Seconds between two looks at a worker that has none."""

IMPORT_LIMIT = 30.0
"""Seconds for the imports that only save time later; a start that fails by them is done without."""

FAILED_STARTS = 3
"""After so many in a row that did not get as far as a handler, a worker is given up."""

GRACE = 0.2
"""Seconds between the polite and the forced end of a worker, or for a late result to arrive."""

POLITE = (Reason.TIMEOUT, Reason.INTERRUPTED)
"""Reasons that leave a worker the time to tidy up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How workers are run.

    Parameters
    ----------
    start : mapping
        What `automl.search.worker.main` is told.
    threads : int
    start_limit : float
        Seconds that the imports may take, and then the making of the handler.
    at_rest : int or None
        Bytes of memory beyond which a worker is replaced after a job.
    mark : str
        How the mark of all workers of the pool begins.
    """

    start: Mapping[str, Any]
    threads: int
    start_limit: float
    at_rest: int | None
    mark: str


class Board:
    """What a pool and its keepers share; the jobs of all keepers are guarded by `changed`."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ended: deque[Ended] = deque()
        self.argument = b""
        self.is_set_up = threading.Event()
        self.closed = threading.Event()


class Closed(Exception):  # noqa: N818 - not an error
    """The pool is closed."""


class _Stop(Exception):  # noqa: N818 - not an error
    """The worker has to be replaced."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = crash


class Keeper(threading.Thread):
    """Keeps one worker running until the pool is closed.

    It lives as long as the pool, since on Linux a worker dies with the thread that started it.

    Parameters
    ----------
    number : int
        Number of the worker.
    board : Board
    guard : Guard
    log : WorkerLog
    terms : Terms
    """

    def __init__(
        self, number: int, board: Board, *, guard: Guard, log: WorkerLog, terms: Terms
    ) -> None:
        super().__init__(name=f"automl-worker-{number}", daemon=True)
        self.number = number
        self.job: Job | None = None
        self.ready = False
        self._board = board
        self._guard = guard
        self._log = log
        self._terms = terms
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._child: Child | None = None
        self._at_work: Clock | None = None
        self._starting = Clock()
        self._overtime: Clock | None = None
        self._cancelled = False
        self._preloads = bool(terms.start.get("preload"))
        self._until_look = Clock(0.0)
        self._peak = 0

    def run(self) -> None:
        """Serve jobs until the pool is closed."""
        with suppress(Closed):
            # Whatever goes wrong here, no caller may wait for a job without end.
            given_up, mistake = attempt(self._keep, passing=Closed)
            while True:
                self._next_job()
                self._end(crash=given_up or mistake)
        self._remove(None)

    def wake(self) -> None:
        """Make the keeper look around at once; it does not wait for the worker any more."""
        self._bell.put(None)
        child = self._child
        if child is not None and self._board.closed.is_set():
            child.hang_up()

    def cancel(self) -> None:
        """End the job; a worker that has it already is killed."""
        if self._at_work is None:
            self._end(crash=interrupted())
        else:
            self._cancelled = True

    def _keep(self) -> Crash:
        """Serve jobs, and return why no worker can be started."""
        failed_starts = 0
        while True:
            try:
                self._start_child()
                failed_starts = 0
                while True:
                    self._serve(self._next_job())
            except (_Stop, Broken) as stop:
                if self.ready or not self._preloads:
                    failed_starts += not self.ready
                else:
                    # A library of one plugin must not take the workers from all others.
                    self._preloads = False
                crash = self._remove(stop)
                if failed_starts == FAILED_STARTS:
                    return crash
                self._board.closed.wait(0.1 * failed_starts)

    def _start_child(self) -> None:
        self._watch()
        self._log.mark()
        terms = self._terms
        start = dict(terms.start)
        limit = terms.start_limit
        if self._preloads:
            limit = min(limit, IMPORT_LIMIT)
        else:
            start["preload"] = []
        mark = f"{terms.mark}:{self.number};"
        with self._log.opened() as output:
            child, crash = attempt(
                lambda: Child(start, output=output, threads=terms.threads, mark=mark)
            )
        if crash is not None:
            raise _Stop(replace(crash, reason=Reason.IMPORT))
        self._child = child
        self._guard.watch(child.pid)
        self._channel = Channel(child.socket, self._watch)
        self._starting = Clock(limit)
        self._channel.receive()
        self._starting = Clock()
        while not self._board.is_set_up.wait(self._watch()):
            pass
        self._starting = Clock(terms.start_limit)
        self._channel.send(body=self._board.argument)
        self._channel.receive()
        self._starting = Clock()
        with self._board.changed:
            self.ready = True

    def _next_job(self) -> Job:
        while True:
            with self._board.changed:
                if self.job is not None:
                    self._at_work = Clock(self.job.limit)
                    return self.job
            with suppress(queue.Empty):
                self._bell.get(timeout=self._watch())

    def _serve(self, job: Job) -> None:
        self._log.mark()
        self._peak = 0
        self._until_look = Clock(TICK)
        payload, crash = attempt(lambda: pack(job.payload))
        if crash is not None:
            self._end(crash=crash)
            return
        self._channel.send(job.number, body=payload)
        head, body = self._channel.receive()
        peak, crash = _understand(head)
        self._peak = max(self._peak, peak)
        result = None
        if crash is None:
            result, crash = attempt(lambda: unpack(body))
        self._end(result=result, crash=crash)
        limit, child = self._terms.at_rest, self._child
        if limit is not None and child is not None and child.held() > limit:
            raise _Stop(Crash(reason=Reason.MEMORY, message="The worker did not give memory back."))

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
            self.job = self._at_work = self._overtime = None
            self._cancelled = False
            self._board.changed.notify_all()

    def _watch(self) -> float:
        """Look after the worker; return the seconds until the next look."""
        if self._board.closed.is_set():
            raise Closed
        if self._cancelled:
            raise _Stop(interrupted())
        if self._starting.up:
            message = f"The worker did not start in {self._starting.seconds:.3g} seconds."
            raise _Stop(Crash(reason=Reason.IMPORT, message=message))
        job, clock = self.job, self._at_work
        left = math.inf if clock is None else clock.left
        if left <= 0:
            # A result that is on its way gets a moment to arrive.
            self._overtime = self._overtime or Clock(GRACE)
            if self._overtime.up or not self._channel.arriving:
                limit = 0.0 if job is None or job.limit is None else job.limit
                message = f"Killed after {limit:.3g} seconds."
                raise _Stop(Crash(reason=Reason.TIMEOUT, message=message))
        if self._until_look.up and self._child is not None:
            self._log.trim()
            # A fork of the worker that it left behind would keep the channel open.
            if self._child.gone and not self._channel.readable:
                raise Broken("The worker is gone.")
            if clock is not None and job is not None:
                held = _weigh(self._child, job.memory)
                self._peak = max(self._peak, held)
                if job.memory is not None and held > job.memory:
                    message = f"Killed at {held:,} bytes of memory, the limit is {job.memory:,}."
                    raise _Stop(Crash(reason=Reason.MEMORY, message=message))
            self._until_look = Clock(REST if clock is None else TICK)
        return max(min(left, self._until_look.left), 0.001)

    def _remove(self, cause: _Stop | Broken | None) -> Crash:
        """Remove the worker with its job, and return why."""
        crash = cause.crash if isinstance(cause, _Stop) else None
        fate = "is gone"
        self._starting = Clock()
        child, self._child = self._child, None
        if child is not None:
            self._guard.leave(child.pid)
            hung_up = isinstance(cause, Broken) and not child.ends(GRACE)
            polite = crash is None or crash.reason in POLITE
            child.remove(GRACE if polite else 0.0)
            fate = "closed its channel" if hung_up else child.fate
        self._log.trim()
        if crash is None and self.ready:
            crash = Crash(reason=Reason.KILLED, message=f"The worker {fate}.")
        elif crash is None:
            crash = Crash(reason=Reason.IMPORT, message=f"The worker {fate} while it started.")
        crash = replace(crash, detail=crash.detail or self._log.tail())
        with self._board.changed:
            self.ready = False
            if self._at_work is not None:
                self._end(crash=crash)
        return crash


def _weigh(child: Child, limit: int | None) -> int:
    """Return the memory that a worker and its kin hold, exactly where it matters."""
    held = child.held()
    return held if limit is None or held <= limit else child.held(exact=True)


def _understand(head: list[Any]) -> tuple[int, Crash | None]:
    """Return the peak, and the crash where there is one."""
    try:
        _, peak, told = head
        if told is None:
            return int(peak), None
        reason, message, detail = map(str, told)
        return int(peak), Crash(reason=Reason(reason), message=message, detail=detail)
    except (ValueError, TypeError) as error:
        raise Broken("What came is no answer.") from error


def interrupted() -> Crash:
    """Return what a job ends with that was cancelled."""
    return Crash(reason=Reason.INTERRUPTED, message="Cancelled.")
