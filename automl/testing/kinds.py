"""Which bench and which properties belong to a kind of contribution."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from automl.plugin.catalog import Catalog
from automl.plugin.selection import Plugins
from automl.testing.checks import Property

_MODULES = {
    "algorithm": ("learning:LearningBench", "algorithms", "declared"),
}


def bench_for(kind: str, contribution: Any, catalog: Catalog, plugins: Plugins) -> Any:
    """Return what the checks of one contribution share."""
    module, _, name = _MODULES[kind][0].partition(":")
    bench = getattr(import_module(f"automl.testing.{module}"), name)
    return bench(contribution, catalog, plugins)


def properties_of(kind: str) -> tuple[Property, ...]:
    """Return what is asked of contributions of a kind."""
    modules = (import_module(f"automl.testing.{name}") for name in _MODULES[kind][1:])
    return tuple(one for module in modules for one in module.CHECKS)
