"""The main program of a worker process: makes a handler, calls it once for each job.

It is started by `automl.search.workers` and never runs the caller's main module.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import io
import os
import random
import signal
import socket
import sys
import traceback
import warnings
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.search.channel import LARGEST, Broken, Channel, pack_result, unpack
from automl.search.jobs import Crash
from automl.search.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MESSAGE = 1_000
"""Characters of a message that are kept."""

DETAIL = 20_000
"""Characters of a traceback that are kept."""

LARGE = 1 << 28
"""Bytes that a job held at most from which on it is worth giving memory back."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(start: Mapping[str, Any]) -> None:
    """Serve jobs until the other side is gone.

    Parameters
    ----------
    start : mapping
        ``parent`` (its process number), ``socket`` (a file descriptor, or on Windows the shared
        socket as hexadecimal digits), ``preload`` (modules to import first), ``handler``
        (``"module:Class"``).
    """
    _die_with_parent(start["parent"])
    _settle()
    _offer_to_die()
    channel = Channel(_socket(start["socket"]))
    for name in start["preload"]:
        # The handler will say what it lacks.
        attempt(partial(importlib.import_module, name))
    with suppress(Broken):
        _serve(channel, start["handler"])
    sys.stdout.flush()
    # Threads and exit handlers of foreign code must not keep a worker that nobody listens to.
    os._exit(0)


def find_handler(name: str) -> Callable[[Any], Callable[[Any], Any]]:
    """Return the class that ``"package.module:Class"`` names."""
    module, _, attribute = name.partition(":")
    made: Callable[[Any], Callable[[Any], Any]] = getattr(
        importlib.import_module(module), attribute
    )
    return made


def attempt(
    call: Callable[[], Any], *, passing: type[BaseException] | tuple[()] = ()
) -> tuple[Any, Crash | None]:
    """Return what a call returned, or why it did not; exceptions ``passing`` pass through."""
    try:
        return call(), None
    except passing:
        raise
    except BaseException as error:
        # SystemExit and the like come from foreign code here, and end nothing but its job.
        return None, crash_of(error)


def crash_of(error: BaseException) -> Crash:
    """Describe an exception, whatever it does when it is described."""
    name = type(error).__name__
    try:
        said = str(error)
    except BaseException:
        said = "(it cannot be shown)"
    try:
        lines = traceback.format_exception(error)
        detail = shorten("".join(lines), DETAIL)
    except BaseException:
        detail = ""
    message = shorten(" ".join(f"{name}: {said[: 4 * MESSAGE]}".split()), MESSAGE)
    if isinstance(error, MemoryError):
        reason = Reason.MEMORY
    elif isinstance(error, ImportError):
        reason = Reason.IMPORT
    else:
        reason = Reason.EXCEPTION
    return Crash(reason=reason, message=message.removesuffix(":"), detail=detail)


def shorten(text: str, length: int) -> str:
    """Keep the beginning and the end of a text that is too long, as valid Unicode."""
    if len(text) > length:
        mark = " [...] "
        first = (length - len(mark)) // 4
        text = text[:first] + mark + text[len(text) - (length - len(mark) - first) :]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")[:length]


def _serve(channel: Channel, name: str) -> None:
    made, crash = attempt(lambda: find_handler(name))
    channel.send()
    _, body = channel.receive()
    handler: Any = None
    if crash is None:
        handler, crash = attempt(lambda: made(unpack(body)))
    del body
    if crash is not None:
        crash = replace(crash, reason=Reason.IMPORT)
    # What lives from here on is not searched again by the collections between jobs.
    gc.collect()
    gc.freeze()
    surroundings = _Surroundings()
    channel.send()
    while True:
        (number,), body = channel.receive()
        _reset_peak()
        answer, failed = _answer(handler, body) if crash is None else (b"", crash)
        attempt(surroundings.restore)
        told = None if failed is None else (failed.reason.value, failed.message, failed.detail)
        peak = _peak()
        channel.send(number, peak, told, body=answer)
        del body, answer
        gc.collect()
        if peak > LARGE:
            _give_back()


def _answer(handler: Callable[[Any], Any], body: memoryview) -> tuple[bytes, Crash | None]:
    answer, crash = attempt(lambda: pack_result(handler(unpack(body))))
    if crash is None and len(answer) > LARGEST:
        message = f"The result takes {len(answer):,} bytes, at most {LARGEST:,} can be carried."
        crash = Crash(reason=Reason.EXCEPTION, message=message)
    return (answer, None) if crash is None else (b"", crash)


class _Surroundings:
    """What a job may change in its process, put back before the next one."""

    def __init__(self) -> None:
        self._folder = Path.cwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._depth = sys.getrecursionlimit()
        self._filters = list(warnings.filters)
        self._signals = {number: signal.getsignal(number) for number in _signals()}
        self._random = random.getstate()
        self._numpy = _numpy_state()

    def restore(self) -> None:
        """Put everything back."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, action in self._signals.items():
            if signal.getsignal(number) is not action:
                signal.signal(number, action)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if sys.getrecursionlimit() != self._depth:
            sys.setrecursionlimit(self._depth)
        if sys.path != self._path:
            sys.path[:] = self._path
        if warnings.filters != self._filters:
            warnings.filters[:] = self._filters  # type: ignore[index]  # typeshed says Sequence
            warnings.simplefilter("default", append=True)
        random.setstate(self._random)
        if self._numpy is not None:
            import numpy as np

            errors, state = self._numpy
            np.seterr(**errors)
            np.random.set_state(state)  # noqa: NPY002 - the state that plugins share
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        os.chdir(self._folder)


def _numpy_state() -> tuple[Any, Any] | None:
    np = sys.modules.get("numpy")
    return None if np is None else (np.geterr(), np.random.get_state())


def _signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _settle() -> None:
    """Make the process indifferent to how its parent was started."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    warnings.simplefilter("default")
    faulthandler.enable()


def _socket(given: int | str) -> socket.socket:
    if isinstance(given, int):
        return socket.socket(fileno=given)
    share: Callable[[bytes], socket.socket] = getattr(socket, "fromshare")  # noqa: B009 - Windows
    return share(bytes.fromhex(given))


def _die_with_parent(parent: int) -> None:
    """Bind this process to its parent on Linux, also while a C call holds the interpreter.

    Elsewhere the guard of the pool, or a job object, does what the kernel does here.
    """
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # Grandchildren whose parent is gone stay in this tree, where they can be found.
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _offer_to_die() -> None:
    """Let the kernel take a worker rather than its parent when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_bytes(b"500")


def _give_back() -> None:
    """Return freed memory to the system, which the C library would keep."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_bytes(b"5")


def _peak() -> int:
    """Bytes that this process held at most since the last reset, mapped files left out."""
    with suppress(OSError, KeyError, ValueError):
        text = Path("/proc/self/status").read_bytes()
        fields = dict(line.split(b":", 1) for line in text.splitlines())
        return 1024 * (int(fields[b"VmHWM"].split()[0]) - int(fields[b"RssFile"].split()[0]))
    return 0
