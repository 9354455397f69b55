"""A handler whose payload says what to do; it needs nothing but the standard library."""

from __future__ import annotations

from typing import Any


class Toy:
    """Calls ``payload(argument)`` where the payload is callable, returns it otherwise."""

    def __init__(self, argument: Any) -> None:
        if callable(argument):
            argument = argument()
        self.argument = argument

    def __call__(self, payload: Any) -> Any:
        return payload(self.argument) if callable(payload) else payload
