"""Which plugins to use, which to leave, and what was handed over in code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import get_args

from automl.errors import PluginError
from automl.plugin.contributions import Contribution

OFF = "AUTOML_PLUGINS_OFF"
"""Environment variable: comma-separated patterns of what is left out, beside ``without``."""

ALLOW = "AUTOML_PLUGINS_ALLOW"
"""Environment variable: comma-separated patterns of the plugins or distributions that may be loaded
at all; not set means all. The distribution that brings the built-ins has to be listed too."""

CONTRIBUTION_TYPES: tuple[type, ...] = get_args(Contribution)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """Which of the installed plugins a run uses.

    A pattern is a name with shell wildcards (``*``, ``?``, ``[abc]``), compared with the name of a
    contribution, of its plugin, and of its distribution; ``"metric:f1*"`` is about one kind only.

    Parameters
    ----------
    only : tuple of str, default=()
        Patterns of the algorithms that may be tried; empty means all. A pattern that names another
        kind, as in ``"preprocessor:one_hot"``, narrows that kind instead.
    without : tuple of str, default=()
        Patterns of what is left out, of every kind.
    add : tuple of contributions, modules or objects with hooks, default=()
        Handed over in code: used whatever ``only`` and ``without`` say, and in place of an
        installed contribution of the same kind and name.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    add: tuple[object, ...] = ()

    @classmethod
    def of(cls, given: object) -> Plugins:
        """Return a selection from what a user wrote.

        Parameters
        ----------
        given : None, Plugins, or one or a sequence of str, contribution, object with hooks
            ``"name"`` is put into ``only``, ``"-name"`` into ``without``, all else into ``add``.

        Raises
        ------
        PluginError
            ``E_PLUGIN_SELECTION`` for anything else.
        """
        if given is None:
            return cls()
        if isinstance(given, Plugins):
            return given
        single = isinstance(given, (str, ModuleType, *CONTRIBUTION_TYPES))
        items = [given] if single or not isinstance(given, Iterable) else list(given)
        for item in items:
            if not (isinstance(item, str) and item.strip("- ")) and not _gives(item):
                raise PluginError(
                    "E_PLUGIN_SELECTION",
                    f"plugins={given!r}: {item!r} is neither a name such as 'lightgbm' or "
                    "'-light*', nor a contribution, nor a module with hooks.",
                )
        words = [item.strip() for item in items if isinstance(item, str)]
        return cls(
            only=tuple(word for word in words if not word.startswith("-")),
            without=tuple(word[1:].strip() for word in words if word.startswith("-")),
            add=tuple(item for item in items if not isinstance(item, str)),
        )

    def leaves_out(self, kind: str, *names: str) -> bool:
        """Whether ``without`` or the environment speaks against something of these names."""
        patterns = (*self.without, *from_environment(OFF))
        return any(matches(pattern, kind, names) for pattern in patterns)

    def narrows(self, kind: str) -> bool:
        """Whether ``only`` says anything about a kind."""
        return any((_kind(pattern) or "algorithm") == kind for pattern in self.only)

    def takes(self, kind: str, *names: str) -> bool:
        """Whether ``only`` leaves something of this kind and these names in."""
        patterns = [pattern for pattern in self.only if (_kind(pattern) or "algorithm") == kind]
        return not patterns or any(matches(pattern, kind, names) for pattern in patterns)


def allowed(*names: str) -> bool:
    """Whether a plugin or distribution of these names may be loaded."""
    return ALLOW not in os.environ or any(
        matches(pattern, "", names) for pattern in from_environment(ALLOW)
    )


def from_environment(variable: str) -> tuple[str, ...]:
    """Return the patterns in an environment variable."""
    words = os.environ.get(variable, "").split(",")
    return tuple(word.strip() for word in words if word.strip())


def matches(pattern: str, kind: str, names: Iterable[str]) -> bool:
    """Whether a pattern fits one of the names; ``-``, ``_`` and ``.`` are the same, as for pip."""
    wanted = _kind(pattern)
    glob = _normal(pattern.removeprefix(f"{wanted}:"))
    return wanted in {"", kind} and any(fnmatchcase(_normal(name), glob) for name in names)


def _kind(pattern: str) -> str:
    return pattern.partition(":")[0] if ":" in pattern else ""


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _gives(item: object) -> bool:
    return isinstance(item, CONTRIBUTION_TYPES) or any(
        name.startswith("automl_") for name in dir(item)
    )
