"""Messages between a pool and one of its workers, over a socket that only those two hold."""

from __future__ import annotations

import json
import pickle
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = struct.Struct("!IQ")

_CHUNK = 1 << 20

LARGEST = 1 << 30
"""Bytes of the largest message that is accepted."""


class Broken(ConnectionError):  # noqa: N818 - nobody's error, workers die
    """The other side is gone, or does not speak as agreed."""


class Channel:
    """A message is a head (a list of JSON values) and a body (bytes).

    Parameters
    ----------
    sock : socket
        Connected; the caller closes it.
    watch : callable () -> float, optional
        Called whenever nothing moves; returns the seconds after which to call it again, or raises
        to give up.
    """

    def __init__(self, sock: socket.socket, watch: Callable[[], float] | None = None) -> None:
        self._sock = sock
        self._watch = watch
        self._begun = False

    @property
    def arriving(self) -> bool:
        """Whether a message is on its way: a part was read, or can be read."""
        return self._begun or self.readable

    @property
    def readable(self) -> bool:
        """Whether there is something to read."""
        try:
            self._sock.settimeout(0)
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def send(self, *head: Any, body: bytes = b"") -> None:
        """Send a message.

        Raises
        ------
        Broken
            If the other side is gone.
        """
        packed = json.dumps(head).encode()
        start = _SIZES.pack(len(packed), len(body)) + packed
        for part in (memoryview(start), memoryview(body)):
            sent = 0
            while sent < len(part):
                sent += self._patiently(self._sock.send, part[sent : sent + _CHUNK])

    def receive(self) -> tuple[list[Any], memoryview]:
        """Wait for a message and return its head and body.

        Raises
        ------
        Broken
            If the other side is gone, or what it sent is no message.
        """
        try:
            head_size, body_size = _SIZES.unpack(self._read(_SIZES.size))
            if head_size > LARGEST or body_size > LARGEST:
                raise Broken(f"A message of {head_size} and {body_size} bytes is too large.")
            head: list[Any] = json.loads(bytes(self._read(head_size)))
            return head, self._read(body_size)
        except ValueError as error:
            raise Broken("What came is no message.") from error
        finally:
            self._begun = False

    def _read(self, size: int) -> memoryview:
        buffer = memoryview(bytearray(size))
        done = 0
        while done < size:
            count = self._patiently(self._sock.recv_into, buffer[done:])
            if count == 0:
                raise Broken("The other side is gone.")
            self._begun = True
            done += count
        return buffer

    def _patiently(self, move: Callable[[memoryview], int], data: memoryview) -> int:
        while True:
            seconds = None if self._watch is None else self._watch()
            try:
                self._sock.settimeout(seconds)
                return move(data)
            except TimeoutError:
                continue
            except OSError as error:
                raise Broken("The other side is gone.") from error


def pack(value: Any) -> bytes:
    """Turn what is handed to a worker into bytes, with the code that the worker cannot import."""
    import cloudpickle

    packed: bytes = cloudpickle.dumps(value)
    return packed


def pack_result(value: Any) -> bytes:
    """Turn a result into bytes, without any code."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(data: memoryview) -> Any:
    """Return what was packed."""
    return pickle.loads(data)  # noqa: S301 - comes from our own process at the other end
