"""Listeners hear of everything, and none of them can end a run."""

from __future__ import annotations

import pytest

from automl.errors import PluginWarning
from automl.events import Stage
from automl.plugin import Listener
from automl.plugin.notify import Notifier

EVENT = Stage(elapsed=0.0, name="read")


def listeners(**starts):
    return {name: Listener(name=name, start=start) for name, start in starts.items()}


def test_every_listener_hears_of_each_event():
    heard = []
    one = Notifier(listeners(b=lambda: heard.append, a=lambda: heard.append, none=lambda: None))
    one.send(EVENT)
    assert heard == [EVENT, EVENT]


def test_a_listener_that_raises_is_dropped_once():
    heard = []

    def fail(event):
        raise RuntimeError("full disk")

    one = Notifier(listeners(bad=lambda: fail, good=lambda: heard.append))
    with pytest.warns(PluginWarning, match="'bad' raised RuntimeError: full disk"):
        one.send(EVENT)
    one.send(EVENT)
    assert heard == [EVENT, EVENT]


def test_a_listener_that_cannot_start_is_dropped():
    with pytest.warns(PluginWarning, match="W_PLUGIN_LISTENER"):
        one = Notifier(listeners(bad=lambda: 1 / 0))
    one.send(EVENT)


def test_quiet_starts_nobody():
    Notifier(listeners(bad=lambda: 1 / 0), quiet=True).send(EVENT)


def test_an_interrupt_is_not_swallowed():
    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Notifier(listeners(one=lambda: interrupt)).send(EVENT)
