"""Checks of a contribution's own fields: a wrong one fails where it is written."""

from __future__ import annotations

import re
from typing import Any

from automl.errors import PluginError

NAME = re.compile(r"[a-z][a-z0-9_]*")


def refuse(given: Any, name: str, value: object, expected: str) -> None:
    """Raise what says which field of which contribution is wrong."""
    raise PluginError(
        "E_PLUGIN_FIELD",
        f"{type(given).__name__}({given.name!r}): {name}={value!r} is not {expected}.",
    )


def check_name(given: Any) -> None:
    """Refuse a name that is not a lower-case word."""
    if not isinstance(given.name, str) or not NAME.fullmatch(given.name):
        refuse(given, "name", given.name, "a lower-case word such as 'nearest_neighbors'")


def check_words(given: Any, *names: str) -> None:
    """Refuse fields that are not a frozenset of words."""
    for name in names:
        words = getattr(given, name)
        if not isinstance(words, frozenset) or not words:
            refuse(given, name, words, "a non-empty frozenset of words")


def check_callable(given: Any, name: str) -> None:
    """Refuse a field that cannot be called."""
    if not callable(getattr(given, name)):
        refuse(given, name, getattr(given, name), "callable")
