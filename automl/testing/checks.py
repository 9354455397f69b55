"""What a check is, which checks a contribution gets, and how they are run."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from automl.errors import PluginError
from automl.plugin.catalog import KINDS, Catalog, unknown
from automl.plugin.discovery import contributions_of, discover
from automl.plugin.selection import CONTRIBUTION_TYPES, Plugins

DOCS = "docs/plugins.md"
"""Where the contract stands; each check names a section of it."""


class CheckFailedError(AssertionError):
    """A property does not hold.

    Parameters
    ----------
    message : str
        What was seen, and what was expected.
    change : str
        What to change in the plugin.
    """

    def __init__(self, message: str, change: str) -> None:
        super().__init__(message, change)
        self.message = message
        self.change = change

    def __str__(self) -> str:
        return f"{self.message} {self.change}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property that contributions of a kind have.

    Parameters
    ----------
    id : str
        A word to name the check by, as in ``expected_failures``.
    sentence : str
        What holds.
    section : str
        Heading in the docs.
    holds : callable (bench) -> None
        Raises where it does not hold.
    when : callable (bench) -> bool
        Whether it is asked of this contribution at all.
    """

    id: str
    sentence: str
    section: str
    holds: Callable[[Any], None]
    when: Callable[[Any], bool]


def one_thread() -> AbstractContextManager[object]:
    """Limit numerical libraries to one thread, as in a worker: on small tables more only wait."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _always(bench: object) -> bool:
    del bench
    return True


def says(
    sentence: str, section: str, when: Callable[[Any], bool] = _always
) -> Callable[[Callable[[Any], None]], Property]:
    """Turn a function into a property that is named by a sentence."""

    def turn(holds: Callable[[Any], None]) -> Property:
        name = getattr(holds, "__name__", "").lstrip("_")
        return Property(id=name, sentence=sentence, section=section, holds=holds, when=when)

    return turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A property asked of one contribution; calling it raises where it does not hold.

    Parameters
    ----------
    kind : str
    name : str
        Name of the contribution.
    asked : Property
    bench : object
        What the checks of one contribution share.
    expected_failure : str
        The reason why it is known to fail; empty where it should hold.
    """

    kind: str
    name: str
    asked: Property
    bench: Any
    expected_failure: str = ""

    @property
    def id(self) -> str:
        """A word to name the check by."""
        return self.asked.id

    @property
    def sentence(self) -> str:
        """What holds, in one sentence."""
        return self.asked.sentence

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.sentence}"

    def __call__(self) -> None:
        """Check; raises `CheckFailedError`, with what to change and where to read."""
        try:
            with warnings.catch_warnings(), one_thread():
                warnings.simplefilter("ignore")
                self.asked.holds(self.bench)
        except CheckFailedError as error:
            raise CheckFailedError(
                error.message, f"{error.change} See {DOCS}#{self.asked.section}."
            ) from error.__cause__
        except Exception as error:
            raise CheckFailedError(
                f"{self.sentence} It raised {type(error).__name__}: {_line(error)}{_where(error)}.",
                f"See {DOCS}#{self.asked.section}.",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """What came of one check.

    Parameters
    ----------
    kind : str
    name : str
        Name of the contribution.
    check : str
        The sentence.
    id : str
        The word for ``expected_failures``.
    status : {"passed", "failed", "expected"}
        ``"expected"`` for one that fails as said beforehand; one that was expected to fail and
        passes has failed.
    seconds : float
    message : str
        What was seen, what to change and where to read; empty where it passed.
    """

    kind: str
    name: str
    check: str
    id: str
    status: str
    seconds: float
    message: str


def plugin_checks(
    *given: object, expected_failures: Mapping[str, str] | None = None
) -> Iterator[Check]:
    """Yield every check for a plugin or a contribution.

    Parameters
    ----------
    *given : str, contribution, module or object with hooks
        A name is that of an installed plugin, of its distribution, or of a contribution.
    expected_failures : mapping of str to str, default={}
        Word of a check, or ``"name:word"`` for one contribution, to the reason why it fails.

    Raises
    ------
    PluginError
        Where it cannot be found or loaded, with the reason; ``E_PLUGIN_CHECK`` where there is no
        check of a word in ``expected_failures``.
    """
    expected = expected_failures or {}
    from automl.testing.kinds import bench_for, properties_of

    _check_words(expected)
    added = tuple(one for one in given if not isinstance(one, str))
    plugins = Plugins(add=added)
    catalog = discover(plugins)
    for one in given:
        for kind, contribution in _contributions(one, catalog):
            bench = bench_for(kind, contribution, catalog, plugins)
            for asked in properties_of(kind):
                if asked.when(bench):
                    reason = expected.get(f"{contribution.name}:{asked.id}") or expected.get(
                        asked.id, ""
                    )
                    yield Check(
                        kind=kind,
                        name=contribution.name,
                        asked=asked,
                        bench=bench,
                        expected_failure=reason,
                    )


def run_checks(
    *given: object, expected_failures: Mapping[str, str] | None = None
) -> Iterator[CheckRow]:
    """Run every check for a plugin or a contribution and yield a row for each.

    The parameters are those of `plugin_checks`.
    """
    for check in plugin_checks(*given, expected_failures=expected_failures):
        started = time.perf_counter()
        status, message = "passed", ""
        try:
            check()
        except CheckFailedError as error:
            status, message = "failed", str(error)
        if check.expected_failure and status == "failed":
            status, message = "expected", check.expected_failure
        elif check.expected_failure:
            status = "failed"
            message = f"It passes, and was expected to fail: {check.expected_failure}"
        yield CheckRow(
            kind=check.kind,
            name=check.name,
            check=check.sentence,
            id=check.id,
            status=status,
            seconds=time.perf_counter() - started,
            message=message,
        )


def _check_words(expected: Mapping[str, str]) -> None:
    """Refuse a word that no check carries: what it expects would never come."""
    from automl.testing.kinds import all_properties

    known = sorted({one.id for one in all_properties()})
    for word in expected:
        check = word.rpartition(":")[2]
        if check not in known:
            close = get_close_matches(check, known, n=1)
            meant = f"Did you mean {close[0]!r}?" if close else f"Checks: {', '.join(known)}."
            raise PluginError("E_PLUGIN_CHECK", f"There is no check {check!r}.", meant)


def _contributions(given: object, catalog: Catalog) -> list[tuple[str, Any]]:
    if isinstance(given, str):
        return _installed(given, catalog)
    values = (given,) if isinstance(given, CONTRIBUTION_TYPES) else contributions_of(given)
    return [
        (kind, value)
        for value in values
        for kind, type_ in KINDS.items()
        if isinstance(value, type_)
    ]


def _installed(name: str, catalog: Catalog) -> list[tuple[str, Any]]:
    skipped = [one for one in catalog.skipped if name in {one.plugin, one.distribution}]
    if skipped:
        raise PluginError(skipped[0].code.replace("W_", "E_", 1), skipped[0].message)
    keys = [
        key
        for key, giver in catalog.givers.items()
        if name in {key[1], giver.plugin, giver.distribution}
    ]
    if not keys:
        names = {word for key, giver in catalog.givers.items() for word in (key[1], giver.plugin)}
        raise unknown("plugin", name, sorted(names))
    there = [(kind, found) for kind, found in keys if found in catalog.of(kind)]
    return [(kind, catalog.get(kind, found, fits=True)) for kind, found in there or keys]


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "(no message)"


def _where(error: BaseException) -> str:
    """Return the last place in the traceback, which is where the plugin's author looks first."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
