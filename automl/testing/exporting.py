"""The bench for exporters: small real models of every installed task, learned in this process."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.plugin.discovery import discover
from automl.testing.problems import easy_problem, labels_of, raw_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from automl.model.predictor import Predictor
    from automl.plugin.catalog import Catalog
    from automl.plugin.contributions import Exporter
    from automl.plugin.selection import Plugins

USUAL = ("number", "category", "date")
"""Kinds of columns of the table that models are learned from."""

PLAIN = ("number",)
"""And of the one for exporters that refuse them."""

N_ROWS = 80
TRIED = 4
"""Algorithms whose models an exporter is asked about until it takes one."""


class ExportingBench:
    """What the checks of one exporter share.

    Parameters
    ----------
    exporter : Exporter
    catalog : Catalog
    plugins : Plugins
    """

    def __init__(self, exporter: Exporter, catalog: Catalog, plugins: Plugins) -> None:
        self.exporter = exporter
        self.catalog = catalog
        self.plugins = plugins

    @cached_property
    def asked(self) -> list[tuple[Predictor, list[str]]]:
        """Models of every task with why each is refused, up to the first that is not."""
        found = []
        for task in tasks():
            for algorithm, kinds in _choices(task):
                model = small_model(task, algorithm, kinds)
                reasons = [str(one) for one in self.exporter.refuses(model)]
                found.append((model, reasons))
                if not reasons:
                    break
        return found

    @property
    def models(self) -> dict[str, Predictor]:
        """A model that is not refused, by the name of its task."""
        return {model.task.name: model for model, reasons in self.asked if not reasons}

    @property
    def first(self) -> list[Predictor]:
        """The first of these, if there is one: that there is none is said by one check."""
        return list(self.models.values())[:1]

    @contextmanager
    def exported(self, model: Predictor) -> Iterator[Path]:
        """Give the folder of an export that only the exporter itself has looked at."""
        with tempfile.TemporaryDirectory(prefix="automl-check-") as name:
            folder = Path(name) / "exported here"
            folder.mkdir()
            self.exporter.export(model, folder)
            yield folder


def tasks() -> tuple[str, ...]:
    """Return the installed tasks that stand for themselves."""
    return tuple(name for name, task in discover().tasks.items() if not task.like)


@cache
def small_model(task: str, algorithm: str, kinds: tuple[str, ...]) -> Predictor:
    """Return a model of one algorithm that was learned, as any other, from a small table."""
    from automl import Budget, Strategy, fit
    from automl.plugin.selection import Plugins

    problem = easy_problem(N_ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fit(
            _columns(raw_columns(problem, kinds)),
            labels_of(discover().tasks[task], problem),
            budget=Budget(trials=1),
            plugins=Plugins(only=(algorithm,), without=("listener:*",)),
            n_jobs=1,
            strategy=Strategy(task=task, folds=2, isolation="none"),
        )
    return result.predictor


def _choices(task: str) -> list[tuple[str, tuple[str, ...]]]:
    catalog = discover()
    names = catalog.tasks[task].names
    able = [one for one in catalog.algorithms.values() if one.default and one.tasks & names]
    cheapest = sorted(able, key=lambda one: (one.cost, one.name))[:TRIED]
    usual = [(one.name, USUAL) for one in cheapest]
    return [*usual, *((one.name, PLAIN) for one in cheapest[:2])]


def _columns(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return columns as a user would write them, with dates as words and cells missing."""
    written = {}
    for position, (name, cells) in enumerate(columns.items()):
        kept = [
            np.datetime64(int(cell), "s").item().isoformat() if name.startswith("date") else cell
            for cell in cells
        ]
        written[name] = [None if (row + position) % 9 == 0 else one for row, one in enumerate(kept)]
    return written
