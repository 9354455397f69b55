"""The bench for preprocessors: finds the way to them and fits them as the engine does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.candidate.chains import after, initial_traits
from automl.candidate.pipeline import FittedChain, FittedStep, Setting
from automl.candidate.preparation import given_to, prepare_context
from automl.data.table import Kind, Table
from automl.plugin.learning import TABLE
from automl.testing.checks import CheckFailedError
from automl.testing.problems import Problem, copy_of, easy_problem, encoded_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automl.data.schema import Schema
    from automl.plugin.catalog import Catalog
    from automl.plugin.context import PrepareContext
    from automl.plugin.contributions import Preprocessor, Task
    from automl.plugin.selection import Plugins

LONGEST = 2
"""Steps before the one that is checked, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way from raw columns of a kind, or from the table, to what a preprocessor takes.

    Parameters
    ----------
    kind : Kind or None
        None for the whole table.
    before : tuple of Preprocessor
        Steps that come first.
    traits : frozenset of str
        What the columns have when they arrive.
    """

    kind: Kind | None
    before: tuple[Preprocessor, ...]
    traits: frozenset[str]

    @property
    def what(self) -> str:
        """Name the columns that it starts from."""
        return TABLE if self.kind is None else self.kind.value


class PreparationBench:
    """What the checks of one preprocessor share.

    Parameters
    ----------
    preprocessor : Preprocessor
    catalog : Catalog
    plugins : Plugins
    """

    def __init__(self, preprocessor: Preprocessor, catalog: Catalog, plugins: Plugins) -> None:
        self.preprocessor = preprocessor
        self.catalog = catalog
        self.plugins = plugins
        self.problem = easy_problem()
        self._arrived: dict[tuple[str, int], tuple[tuple[FittedStep, ...], Any, Table]] = {}

    @cached_property
    def routes(self) -> list[Route]:
        """The shortest way from each kind that leads to it, or that from the table."""
        if TABLE in self.preprocessor.takes:
            return [Route(kind=None, before=(), traits=frozenset({TABLE}))]
        found = (self._route(kind) for kind in Kind)
        return [route for route in found if route is not None]

    @cached_property
    def target(self) -> tuple[Task, NDArray[Any], int]:
        """A task, the target of the training rows, and its number of classes."""
        hidden = np.concatenate([self.problem.hidden, self.problem.fresh_hidden])
        for task in self.catalog.tasks.values():
            found = encoded_targets(task, hidden)
            if found is not None:
                classes = found[1].classes
                n_classes = 0 if classes is None else len(classes)
                return task, found[1].y[: len(self.problem.hidden)], n_classes
        raise CheckFailedError("No task is installed.", "Install one, to check it with a target.")

    def chain(
        self,
        route: Route,
        *,
        table: Table | None = None,
        y: NDArray[Any] | None = None,
        params: Mapping[str, Any] | None = None,
        problem: Problem | None = None,
    ) -> FittedChain:
        """Return the fitted steps up to the one that is checked."""
        problem = problem or self.problem
        y = self.target[1][: problem.table.n_rows] if y is None else y
        context = self.context(route, problem)
        first, block = self._before(route, problem, problem.table if table is None else table)
        chosen = dict(params or {})
        transformer = self.preprocessor.build(chosen, context)
        transformer.fit(copied(block), y)
        last = FittedStep(name=self.preprocessor.name, params=chosen, transformer=transformer)
        return FittedChain(kind=route.kind, steps=(*first, last))

    def unfitted(self, route: Route) -> Any:
        """Return a new transformer for a way to it."""
        return self.preprocessor.build({}, self.context(route, self.problem))

    def fitted(self, route: Route) -> FittedChain:
        """Return the chain fitted on an easy problem."""
        return self.chain(route)

    def context(self, route: Route, problem: Problem) -> PrepareContext:
        """Return what the step is built for."""
        task, _, n_classes = self.target
        setting = Setting(task=task, n_classes=n_classes, metric="", seed=0, threads=1)
        return prepare_context(route.kind, problem.table, problem.schema, setting)

    def _before(
        self, route: Route, problem: Problem, table: Table
    ) -> tuple[tuple[FittedStep, ...], Any]:
        """Return the fitted steps before it, which do not see the target, and what they give."""
        key = (route.what, id(table))
        if key not in self._arrived:
            block = copied(given_to(route.kind, table))
            steps: list[FittedStep] = []
            for step in route.before:
                transformer = step.build({}, self.context(route, problem))
                transformer.fit(block, None)
                block = transformer.transform(block)
                steps.append(FittedStep(name=step.name, params={}, transformer=transformer))
            # The table is kept as well: the number of one that is gone may be given again.
            self._arrived[key] = (tuple(steps), block, table)
        return self._arrived[key][:2]

    def _route(self, kind: Kind) -> Route | None:
        known = sorted(self.catalog.preprocessors.values(), key=lambda one: one.name)
        others = [one for one in known if not one.supervised]
        waiting = [Route(kind=kind, before=(), traits=initial_traits(kind))]
        for route in waiting:
            if self.preprocessor.takes <= route.traits:
                return route
            if len(route.before) < LONGEST:
                waiting += [
                    Route(
                        kind=kind,
                        before=(*route.before, one),
                        traits=after(route.traits, one),
                    )
                    for one in others
                    if one.takes <= route.traits and one not in route.before
                ]
        return None


def copied(block: Any) -> Any:
    """Return a block, or a table, of its own."""
    return copy_of(block) if isinstance(block, Table) else block.copy()


def matrices_of(block: Any) -> list[Any]:
    """Return the matrices of what a step is given."""
    return [*block.blocks().values()] if isinstance(block, Table) else [block]


def columns_of(block: Any, schema: Schema) -> list[NDArray[Any]]:
    """Return views of the columns of what a step is given; none of a sparse matrix."""
    if isinstance(block, Table):
        features = schema.features
        return [block.block(one.kind)[:, schema.of(one.kind).index(one)] for one in features]
    return [*block.T] if isinstance(block, np.ndarray) else []


def arriving(chain: FittedChain, table: Table) -> Any:
    """Return what arrives at the last step."""
    block = copied(given_to(chain.kind, table))
    for step in chain.steps[:-1]:
        block = step.transformer.transform(block)
    return block


def run_chain(chain: FittedChain, table: Table) -> Any:
    """Return what comes out of the last step."""
    return chain.steps[-1].transformer.transform(arriving(chain, table))
