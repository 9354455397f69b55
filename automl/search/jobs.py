"""What is handed to a pool of workers, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

    from automl.search.outcome import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work.

    Parameters
    ----------
    number : int
        Unique within the pool.
    payload : object
        What the handler is called with; cloudpickle must be able to carry it.
    limit : float or None, default=None
        Seconds from the moment a worker has it until it is killed; None means never.
    memory : int or None, default=None
        Bytes of resident memory of the worker's process tree above which it is killed.
    """

    number: int
    payload: Any
    limit: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """Why a job has no result.

    Parameters
    ----------
    reason : Reason
        ``exception`` (the handler raised, or its result cannot be carried), ``timeout``,
        ``memory`` (over the limit, or a MemoryError), ``import`` (an ImportError, or the handler
        could not be made), ``killed`` (the process died), ``interrupted`` (cancelled).
    message : str
        The first cause, in one line of at most 1,000 characters.
    detail : str, default=""
        The traceback, or the end of what the worker wrote; at most 20,000 characters.
    """

    reason: Reason
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that is over.

    Parameters
    ----------
    number : int
        Number of the job.
    worker : int
        Number of the worker that had it.
    result : object, default=None
        What the handler returned.
    crash : Crash or None, default=None
        Set where there is no result.
    seconds : float, default=0.0
        Wall seconds that a worker had it.
    peak : int, default=0
        Most bytes of memory that the worker's process tree held meanwhile.
    """

    number: int
    worker: int
    result: Any = None
    crash: Crash | None = None
    seconds: float = 0.0
    peak: int = 0


class Pool(Protocol):
    """Workers that take one job each at a time."""

    @property
    def size(self) -> int:
        """Number of workers; they are numbered from 0."""

    def set_up(self, argument: Any) -> None:
        """Hand over what each handler is made with, once."""

    def idle(self) -> tuple[int, ...]:
        """Return the workers without a job: those that are ready first, then those starting."""

    def submit(self, job: Job, worker: int | None = None) -> None:
        """Give a job to an idle worker, by default the first of `idle`."""

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Return the jobs that ended, at once when there are some or none is in work."""

    def cancel(self, number: int) -> None:
        """Stop a job, which then ends as ``interrupted``; nothing happens if it is over."""

    def close(self) -> None:
        """End all workers and forget their jobs."""

    def __enter__(self) -> Self:
        """Return the pool itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the pool."""
