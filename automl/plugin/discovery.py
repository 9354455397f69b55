"""Finding what is installed: every plugin is loaded, registered and checked alone.

What is wrong with a plugin each time it is looked at (it raises, a hook is misspelt, a hook returns
something else, ...) has it skipped. What only shows when a module is imported for the first time
(it prints, is slow, changes global state) is caught, undone and said, and decides nothing: else a
second look in the same process would find another catalogue than the first.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pluggy

from automl.errors import PluginError
from automl.plugin import hookspecs
from automl.plugin.catalog import KINDS, Catalog, Giver, Noted, Skipped, unknown
from automl.plugin.guard import Watched, watch
from automl.plugin.selection import ALLOW, CONTRIBUTION_TYPES, Plugins, allowed, matches

if TYPE_CHECKING:
    from automl.plugin.contributions import Contribution

SLOW = 2.0
"""Seconds of import above which a plugin is named; a plugin of ours takes milliseconds."""

_UNKNOWN = ("unknown distribution", "")

_HOOKS = {f"automl_{kind}s": kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class _Given:
    """One contribution with who gave it."""

    kind: str
    value: Contribution
    giver: Giver


class _BrokenError(Exception):
    """Why a plugin cannot be used."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def discover(plugins: Plugins | None = None) -> Catalog:
    """Look at all that is installed and was handed over, and return what can be used.

    Parameters
    ----------
    plugins : Plugins, optional
        What to use, leave out, and add.

    Returns
    -------
    Catalog

    Raises
    ------
    PluginError
        ``E_PLUGIN_DUPLICATE`` where two plugins give one kind and name, ``E_PLUGIN_UNKNOWN`` where
        ``plugins`` names something that is not installed, ``E_PLUGIN_ADD`` where what was handed
        over in code cannot be used.
    """
    plugins = plugins or Plugins()
    given: list[_Given] = []
    skipped: list[Skipped] = []
    noted: list[Noted] = []
    for entry, giver in _installed():
        refused = _refused(giver, plugins)
        if refused:
            skipped.append(refused)
            continue
        found, note = _load(entry, giver)
        if isinstance(found, Skipped):
            skipped.append(found)
        else:
            given.extend(found)
        noted.extend(note)
    added = _handed_over(plugins)
    _check_names(plugins, [*given, *added.values()], skipped)
    given = [one for one in given if _selected(one, plugins)]
    return _catalog(_unique(given), added, tuple(skipped), tuple(noted))


def contributions_of(plugin: object) -> tuple[Contribution, ...]:
    """Return what a module (or any object with hooks) contributes.

    Raises
    ------
    PluginError
        ``E_PLUGIN_*`` where it breaks the contract.
    """
    name = getattr(plugin, "__name__", repr(plugin))
    try:
        return tuple(one.value for one in _collect(plugin, name, Giver()))
    except _BrokenError as error:
        raise PluginError(error.code.replace("W_", "E_", 1), f"{name} {error}.") from error


def _installed() -> list[tuple[metadata.EntryPoint, Giver]]:
    """Return every entry point with its distribution, in an order that no folder decides."""
    found = []
    known: dict[metadata.Distribution | None, tuple[str, str]] = {None: _UNKNOWN}
    for entry in metadata.entry_points(group=hookspecs.GROUP):
        distribution = entry.dist
        if distribution is not None and distribution not in known:
            facts = distribution.metadata  # each look at it parses a file
            known[distribution] = (facts["Name"], facts["Version"])
        name, version = known[distribution]
        found.append((entry, Giver(plugin=entry.name, distribution=name, version=version)))
    return sorted(found, key=lambda pair: (pair[1].plugin, pair[1].distribution, pair[0].value))


def _refused(giver: Giver, plugins: Plugins) -> Skipped | None:
    names = (giver.plugin, giver.distribution)
    if not allowed(*names):
        return _skipped(giver, "W_PLUGIN_NOT_ALLOWED", f"is not listed in {ALLOW}", warn=False)
    if plugins.leaves_out("", *names):
        return _skipped(giver, "W_PLUGIN_OFF", "is switched off", warn=False)
    return None


def _load(
    entry: metadata.EntryPoint, giver: Giver
) -> tuple[list[_Given] | Skipped, tuple[Noted, ...]]:
    watched = Watched()
    found: list[_Given] | Skipped
    try:
        with watch() as watched:
            found = _collect(entry.load(), giver.plugin, giver)
    except _BrokenError as error:
        found = _skipped(giver, error.code, str(error))
    except ModuleNotFoundError as error:
        found = _skipped(giver, "W_PLUGIN_LIBRARY", _missing_library(entry, error))
    except (Exception, SystemExit) as error:
        found = _skipped(giver, "W_PLUGIN_IMPORT", f"raised {_words(error)} at import")
    return found, _notes(giver, watched)


