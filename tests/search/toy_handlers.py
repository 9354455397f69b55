"""Handlers that need nothing but the standard library."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys


class Toy:
    """Calls ``payload(argument)`` where the payload is callable, returns it otherwise."""

    def __init__(self, argument):
        self.argument = argument() if callable(argument) else argument

    def __call__(self, payload):
        return payload(self.argument) if callable(payload) else payload


class DiesAtStart:
    """Cannot be made: kills its process."""

    def __init__(self, argument):
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(3)


def hold_interpreter(seconds):
    """Sleep in C without giving the interpreter away."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def leave_kin(_):
    """Leave a child, one in a session of its own, and one without a parent; return them."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    first = subprocess.Popen(sleep)
    second = subprocess.Popen(sleep, start_new_session=True)
    code = (
        f"import subprocess; "
        f"print(subprocess.Popen({sleep!r}, start_new_session=True, stdout=-3).pid)"
    )
    third = subprocess.check_output([sys.executable, "-c", code], text=True)
    return [first.pid, second.pid, int(third)]
