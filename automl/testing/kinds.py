"""Which bench and which properties belong to a kind of contribution."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from automl.plugin.catalog import Catalog
from automl.plugin.selection import Plugins
from automl.testing.checks import Property

_BENCHES = {
    "algorithm": "learning:LearningBench",
    "preprocessor": "preparing:PreparationBench",
    "metric": "scoring:ScoringBench",
    "task": "tasks:TaskBench",
    "splitter": "plain:Bench",
    "reader": "plain:Bench",
    "listener": "plain:Bench",
    "exporter": "exporting:ExportingBench",
}

_MODULES = {
    "algorithm": ("algorithms", "declared", "hard", "claims", "written"),
    "preprocessor": ("preprocessors", "steps", "formulas", "written_steps"),
    "metric": ("scoring",),
    "task": ("tasks",),
    "splitter": ("splitters",),
    "reader": ("readers",),
    "listener": ("listeners",),
    "exporter": ("exporters",),
}


def bench_for(kind: str, contribution: Any, catalog: Catalog, plugins: Plugins) -> Any:
    """Return what the checks of one contribution share."""
    module, _, name = _BENCHES[kind].partition(":")
    bench = getattr(import_module(f"automl.testing.{module}"), name)
    return bench(contribution, catalog, plugins)


def properties_of(kind: str) -> tuple[Property, ...]:
    """Return what is asked of contributions of a kind."""
    modules = (import_module(f"automl.testing.{name}") for name in _MODULES[kind])
    return tuple(one for module in modules for one in module.CHECKS)


def all_properties() -> tuple[Property, ...]:
    """Return what is asked of contributions of any kind."""
    return tuple(one for kind in _MODULES for one in properties_of(kind))