def _missing_library(entry: metadata.EntryPoint, error: ModuleNotFoundError) -> str:
    if error.name and entry.module.split(".")[0] == error.name.split(".")[0]:
        return f"points to {entry.value!r}, and there is no module {error.name!r}"
    return (
        f"imports {error.name!r} at its top, which is not installed (declare it in `requires` and "
        "import it inside `build`)"
    )


def _notes(giver: Giver, watched: Watched) -> tuple[Noted, ...]:
    notes = []
    if watched.printed:
        start = watched.printed.strip().splitlines()[:1]
        notes.append(("W_PLUGIN_PRINTS", f"prints at import: {''.join(start)[:80]!r}"))
    if watched.changed:
        what = " and ".join(watched.changed)
        notes.append(("W_PLUGIN_STATE", f"changes {what} at import; that was undone"))
    if watched.seconds > SLOW:
        notes.append(("W_PLUGIN_SLOW", f"took {watched.seconds:.1f} s to import"))
    return tuple(
        Noted(
            plugin=giver.plugin,
            distribution=giver.distribution,
            version=giver.version,
            code=code,
            message=_message(giver, reason, "is used"),
        )
        for code, reason in notes
    )


def _skipped(giver: Giver, code: str, reason: str, *, warn: bool = True) -> Skipped:
    return Skipped(
        plugin=giver.plugin,
        distribution=giver.distribution,
        version=giver.version,
        code=code,
        message=_message(giver, reason, "is not used") if warn else f"{_title(giver)} {reason}.",
        warn=warn,
    )


def _message(giver: Giver, reason: str, then: str) -> str:
    off = f"switch it off with plugins=['-{giver.plugin}'] or AUTOML_PLUGINS_OFF={giver.plugin}"
    return f"{_title(giver)} {reason}. It {then}; {off}."


def _title(giver: Giver) -> str:
    return f"Plugin {giver.plugin!r} of {giver}"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(
        ": "
    )


def _collect(plugin: Any, name: str, giver: Giver) -> list[_Given]:
    """Register a plugin with a manager of its own, check it, and call its hooks."""
    version = getattr(plugin, "AUTOML_CONTRACT", hookspecs.CONTRACT)
    if version != hookspecs.CONTRACT:
        raise _BrokenError(
            "W_PLUGIN_CONTRACT",
            f"was made for version {version} of the contract, this is {hookspecs.CONTRACT}",
        )
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name)
    except pluggy.PluginValidationError as error:
        raise _BrokenError("W_PLUGIN_HOOK", " ".join(str(error).split())) from error
    marked = {caller.name for caller in manager.get_hookcallers(plugin) or ()}
    _check_hooks(plugin, marked)
    found = []
    for hook in sorted(marked):
        try:
            results = getattr(manager.hook, hook)()
            items = [_item_of(result) for result in results]
            values = [value for item in items for value in item]
        except _BrokenError:
            raise
        except (Exception, SystemExit) as error:
            raise _BrokenError("W_PLUGIN_HOOK", f"raised {_words(error)} in {hook}()") from error
        found += [_Given(_HOOKS[hook], _checked(value, hook), giver) for value in values]
    return found


def _item_of(result: object) -> list[Any]:
    if isinstance(result, (str, Mapping, *CONTRIBUTION_TYPES)) or not isinstance(result, Iterable):
        raise _BrokenError(
            "W_PLUGIN_TYPE",
            f"has a hook that returned {_short(result)}, not a list of contributions",
        )
    return list(result)


def _checked(value: Any, hook: str) -> Any:
    expected = KINDS[_HOOKS[hook]]
    if not isinstance(value, expected):
        raise _BrokenError(
            "W_PLUGIN_TYPE", f"gave {_short(value)} in {hook}(), not an {expected.__name__}"
        )
    return value


