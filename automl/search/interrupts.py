"""Ctrl-C and SIGTERM: once to finish with what there is, twice to stop now."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interrupts:
    """Takes signals while a run works, and puts the handlers back afterwards.

    As long as there is nothing to finish with, the first signal raises KeyboardInterrupt where it
    comes. From `may_finish` on it is only noted, and who works looks at `came` between two steps;
    a second one raises.

    Attributes
    ----------
    count : int
        Signals that came.

    Notes
    -----
    Only the handlers that Python starts with are replaced, and only in the main thread: whoever has
    set a handler of their own wants to decide. Within another one's ``with`` it is the same object,
    so that a caller can hear of what its run was told.
    """

    def __init__(self) -> None:
        self.count = 0
        self._may_finish = False
        self._depth = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def came(self) -> bool:
        """Whether the run was asked to end."""
        return self.count > 0

    @property
    def stop_now(self) -> bool:
        """Whether it was asked twice, or has nothing to finish with."""
        return self.count > 1 or (self.came and not self._may_finish)

    def may_finish(self) -> None:
        """Say that from now on there is something to finish with."""
        self._may_finish = True

    def __enter__(self) -> Self:
        self._depth += 1
        if self._depth == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                present = signal.getsignal(number)
                if present in {signal.default_int_handler, signal.SIG_DFL}:
                    self._before[number] = present
                    signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if not self._depth:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        if self.stop_now:
            raise KeyboardInterrupt


def interrupts() -> Interrupts:
    """Return those that are listened to already, or new ones."""
    if threading.current_thread() is threading.main_thread():
        present = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
        if isinstance(present, Interrupts):
            return present
    return Interrupts()
