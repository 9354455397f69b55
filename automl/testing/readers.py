"""What holds for every reader."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from automl.errors import AutoMLError
from automl.plugin.guard import watch
from automl.testing.checks import CheckFailedError, Property, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from automl.testing.plain import Bench

SECTION = "automl_readers"

NO_SOURCES = ("", " ", "no such file", "/nowhere/at.all", "about:nothing", "x" * 5000, "täble\n")
"""Strings that name no table of any known form."""


@says("matches() says False, and does not raise, for strings that name no table.", SECTION)
def _other_sources_are_left_alone(bench: Bench) -> None:
    for source in NO_SOURCES:
        if bench.contribution.matches(source) is not False:
            raise CheckFailedError(
                f"matches({source[:30]!r}) is not False.",
                "Look for an ending or a scheme of your own, and return a bool.",
            )


@says("read() of a place that is not there raises an error that names the place.", SECTION)
def _a_missing_place_is_named(bench: Bench) -> None:
    _has_to_name("read()", bench.contribution.read)


@says("batches() of a place that is not there raises an error that names the place.", SECTION)
def _a_missing_place_has_no_batches(bench: Bench) -> None:
    batches = bench.contribution.batches
    if batches is not None:
        _has_to_name("batches()", lambda source: next(iter(batches(source))))


def _has_to_name(what: str, read: Callable[[str], Any]) -> None:
    source = "/nowhere/missing_table"
    try:
        read(source)
    except (AutoMLError, OSError) as error:
        if "missing_table" in str(error):
            return
        raise CheckFailedError(
            f"{what} raised {type(error).__name__}: {error}.", "Name the place in the message."
        ) from error
    except StopIteration as error:
        raise CheckFailedError(
            f"{what} of a missing place gave nothing.", "Raise FileNotFoundError."
        ) from error
    raise CheckFailedError(f"{what} of a missing place raised nothing.", "Raise FileNotFoundError.")


@says("matches() prints nothing and leaves global state alone.", SECTION)
def _matching_changes_nothing(bench: Bench) -> None:
    with watch() as watched, contextlib.suppress(Exception):  # other_sources_... says it
        for source in NO_SOURCES:
            bench.contribution.matches(source)
    if watched.changed or watched.printed.strip():
        raise CheckFailedError(
            f"It changes {' and '.join(watched.changed) or 'nothing'}, and prints "
            f"{watched.printed[:80]!r}.",
            "Only look at the string, and return.",
        )


CHECKS: tuple[Property, ...] = tuple(
    one for one in list(globals().values()) if isinstance(one, Property)
)
