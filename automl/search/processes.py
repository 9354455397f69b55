"""A child process with all its kin: started, measured and removed together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from automl.search import job_object
from automl.search.budget import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG_BYTES = 1_000_000
"""A worker's log is cut back to half of this when it grows beyond."""

STUCK = 5.0
"""Seconds to wait for a killed process that the system cannot end."""

MARK = "AUTOML_WORKER"
"""Environment variable by which kin of a dead worker are found."""

_BOOT = (
    "import sys, json; start = json.loads(sys.stdin.buffer.readline()); "
    "sys.path[:] = start['path']; from automl.search.worker import main; main(start)"
)

_THREADS = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
)

_UNWANTED = ("PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONPROFILEIMPORTTIME")


class Child:
    """A fresh interpreter that runs `automl.search.worker`, in a session of its own.

    Parameters
    ----------
    start : mapping
        What `automl.search.worker.main` is given, beside ``parent`` and ``socket``.
    log : Path
        File that takes what the child writes; the null device where it cannot be opened.
    threads : int
        Threads that numerical libraries in the child may use.

    Notes
    -----
    On Linux the child dies with the *thread* that made it.
    """

    def __init__(self, start: Mapping[str, Any], *, log: Path, threads: int) -> None:
        self.log = log
        self._mark = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._kin: dict[int, psutil.Process] = {}
        self.socket, theirs = socket.socketpair()
        try:
            with theirs, _append(log) as file:
                self._popen = self._start(theirs, file.fileno(), threads)
                given = theirs.fileno() if os.name == "posix" else self._share(theirs)
                self._tell({**start, "parent": os.getpid(), "socket": given})
        except BaseException:
            self.socket.close()
            raise
        self.pid = self._popen.pid

    @property
    def gone(self) -> bool:
        """Whether the process is dead; its number stays taken until `remove`."""
        if self._popen.returncode is not None:
            return True
        if hasattr(os, "waitid"):
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                return os.waitid(os.P_PID, self.pid, flags) is not None
            except ChildProcessError:
                return True
        return self._popen.poll() is not None

    @property
    def fate(self) -> str:
        """How the process ended, in words; meaningful after `remove`."""
        code = self._popen.returncode
        if code is None:
            return "is running"
        if code < 0:
            try:
                return f"was killed by {signal.Signals(-code).name}"
            except ValueError:
                return f"was killed by signal {-code}"
        return f"ended by itself with exit code {code}"

    def held(self) -> int:
        """Return the bytes of memory that the process and its kin hold, mapped files left out."""
        return _held(self.pid) + sum(_held(pid) for pid in self._look_for_kin())

    def trim_log(self) -> None:
        """Keep the log within its size."""
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES:
                os.truncate(self.log, LOG_BYTES // 2)

    def hang_up(self) -> None:
        """End the talk with the child; whoever waits for it wakes."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def remove(self, grace: float = 0.0) -> None:
        """End the process and all its kin: politely, after ``grace`` seconds by force; once."""
        found_dead = self.gone
        self._look_for_kin()
        if grace > 0 and not found_dead:
            self._signal_all(signal.SIGTERM)
            self._await(grace)
            self._look_for_kin()
        if found_dead:
            self._kin.update((kin.pid, kin) for kin in _marked(self._mark))
        self._signal_all(getattr(signal, "SIGKILL", signal.SIGTERM))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(STUCK)
        self.socket.close()
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        self._job.close()
        self.trim_log()

    def _start(self, theirs: socket.socket, log: int, threads: int) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if k not in _UNWANTED}
        environment |= dict.fromkeys(_THREADS, str(threads))
        environment |= {"PYTHONHASHSEED": "0", MARK: self._mark}
        own: dict[str, Any]
        program = sys.executable
        if os.name == "posix":
            own = {"start_new_session": True, "pass_fds": (theirs.fileno(),)}
        else:
            own = {"creationflags": 0x08000200}  # CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
            program = getattr(sys, "_base_executable", program)
            if program != sys.executable:
                # The program of a virtual environment only starts another one.
                environment["__PYVENV_LAUNCHER__"] = sys.executable
        child = subprocess.Popen(
            [program, "-P", "-c", _BOOT],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            **own,
        )
        self._job = job_object.JobObject(child)
        return child

    def _share(self, theirs: socket.socket) -> str:
        share: bytes = getattr(theirs, "share")(self._popen.pid)  # noqa: B009 - Windows only
        return share.hex()

    def _tell(self, start: Mapping[str, Any]) -> None:
        line = self._popen.stdin
        assert line is not None
        with contextlib.suppress(OSError):
            line.write(json.dumps({**start, "path": _path()}).encode() + b"\n")
            line.flush()
            if sys.platform == "linux":
                # Elsewhere the open pipe is what tells the child that its parent lives.
                line.close()

    def _look_for_kin(self) -> list[int]:
        numbers = _descendants(self.pid)
        for number in numbers:
            if number not in self._kin:
                with contextlib.suppress(psutil.Error):
                    self._kin[number] = psutil.Process(number)
        return numbers

    def _signal_all(self, number: signal.Signals) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        else:
            self._popen.kill()
        for kin in self._kin.values():
            with contextlib.suppress(psutil.Error):
                kin.send_signal(number)

    def _await(self, seconds: float) -> None:
        clock = Clock(seconds)
        while not clock.up:
            if self.gone and not any(kin.is_running() for kin in self._kin.values()):
                return
            time.sleep(0.01)


@contextlib.contextmanager
def _append(log: Path) -> Iterator[Any]:
    try:
        file = open(log, "ab")  # noqa: SIM115 - closed below
    except OSError:
        file = open(os.devnull, "ab")  # noqa: SIM115 - closed below
    with file:
        yield file


def _path() -> list[str]:
    return [str(Path.cwd()) if entry == "" else entry for entry in sys.path]


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        _collect(pid, found)
    except FileNotFoundError:
        with contextlib.suppress(psutil.Error):
            found = [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return found


def _collect(pid: int, found: list[int]) -> None:
    for task in os.listdir(f"/proc/{pid}/task"):
        with (
            contextlib.suppress(ProcessLookupError),
            open(f"/proc/{pid}/task/{task}/children", "rb") as file,
        ):
            for number in map(int, file.read().split()):
                found.append(number)
                _collect(number, found)


def _held(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            text = file.read()
        return 1024 * sum(
            int(line.split()[1])
            for line in text.splitlines()
            if line.startswith((b"RssAnon", b"RssShmem"))
        )
    except (OSError, ValueError):
        if sys.platform == "linux":
            return 0
    with contextlib.suppress(psutil.Error):
        memory = psutil.Process(pid).memory_info()
        return int(getattr(memory, "private", memory.rss))
    return 0


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                found.append(process)
    return found
