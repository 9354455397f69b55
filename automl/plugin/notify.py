"""Telling listeners what happens, and users what was found about plugins."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from automl.errors import PluginWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from automl.events import Event
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Listener


class Notifier:
    """Sends each event of one run to every listener; one that raises is dropped.

    Parameters
    ----------
    listeners : mapping of str to Listener
        Started here, in the order of their names.
    quiet : bool, default=False
        Start none.
    """

    def __init__(self, listeners: Mapping[str, Listener], quiet: bool = False) -> None:
        self._receivers: dict[str, Callable[[Event], None]] = {}
        for name in () if quiet else sorted(listeners):
            try:
                receiver = listeners[name].start()
            except Exception as error:
                _warn_dropped(name, error)
            else:
                if receiver is not None:
                    self._receivers[name] = receiver

    def send(self, event: Event) -> None:
        """Tell all listeners; never raises for what one of them does."""
        for name, receiver in list(self._receivers.items()):
            try:
                receiver(event)
            except Exception as error:
                del self._receivers[name]
                _warn_dropped(name, error)


def warn_about(catalog: Catalog) -> None:
    """Warn of every plugin that was skipped or that misbehaved, unless the user asked for it."""
    for one in (*catalog.skipped, *catalog.noted):
        if one.warn:
            warnings.warn(PluginWarning(one.code, one.message), stacklevel=3)


def _warn_dropped(name: str, error: Exception) -> None:
    message = f"Listener {name!r} raised {type(error).__name__}: {error}; it is told no more."
    warnings.warn(PluginWarning("W_PLUGIN_LISTENER", message), stacklevel=4)
