"""The one clock of a run: what may be spent, what is left."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from automl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable


def wall_time() -> str:
    """Return the time of day in UTC, for people; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may spend; it ends when either limit is reached.

    Parameters
    ----------
    seconds : float or None, default=None
        Wall seconds from the call to the returned predictor.
    trials : int or None, default=None
        Candidates to be tried, beside the constant baseline. With trials alone a run is
        deterministic (docs/run_folder.md).
    memory : int or None, default=None
        Bytes that all workers may hold together; what is free, less a margin, where None. A worker
        that holds more than its part is killed, a candidate that would is not tried.

    Raises
    ------
    InputError
        E_INPUT_BUDGET where seconds and trials are missing or anything is not positive.
    """

    seconds: float | None = None
    trials: int | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.trials is None:
            raise InputError("E_INPUT_BUDGET", "A budget needs seconds, trials or both.")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InputError(
                "E_INPUT_BUDGET", f"The budget is {self.seconds} seconds, expected more than 0."
            )
        if self.trials is not None and self.trials < 0:
            raise InputError(
                "E_INPUT_BUDGET", f"The budget is {self.trials} trials, expected 0 up."
            )
        if self.memory is not None and self.memory <= 0:
            raise InputError(
                "E_INPUT_BUDGET", f"The budget is {self.memory} bytes, expected more than 0."
            )

    @classmethod
    def of(cls, given: float | Budget) -> Budget:
        """Return a budget from seconds or from itself."""
        if isinstance(given, Budget):
            return given
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise InputError(
                "E_INPUT_BUDGET", f"budget={given!r}, expected seconds or automl.Budget(...)."
            )
        return cls(seconds=float(given))


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes, by the finest clock that there is."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Clock:
    """Seconds since a start, on a clock that nobody can set.

    Parameters
    ----------
    seconds : float or None, default=None
        When the time is up; None means never.
    """

    __slots__ = ("_start", "seconds")

    def __init__(self, seconds: float | None = None) -> None:
        self._start = time.monotonic()
        self.seconds = seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def left(self) -> float:
        """Seconds until the time is up; infinite where there is no limit."""
        return math.inf if self.seconds is None else self.seconds - self.elapsed

    @property
    def up(self) -> bool:
        """Whether the time is up."""
        return self.left <= 0
