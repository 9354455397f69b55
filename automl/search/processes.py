"""A child process with all its kin: started, measured and removed together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.search.budget import Clock
from automl.search.guard import MARK, marked
from automl.search.job_object import JobObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psutil

STUCK = 5.0
"""Seconds to wait for a killed process that the system cannot end."""

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

_CREATE_NEW_PROCESS_GROUP = 0x00000200
_CREATE_NO_WINDOW = 0x08000000


_KERNEL_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()


class Child:
    """A fresh interpreter that runs `automl.search.worker`, in a session of its own.

    Parameters
    ----------
    start : mapping
        What `automl.search.worker.main` is given, beside ``parent`` and ``socket``.
    output : int
        File descriptor that takes what the child writes.
    threads : int
        Threads that numerical libraries in the child may use.
    mark : str
        By which kin of the child are found when it is dead.

    Notes
    -----
    On Linux the child dies with the *thread* that made it.
    """

    def __init__(self, start: Mapping[str, Any], *, output: int, threads: int, mark: str) -> None:
        self._mark = mark
        self._kin: dict[int, psutil.Process] = {}
        self.socket, theirs = socket.socketpair()
        try:
            with theirs:
                self._popen = _open(theirs, output, _environment(threads, mark))
                self._job = JobObject(self._popen)
                _tell(self._popen, {**start, "parent": os.getpid()}, theirs)
        except BaseException:
            self.socket.close()
            raise
        self.pid = self._popen.pid

    @property
    def gone(self) -> bool:
        """Whether the process is dead; its number stays taken until `remove`."""
        if self._popen.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return self._popen.poll() is not None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    @property
    def fate(self) -> str:
        """How the process ended, in words; known after `remove`."""
        code = self._popen.returncode
        if code is None:
            return "cannot be ended"
        if code >= 0:
            return f"ended by itself with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
        return f"was killed by signal {-code}"

    def held(self, *, exact: bool = False) -> int:
        """Return the bytes of memory that the process and its kin hold, mapped files left out.

        Parameters
        ----------
        exact : bool, default=False
            Count what several processes share only once, which takes longer (Linux).
        """
        return sum(_held(pid, exact=exact) for pid in (self.pid, *self._look_for_kin()))

    def hang_up(self) -> None:
        """End the talk with the child; whoever waits for it wakes."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def ends(self, seconds: float) -> bool:
        """Wait until the process is dead; return whether it is."""
        clock, pause = Clock(seconds), threading.Event()
        while not self.gone:
            if clock.up:
                return False
            pause.wait(0.002)
        return True

    def remove(self, grace: float = 0.0) -> None:
        """End the process and all its kin: politely, after ``grace`` seconds by force."""
        alone = self.gone
        self._look_for_kin()
        if grace > 0 and not alone:
            self._signal(signal.SIGTERM)
            self.ends(grace)
        self._look_for_kin(marked(self._mark) if alone else ())
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(STUCK)
        self._job.close()
        self.socket.close()

    def _look_for_kin(self, more: list[int] | tuple[()] = ()) -> list[int]:
        numbers = [*_descendants(self.pid), *more]
        for number in numbers:
            if number not in self._kin:
                import psutil

                with contextlib.suppress(psutil.Error):
                    self._kin[number] = psutil.Process(number)
        return numbers

    def _signal(self, number: signal.Signals) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        else:
            self._popen.kill()
        for kin in self._kin.values():
            import psutil

            # psutil makes sure that the number was not taken by another process meanwhile.
            with contextlib.suppress(psutil.Error):
                kin.send_signal(number)


def _environment(threads: int, mark: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    # The order of sets must not differ from run to run.
    own = dict.fromkeys(_THREADS, str(threads)) | {"PYTHONHASHSEED": "0", MARK: mark}
    return kept | own


def _open(
    theirs: socket.socket, output: int, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    own: dict[str, Any]
    program = sys.executable
    if os.name == "posix":
        own = {"start_new_session": True, "pass_fds": (theirs.fileno(),)}
    else:
        own = {"creationflags": _CREATE_NEW_PROCESS_GROUP | _CREATE_NO_WINDOW}
        program = getattr(sys, "_base_executable", program)
        if program != sys.executable:
            # The program of a virtual environment on Windows only starts another one.
            environment["__PYVENV_LAUNCHER__"] = sys.executable
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [program, "-P", "-c", _BOOT],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=environment,
        **own,
    )


def _tell(child: subprocess.Popen[bytes], start: Mapping[str, Any], theirs: socket.socket) -> None:
    if os.name == "posix":
        given: int | str = theirs.fileno()
    else:
        share: bytes = getattr(theirs, "share")(child.pid)  # noqa: B009 - Windows only
        given = share.hex()
    path = [str(Path.cwd()) if entry == "" else entry for entry in sys.path]
    line = json.dumps({**start, "socket": given, "path": path}).encode()
    # A child that is dead already shows when it is talked to.
    with contextlib.suppress(OSError):
        if child.stdin is not None:
            with child.stdin:
                child.stdin.write(line + b"\n")


def _descendants(pid: int) -> list[int]:
    if _KERNEL_LISTS_CHILDREN:
        found: list[int] = []
        _collect(pid, found)
        return found
    import psutil

    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def _collect(pid: int, found: list[int]) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for number in map(int, (task / "children").read_bytes().split()):
                found.append(number)
                _collect(number, found)


def _held(pid: int, *, exact: bool) -> int:
    file, fields = "status", (b"RssAnon", b"RssShmem")
    if exact:
        file, fields = "smaps_rollup", (b"Pss_Anon", b"Pss_Shmem")
    try:
        text = Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return 0 if sys.platform == "linux" else _held_elsewhere(pid)
    lines = text.splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(fields))


def _held_elsewhere(pid: int) -> int:
    import psutil

    with contextlib.suppress(psutil.Error):
        memory = psutil.Process(pid).memory_info()
        return int(getattr(memory, "private", memory.rss))
    return 0
