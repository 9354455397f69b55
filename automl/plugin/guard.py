"""Watching foreign code: what it prints is caught, what it changes globally is named and undone."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Watched:
    """What was seen; filled when the block ends.

    Parameters
    ----------
    changed : tuple of str
        Global state that was changed, in words; it has been put back.
    printed : str
        What was written to the standard streams; it was kept from them.
    seconds : float
        Wall seconds, for messages only.
    """

    changed: tuple[str, ...] = ()
    printed: str = ""
    seconds: float = field(default=0.0)


@contextlib.contextmanager
def watch(*, scrambled: bool = False) -> Iterator[Watched]:
    """Run a block of foreign code, catch what it prints and undo what it changes globally.

    Parameters
    ----------
    scrambled : bool, default=False
        Run the block from random states of its own: else code that seeds them with the seed that
        they had before would not show.
    """
    watched = Watched()
    output = io.StringIO()
    around = {name: read() for name, (read, _) in _STATE.items()}
    if scrambled:
        _scramble()
    before = {name: read() for name, (read, _) in _STATE.items()}
    started = time.perf_counter()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            filters = list(warnings.filters)
            try:
                yield watched
            finally:
                filters_changed = list(warnings.filters) != filters
    finally:
        watched.seconds = time.perf_counter() - started
        watched.printed = output.getvalue()
        watched.changed = _undo(before) + (("the warnings filters",) if filters_changed else ())
        _undo(around)


def _scramble() -> None:
    random.seed(os.getpid())
    if "numpy.random" in sys.modules:
        import numpy as np

        np.random.seed(os.getpid() % 2**32)


def _undo(before: dict[str, Any]) -> tuple[str, ...]:
    changed = []
    for name, (read, write) in _STATE.items():
        if before[name] is not None and read() != before[name]:
            changed.append(name)
            write(before[name])
    return tuple(changed)


def _write_environment(values: dict[str, str]) -> None:
    for name in set(os.environ) - set(values):
        del os.environ[name]
    os.environ.update(values)


def _read_folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _read_logging() -> tuple[int, list[logging.Handler]]:
    return logging.root.level, list(logging.root.handlers)


def _write_logging(state: tuple[int, list[logging.Handler]]) -> None:
    logging.root.setLevel(state[0])
    logging.root.handlers[:] = state[1]


def _read_interrupt() -> Any:
    """Return the handler of Ctrl-C; None where this thread may not change it anyway."""
    here = threading.current_thread() is threading.main_thread()
    return signal.getsignal(signal.SIGINT) if here else None


def _write_interrupt(handler: Any) -> None:
    signal.signal(signal.SIGINT, handler)


def _read_numpy() -> Any:
    """Return NumPy's global random state; None where NumPy is not loaded."""
    if "numpy.random" not in sys.modules:
        return None
    import numpy as np

    state: Any = np.random.get_state()
    return state[0], state[1].tolist(), *state[2:]


def _write_numpy(state: Any) -> None:
    import numpy as np

    np.random.set_state(state)


def _read_seterr() -> Any:
    if "numpy" not in sys.modules:
        return None
    import numpy as np

    return np.geterr()


def _write_seterr(state: Any) -> None:
    import numpy as np

    np.seterr(**state)


_STATE: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "the environment": (lambda: dict(os.environ), _write_environment),
    "the working folder": (_read_folder, os.chdir),
    "the state of random": (random.getstate, random.setstate),
    "the state of numpy.random": (_read_numpy, _write_numpy),
    "numpy.seterr": (_read_seterr, _write_seterr),
    "the root logger": (_read_logging, _write_logging),
    "sys.path": (lambda: list(sys.path), lambda path: sys.path.__setitem__(slice(None), path)),
    "what Ctrl-C does": (_read_interrupt, _write_interrupt),
    "the recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "sys.excepthook": (lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
}
