"""One process and all that it starts: watched, measured, and ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL = 0.5
"""Seconds between two looks at a process tree."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int | None  # None: killed at the limit
    seconds: float
    memory_mb: float  # peak of the sum over the tree, as often as it was looked at


def memory_of() -> str:
    """Return what is summed: proportional set size, or resident where only that is known."""
    return "pss" if hasattr(psutil.Process().memory_full_info(), "pss") else "rss"


def run(
    words: list[str],
    *,
    folder: Path,
    log: Path,
    environment: dict[str, str],
    limit: Callable[[float], float],
) -> Ended:
    """Run a command in a session of its own until it ends or is past its limit.

    Whatever it started is ended with it, on every way out of here.

    Parameters
    ----------
    words : list of str
    folder : Path
        Where it runs.
    log : Path
        Where its output is added.
    environment : dict of str to str
    limit : callable (seconds) -> seconds
        Asked again and again with the seconds since the start; after so many it is killed.
    """
    seen: dict[psutil.Process, None] = {}
    peak = 0.0
    start = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.PIPE,  # held open: its end tells the process that we are gone
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
        try:
            root = psutil.Process(process.pid)
            while True:
                peak = max(peak, _look(root, seen))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=POLL)
                    break
                elapsed = time.perf_counter() - start
                if elapsed > limit(elapsed):
                    return Ended(None, elapsed, peak)
            return Ended(process.returncode, time.perf_counter() - start, peak)
        finally:
            _end(process, seen)


def _look(root: psutil.Process, seen: dict[psutil.Process, None]) -> float:
    """Remember all that runs below a process, and return the memory of the tree in MB."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        for one in (root, *root.children(recursive=True)):
            seen[one] = None
            with contextlib.suppress(psutil.Error):
                try:
                    full = one.memory_full_info()
                    total += getattr(full, "pss", full.rss)
                except psutil.AccessDenied:
                    total += one.memory_info().rss
    return total / 1e6


def _end(process: subprocess.Popen[bytes], seen: dict[psutil.Process, None]) -> None:
    """Kill the process, its session, and what has left it."""
    _look(psutil.Process(process.pid), seen) if process.poll() is None else None
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for one in seen:  # psutil compares start times, so a number used again is not hit
        with contextlib.suppress(psutil.Error):
            one.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()
