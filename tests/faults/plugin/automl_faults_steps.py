"""Lets the n-th step of the durable writes of this process fail, or end the process.

``FAULTS_STEPS`` says so to the workers of a run, too: ``kill:7`` or ``ENOSPC:7``, and
``kill:7:rename`` for the seventh rename.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

from automl import files

KINDS = ("write", "sync", "rename", "commit")


class Switch:
    """Counts steps, and fires at one of them.

    Parameters
    ----------
    how : str
        ``kill``, or a name of `errno` such as ``ENOSPC``.
    at : int
        Number of the step, from 1; later ones fail too where a disk is full, else only this one.
    kind : str, default=""
        Count these steps alone.
    """

    def __init__(self, how: str, at: int, kind: str = "") -> None:
        self.how, self.at, self.kind = how, at, kind
        self.count = 0
        self.fired = False
        self.seen: list[tuple[str, str]] = []

    def __call__(self, kind: str, place: Path) -> None:
        if self.kind in {"", kind}:
            self.count += 1
            self.seen.append((kind, place.name))
            full = self.how == "ENOSPC" and self.count > self.at
            if self.count == self.at or full:
                self.fired = True
                self.fire(place)

    def fire(self, place: Path) -> None:
        if self.how == "kill":
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        number: int = getattr(errno, self.how)
        raise OSError(number, os.strerror(number), str(place))


def obey(order: str) -> Switch:
    """Let an order such as ``"kill:7"`` hold for this process."""
    how, at, kind = (*order.split(":"), "")[:3]
    switch = Switch(how, int(at), kind)
    install(switch)
    return switch


def install(switch: Callable[[str, Path], None] | None) -> None:
    """Have the I/O layer ask before each step; None asks nobody."""
    files._on_step = switch
