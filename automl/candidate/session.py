"""Classes of the main module: defined in a cell of a notebook, or in the script that runs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from automl.errors import PluginWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from automl.candidate.pipeline import Pipeline

MAIN = "__main__"


def made_here(pipeline: Pipeline) -> bool:
    """Whether a part is of a class that other processes can only be sent, not import."""
    chains = pipeline.preparation.chains
    parts = [step.transformer for chain in chains for step in chain.steps]
    return any(_is_of_main(part) for part in (*parts, pipeline.estimator))


def session_types(fitted: Any, name: str, types: Iterable[str]) -> frozenset[str]:
    """Return the types that only this session has, and say what loading them will need.

    Parameters
    ----------
    fitted : object
        What is saved.
    name : str
        Name of the contribution.
    types : iterable of str
        Names of the types in it.
    """
    found = frozenset(one for one in types if one.startswith(f"{MAIN}."))
    if not found or not _is_of_main(fitted):
        return frozenset()
    classes = ", ".join(sorted(found))
    message = (
        f"{name!r} holds {classes}, which this session defined. A session that loads the model "
        f"has to define them as well and hand {name!r} over: load(..., plugins=[...], trusted="
        f"{sorted(found)!r}). Put them into a module of their own to load it everywhere."
    )
    warnings.warn(PluginWarning("W_PLUGIN_SESSION", message), stacklevel=2)
    return found


def _is_of_main(fitted: Any) -> bool:
    return type(fitted).__module__ == MAIN
