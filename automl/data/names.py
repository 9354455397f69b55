"""Names of columns: made unique strings at the door, and found again when misspelt."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def flat_names(labels: Iterable[object]) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Return a unique string for each label, those that are new, and those that were no strings.

    Parts of a tuple are joined with ``_``, a name that is missing or empty becomes
    ``unnamed_<position>``, the second column of a name gets ``_2`` and so on.
    """
    given = list(labels)
    if all(type(label) is str and label for label in given) and len(set(given)) == len(given):
        return tuple(map(str, given)), [], []
    names: list[str] = []
    renamed: list[str] = []
    retyped: list[str] = []
    taken: set[str] = {flat_name(label, position) for position, label in enumerate(given)}
    used: set[str] = set()
    for position, label in enumerate(given):
        name = flat_name(label, position)
        if name in used:
            name = _free(name, taken | used)
            renamed.append(name)
        elif isinstance(label, tuple) or name != str(label):
            renamed.append(name)
        elif not isinstance(label, str):
            retyped.append(name)
        used.add(name)
        names.append(name)
    return tuple(names), renamed, retyped


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return a sentence with the nearest known name, or an empty string."""
    folded = {other.casefold().strip(): other for other in known}
    close = difflib.get_close_matches(name.casefold().strip(), list(folded), n=1, cutoff=0.6)
    return f"Did you mean {folded[close[0]]!r}?" if close else ""


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Return names in quotes, and the number of those that are left out."""
    every = list(names)
    shown = ", ".join(repr(shorten(name)) for name in every[:limit])
    return f"{shown} and {len(every) - limit} more" if len(every) > limit else shown


def shorten(text: str, limit: int = 60) -> str:
    """Return the text, cut where it is too long for a message."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def flat_name(label: object, position: int) -> str:
    """Return the string that a label is called by, before repeated ones are told apart."""
    if isinstance(label, tuple):
        name = "_".join(str(part) for part in label if str(part))
    else:
        missing = label is None or label != label  # noqa: PLR0124  # only NaN differs from itself
        name = "" if missing else str(label)
    return name if name.strip() else f"unnamed_{position}"


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
