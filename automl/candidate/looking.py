"""Steps look at the columns of a table and may say that these are not theirs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.errors import PluginWarning
from automl.plugin.context import PrepareContext
from automl.plugin.learning import TABLE

if TYPE_CHECKING:
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog
    from automl.plugin.context import Context
    from automl.plugin.contributions import Preprocessor

SEEN = 2_000
"""Rows that a step is shown at most, evenly spread."""


def declined_steps(
    schema: Schema, catalog: Catalog, context: Context, table: Table | None
) -> frozenset[tuple[str, str]]:
    """Return which steps do not want the columns of which kind, or the table as a whole.

    Parameters
    ----------
    schema : Schema
    catalog : Catalog
    context : Context
        The task, the number of classes and the seed are taken from it.
    table : Table or None
        All rows that candidates are fitted and judged on; nothing is declined without.
    """
    if table is None:
        return frozenset()
    rows = np.unique(np.linspace(0, table.n_rows - 1, min(table.n_rows, SEEN)).astype(np.intp))
    seen = table.take(rows)
    for block in seen.blocks().values():
        block.flags.writeable = False
    found = set()
    for kind in (*dict.fromkeys(feature.kind for feature in schema.features), None):
        taken = TABLE if kind is None else kind.value
        told = PrepareContext(
            task=context.task,
            n_classes=context.n_classes,
            n_rows=table.n_rows,
            features=schema.features if kind is None else schema.of(kind),
            seed=context.seed,
        )
        for step in catalog.preprocessors.values():
            if step.wants is None or taken not in step.takes or not told.features:
                continue
            if not _wants(step, taken, seen if kind is None else seen.block(kind), told):
                found.add((taken, step.name))
    return frozenset(found)


def _wants(step: Preprocessor, taken: str, block: Any, told: PrepareContext) -> bool:
    try:
        return step.wants is None or bool(step.wants(block, told))
    except Exception as error:
        message = (
            f"Preprocessor {step.name!r} is left out: its look at the "
            f"{taken} columns raised {type(error).__name__}: {error}"
        )
        warnings.warn(PluginWarning("W_PLUGIN_WANTS", message), stacklevel=2)
        return False