def _check_hooks(plugin: Any, marked: set[str]) -> None:
    """Refuse a hook that is misspelt or not marked; pluggy alone lets both pass."""
    for name in sorted({*marked, *_functions(plugin)}):
        if name not in _HOOKS:
            close = get_close_matches(name, _HOOKS, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"hooks are {', '.join(_HOOKS)}"
            raise _BrokenError("W_PLUGIN_HOOK", f"has {name!r}, which is no hook: {meant}")
        if name not in marked:
            raise _BrokenError("W_PLUGIN_HOOK", f"has {name}() without @hookimpl above it")
    if not marked:
        raise _BrokenError("W_PLUGIN_HOOK", "has no function that is marked with @hookimpl")


def _functions(plugin: Any) -> set[str]:
    names = [name for name in dir(plugin) if name.startswith("automl_")]
    return {name for name in names if inspect.isroutine(getattr(plugin, name, None))}


def _short(value: object) -> str:
    name = getattr(value, "name", None)
    return f"{type(value).__name__}({name!r})" if isinstance(name, str) else repr(value)[:80]


def _check_names(plugins: Plugins, given: list[_Given], skipped: list[Skipped]) -> None:
    """Refuse a plain name in ``only`` or ``without`` that nothing installed carries."""
    for pattern in (*plugins.only, *plugins.without):
        if any(sign in pattern for sign in "*?["):
            continue
        known = [(one.kind, _names(one)) for one in given]
        known += [("", (one.plugin, one.distribution)) for one in skipped]
        if not any(matches(pattern, kind, names) for kind, names in known):
            kind, _, name = pattern.rpartition(":")
            installed = sorted({one.value.name for one in given if one.kind == (kind or one.kind)})
            raise unknown(kind or "plugin", name, installed, tuple(skipped))


def _names(one: _Given) -> tuple[str, ...]:
    return (one.value.name, one.giver.plugin, one.giver.distribution)


def _selected(one: _Given, plugins: Plugins) -> bool:
    names = _names(one)
    return plugins.takes(one.kind, *names) and not plugins.leaves_out(one.kind, *names)


def _unique(given: list[_Given]) -> dict[tuple[str, str], _Given]:
    chosen: dict[tuple[str, str], _Given] = {}
    for one in given:
        first = chosen.setdefault((one.kind, one.value.name), one)
        if first is not one:
            raise PluginError(
                "E_PLUGIN_DUPLICATE",
                f"Two {one.kind}s are named {one.value.name!r}: one of plugin "
                f"{first.giver.plugin!r} ({first.giver}), one of plugin {one.giver.plugin!r} "
                f"({one.giver}).",
                f"Leave one out with plugins=['-{one.giver.plugin}'] or uninstall it.",
            )
    return chosen


def _kind_of(value: object) -> str:
    return next(kind for kind, type_ in KINDS.items() if isinstance(value, type_))


def _handed_over(plugins: Plugins) -> dict[tuple[str, str], _Given]:
    chosen: dict[tuple[str, str], _Given] = {}
    for item in plugins.add:
        plain = isinstance(item, CONTRIBUTION_TYPES)
        values: tuple[Any, ...] = (item,) if plain else contributions_of(item)
        for value in values:
            one = _Given(_kind_of(value), value, Giver())
            if chosen.setdefault((one.kind, value.name), one) is not one:
                raise PluginError(
                    "E_PLUGIN_DUPLICATE",
                    f"Two {one.kind}s named {value.name!r} were handed over in code.",
                )
    return chosen


def _catalog(
    installed: Mapping[tuple[str, str], _Given],
    handed_over: Mapping[tuple[str, str], _Given],
    skipped: tuple[Skipped, ...],
    noted: tuple[Noted, ...],
) -> Catalog:
    chosen = {**installed, **handed_over}
    usable: dict[str, dict[str, Any]] = {f"{kind}s": {} for kind in KINDS}
    unavailable, predicting = {}, {}
    for kind, name in sorted(chosen):
        value = chosen[kind, name].value
        missing = _missing(getattr(value, "requires", ()))
        to_learn = _missing(getattr(value, "fit_requires", ()))
        modules = [one for one in getattr(value, "imports", ()) if not _is_found(one)]
        if missing:
            unavailable[kind, name] = f"needs `pip install {' '.join(missing)}`"
        elif modules:
            top = modules[0].partition(".")[0]
            unavailable[kind, name] = f"needs the module {top!r}, which is not installed"
        elif to_learn:
            unavailable[kind, name] = f"needs `pip install {' '.join(to_learn)}` to learn"
            predicting[kind, name] = value
        else:
            usable[f"{kind}s"][name] = value
    givers = {key: chosen[key].giver for key in sorted(chosen)}
    return Catalog(
        **usable,
        givers=givers,
        skipped=skipped,
        noted=noted,
        unavailable=unavailable,
        predicting=predicting,
    )


def _missing(requirements: Sequence[str]) -> list[str]:
    return [needed for needed in requirements if not _is_there(needed)]


def _is_found(module: str) -> bool:
    """Whether the package of a module is installed; nothing is imported for that."""
    top = module.partition(".")[0]
    return top in sys.modules or find_spec(top) is not None


def _is_there(requirement: str) -> bool:
    """Whether a distribution is installed, in a version that the requirement allows."""
    name = re.match(r"[A-Za-z0-9._-]*", requirement)
    try:
        version = metadata.version(name[0] if name else requirement)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    if name and name[0] == requirement:
        return True
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(requirement).specifier.contains(version, prereleases=True)
    except InvalidRequirement:
        return False
