"""Messages between a pool and one of its workers, over a socket that only those two hold."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = struct.Struct("!IQ")

LARGEST = 1 << 30
"""Bytes of the largest message that is accepted."""


class Channel:
    """A message is a head (a tuple of plain values) and a body (bytes).

    Parameters
    ----------
    sock : socket
        Connected; closed by `close`.
    watch : callable () -> float, optional
        Called whenever nothing moves; returns the seconds after which to call it again, or raises
        to give up.

    Notes
    -----
    `send` and `receive` raise ConnectionError or EOFError when the other side is gone.
    """

    def __init__(self, sock: socket.socket, watch: Callable[[], float] | None = None) -> None:
        self._sock = sock
        self._watch = watch
        self._begun = False

    @property
    def arriving(self) -> bool:
        """Whether a message is on its way: a part was read, or can be read."""
        if self._begun:
            return True
        self._sock.settimeout(0)
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def send(self, head: tuple[Any, ...], body: bytes = b"") -> None:
        """Send a message."""
        packed = pickle.dumps(head)
        start = _SIZES.pack(len(packed), len(body)) + packed
        for part in (memoryview(start), memoryview(body)):
            sent = 0
            while sent < len(part):
                sent += self._patiently(self._sock.send, part[sent : sent + (1 << 20)])

    def receive(self) -> tuple[tuple[Any, ...], memoryview]:
        """Wait for a message and return its head and body."""
        try:
            head_size, body_size = _SIZES.unpack(self._read(_SIZES.size))
            if head_size > LARGEST or body_size > LARGEST:
                raise EOFError(f"a message of {body_size} bytes is too large")
            head: tuple[Any, ...] = pickle.loads(self._read(head_size))
            return head, self._read(body_size)
        finally:
            self._begun = False

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def _read(self, size: int) -> memoryview:
        buffer = memoryview(bytearray(size))
        done = 0
        while done < size:
            count = self._patiently(self._sock.recv_into, buffer[done:])
            if count == 0:
                raise EOFError("the other side is gone")
            self._begun = True
            done += count
        return buffer

    def _patiently(self, move: Callable[[memoryview], int], data: memoryview) -> int:
        while True:
            if self._watch is not None:
                self._sock.settimeout(self._watch())
            try:
                return move(data)
            except TimeoutError:
                continue
