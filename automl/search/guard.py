"""A small process that ends the workers and all their kin when their maker was killed.

It reads the groups that are alive from a pipe and acts when the pipe is closed. It holds nothing
else, so that no C call, stopped thread or full disk keeps it from acting. This file is also its
main program, and imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

MARK = "AUTOML_WORKER"
"""Environment variable that all kin of a worker carry, by which they are found."""


class Guard:
    """The guard of one pool; it does nothing on Windows, which has job objects.

    Parameters
    ----------
    mark : str
        How the mark of all workers of the pool begins.
    """

    def __init__(self, mark: str) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        if os.name != "posix":
            return
        # Without a guard the workers still die with their maker on Linux, but not their kin.
        with contextlib.suppress(OSError):
            self._child = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-S", __file__, mark],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def watch(self, group: int) -> None:
        """Have a process group ended when this process dies."""
        self._say(f"+{group}\n")

    def leave(self, group: int) -> None:
        """Forget a process group; to be said while its number cannot be taken by another."""
        self._say(f"-{group}\n")

    def close(self) -> None:
        """Send the guard away."""
        with self._lock:
            if self._child is None:
                return
            self._child.kill()
            self._child.wait()
            if self._child.stdin is not None:
                with contextlib.suppress(OSError):
                    self._child.stdin.close()
            self._child = None

    def _say(self, line: str) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._child is not None and self._child.stdin is not None:
                self._child.stdin.write(line.encode())
                self._child.stdin.flush()


def marked(mark: str) -> list[int]:
    """Return the processes that carry a mark which begins so (Linux; elsewhere none)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            entries = b"\0" + (folder / "environ").read_bytes()
            if b"\0" + wanted in entries and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def main() -> None:
    """Wait for the end of the pipe, then end what is alive."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for process in marked(sys.argv[1]):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
