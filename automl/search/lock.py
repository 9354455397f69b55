"""One process at a time on the folder of a run."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from automl.errors import RunError
from automl.search.budget import wall_time

LOCK = "lock"
"""File in a run's folder that its owner holds locked; empty where nobody does."""

FAR = 1 << 30
"""Windows locks bytes for reading, too: one that lies behind the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process that has a run.

    Parameters
    ----------
    pid : int
    host : str
    since : str
        When it took the run.
    born : float
        When the process was started, by the system's clock: numbers of processes are used again.
    """

    pid: int
    host: str
    since: str
    born: float

    @classmethod
    def me(cls) -> Owner:
        """Return this process."""
        return cls(pid=os.getpid(), host=platform.node(), since=wall_time(), born=_born(None))

    @property
    def lives(self) -> bool:
        """Whether the process is there; one of another host is taken to be."""
        if self.host != platform.node():
            return True
        return abs(_born(self.pid) - self.born) < 1.0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class RunLock:
    """The right to write into a run's folder, taken at once or refused.

    Parameters
    ----------
    home : Path

    Raises
    ------
    RunError
        E_RUN_LOCKED where another has it.

    Notes
    -----
    The system holds the lock and lets go of it with the process, however that ends. Where the file
    system knows no locks, the owner that is named in the file has it as long as it lives.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / LOCK
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        self.stale: Owner | None = None
        taken = _lock(self._handle)
        owner = owner_of(home)
        if taken is False or (taken is None and owner is not None and owner.lives):
            os.close(self._handle)
            raise RunError(
                "E_RUN_LOCKED",
                f"The run in {str(home)!r} belongs to {owner or 'another process'}.",
                "Wait until that ends, or name another folder.",
            )
        self.stale = owner
        self._say(json.dumps(asdict(Owner.me())).encode())

    def release(self) -> None:
        """Let go of it."""
        self._say(b"")
        os.close(self._handle)

    def _say(self, text: bytes) -> None:
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text)


def owner_of(home: Path) -> Owner | None:
    """Return who has a run's folder, or had it when the process was killed."""
    try:
        given: Any = json.loads((home / LOCK).read_bytes())
        return Owner(**given)
    except (OSError, ValueError, TypeError):
        return None


def _born(pid: int | None) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _lock(handle: int) -> bool | None:
    """Return whether the lock was got; None where the file system has none."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True
