"""What is installed and can be used, by kind and name, with who gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from automl.errors import PluginError
from automl.plugin.contributions import (
    Algorithm,
    Exporter,
    Listener,
    Metric,
    Preprocessor,
    Reader,
    Splitter,
    Task,
)

KINDS: Mapping[str, type] = {
    "algorithm": Algorithm,
    "preprocessor": Preprocessor,
    "metric": Metric,
    "task": Task,
    "splitter": Splitter,
    "reader": Reader,
    "listener": Listener,
    "exporter": Exporter,
}
"""Every kind of contribution; its hook is ``automl_<kind>s``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Giver:
    """Who gave a contribution.

    Parameters
    ----------
    plugin : str
        Name of the entry point; empty where it was handed over in code.
    distribution : str
        What pip calls it, or ``"handed over in code"``.
    version : str
        Version of the distribution; empty where it was handed over in code.
    """

    plugin: str = ""
    distribution: str = "handed over in code"
    version: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something about a plugin that has to be said; the plugin is used all the same.

    Parameters
    ----------
    plugin : str
        Name of the entry point.
    distribution : str
    version : str
    code : str
        Stable identifier such as ``"W_PLUGIN_SLOW"``.
    message : str
        The plugin, its distribution, the reason and the way to switch it off, in one line.
    warn : bool, default=True
        Whether the user is warned; False where it is what the user asked for.
    """

    plugin: str
    distribution: str
    version: str
    code: str
    message: str
    warn: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Noted):
    """A plugin that is not used, and why; the fields are those of `Noted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All contributions that can be used, sorted by name.

    Parameters
    ----------
    algorithms, preprocessors, metrics, tasks, splitters, readers, listeners, exporters : mapping
        Name to contribution.
    givers : mapping of (kind, name) to Giver
        Kinds in the singular: ``("algorithm", "lightgbm")``.
    skipped : tuple of Skipped
    noted : tuple of Noted
    unavailable : mapping of (kind, name) to str
        A contribution whose library is missing to what it needs, such as
        ``"needs `pip install catboost`"``.
    predicting : mapping of (kind, name) to contribution
        Those of the unavailable that lack only what learning needs.
    """

    algorithms: Mapping[str, Algorithm] = field(default_factory=dict)
    preprocessors: Mapping[str, Preprocessor] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    splitters: Mapping[str, Splitter] = field(default_factory=dict)
    readers: Mapping[str, Reader] = field(default_factory=dict)
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    givers: Mapping[tuple[str, str], Giver] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    noted: tuple[Noted, ...] = ()
    unavailable: Mapping[tuple[str, str], str] = field(default_factory=dict)
    predicting: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, kind: str) -> Mapping[str, Any]:
        """Return the contributions of one kind, given in the singular."""
        if kind not in KINDS:
            raise PluginError(
                "E_PLUGIN_KIND", f"{kind!r} is not a kind of contribution: {', '.join(KINDS)}."
            )
        found: Mapping[str, Any] = getattr(self, f"{kind}s")
        return found

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether a contribution, by kind and name, is there to predict at least."""
        kind, name = key
        return name in self.of(kind) or key in self.predicting

    def get(self, kind: str, name: str, *, fits: bool = False) -> Any:
        """Return one contribution, an algorithm with all that is known of it.

        Parameters
        ----------
        kind, name : str
        fits : bool, default=False
            Whether it is to learn, not only to predict with what was learned.

        Raises
        ------
        PluginError
            ``E_PLUGIN_LIBRARY`` where its library is missing, ``E_PLUGIN_UNKNOWN`` where there is
            none of that name.
        """
        found = self.of(kind)
        one = found.get(name) or (None if fits else self.predicting.get((kind, name)))
        if one is not None:
            return one.known() if isinstance(one, Algorithm) else one
        if (kind, name) in self.unavailable:
            raise PluginError("E_PLUGIN_LIBRARY", f"{name!r} {self.unavailable[kind, name]}.")
        others = [other for of, other in self.unavailable if of == kind]
        raise unknown(kind, name, [*found, *others], self.skipped)


def unknown(
    kind: str, name: str, names: list[str], skipped: tuple[Skipped, ...] = ()
) -> PluginError:
    """Return the error for a name that nobody gave."""
    close = get_close_matches(name, names, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    left = [f"{one.plugin} ({one.code})" for one in skipped]
    return PluginError(
        "E_PLUGIN_UNKNOWN",
        f"No {kind} named {name!r}.",
        f"{meant}Installed: {', '.join(sorted(names)) or 'none'}."
        + (f" Plugins not used: {', '.join(left)}." if left else ""),
    )
