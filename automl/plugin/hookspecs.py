"""The whole contract: what a plugin may implement. Each hook returns contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

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

GROUP = "automl"
"""Name of the entry-point group, and of the pluggy project."""

CONTRACT = 1
"""Version of this contract; a plugin may state ``AUTOML_CONTRACT = 1``."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def automl_algorithms() -> Iterable[Algorithm]:
    """Return algorithms that can be tried."""
    raise NotImplementedError


@hookspec
def automl_preprocessors() -> Iterable[Preprocessor]:
    """Return steps that turn columns of some traits into columns of others."""
    raise NotImplementedError


@hookspec
def automl_metrics() -> Iterable[Metric]:
    """Return metrics."""
    raise NotImplementedError


@hookspec
def automl_tasks() -> Iterable[Task]:
    """Return kinds of question."""
    raise NotImplementedError


@hookspec
def automl_splitters() -> Iterable[Splitter]:
    """Return ways to hold rows out."""
    raise NotImplementedError


@hookspec
def automl_readers() -> Iterable[Reader]:
    """Return ways to read a table from a place that a string names."""
    raise NotImplementedError


@hookspec
def automl_listeners() -> Iterable[Listener]:
    """Return what wants to follow a run."""
    raise NotImplementedError


@hookspec
def automl_exporters() -> Iterable[Exporter]:
    """Return forms in which a model is used where automl's own load is not."""
    raise NotImplementedError
