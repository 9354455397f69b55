"""What may be tried of one algorithm on one table, as candidates and as Optuna distributions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from automl.candidate.chains import chain_behind, possible_chains
from automl.candidate.looking import declined_steps
from automl.candidate.pipeline import device_of
from automl.candidate.ranges import Ranges
from automl.candidate.recipe import Candidate, Step
from automl.errors import PluginWarning
from automl.plugin.learning import KINDS, TABLE
from automl.plugin.space import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from optuna.distributions import BaseDistribution

    from automl.candidate.chains import Chain
    from automl.data.schema import Schema
    from automl.data.table import Table
    from automl.plugin.catalog import Catalog
    from automl.plugin.context import Context
    from automl.plugin.contributions import Algorithm, Params, Task

PREPARE = "prepare:"
"""Prefix of the parameters that choose a chain for a kind."""

OF = "__"
"""Between a step's name and its parameter's, in a parameter of a trial."""

JOIN = " > "
"""Between the steps of a chain, in a parameter's value."""

LEFT_OUT: Chain = ()
"""The choice not to use a step that reads the whole table."""

USUAL_ROWS = 2_000
"""Rows for which costs are declared."""

FEW_CLASSES = 4
"""With more classes what is learned for each of them costs more."""

NOTHING = frozenset({"nothing"})
"""What an algorithm accepts that reads no column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmSpace:
    """One algorithm with the chains that are possible for it.

    A parameter of a step is called ``step__parameter``, also in starts and in what a user bends.

    Parameters
    ----------
    algorithm : Algorithm
    chains : mapping of str to tuple of chains
        For each kind in the table, default first; a kind without a chain is left out. For each
        step that reads the whole table, by its name, first the choice to leave it out.
    ranges : Ranges
        The algorithm's own space on this table.
    starts : tuple of mappings
        Configurations to try first.
    steps : mapping of str to Ranges, default={}
        For each step that a chain may have, its space.
    n_rows, n_classes : int, default=2000, 0
        Of the table, for the cost.
    device : str, default="cpu"
        Where it learns.
    absent : frozenset of str, default=frozenset()
        Steps that no chain has on this table: what is said of their parameters is not used.
    """

    algorithm: Algorithm
    chains: Mapping[str, tuple[Chain, ...]]
    ranges: Ranges
    starts: tuple[Params, ...]
    steps: Mapping[str, Ranges] = field(default_factory=dict)
    n_rows: int = USUAL_ROWS
    n_classes: int = 0
    device: str = "cpu"
    absent: frozenset[str] = frozenset()

    @property
    def step_names(self) -> frozenset[str]:
        """Names of all preprocessors that a candidate may use."""
        return frozenset(
            name for chains in self.chains.values() for chain in chains for name in chain
        )

    def bent(self, ranges: Mapping[str, Any] | None, starts: tuple[Params, ...]) -> AlgorithmSpace:
        """Return the space as a user wants it.

        Parameters
        ----------
        ranges : mapping of str to range or plain value, or None
            A range replaces the one that is there, a plain value fixes the parameter.
        starts : tuple of mappings
            Tried before the algorithm's own.
        """
        own, of_steps = self._sorted(ranges or {})
        return replace(
            self,
            ranges=self.ranges.bent(own),
            starts=(*starts, *self.starts),
            steps={name: space.bent(of_steps.get(name, {})) for name, space in self.steps.items()},
        )

    def start_candidates(self) -> tuple[Candidate, ...]:
        """Return the configurations to try first, without repetition."""
        found = [self._start(start) for start in self.starts]
        return tuple({candidate.key: candidate for candidate in found}.values())

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return everything that may vary, by name."""
        varied = self.ranges.distributions()
        varied |= {
            PREPARE + kind: Choice(*(JOIN.join(chain) for chain in chains)).distribution()
            for kind, chains in self.chains.items()
            if len(chains) > 1
        }
        for step, space in self.steps.items():
            varied |= {step + OF + name: one for name, one in space.distributions().items()}
        return varied

    def draw(self, suggest: Callable[[str, BaseDistribution], Any]) -> dict[str, Any]:
        """Return the parameters of a trial, without what is not used with the others.

        Parameters
        ----------
        suggest : callable (name, distribution) -> value
        """
        varied = self.distributions()

        def ask(name: str) -> Any:
            return suggest(name, varied[name])

        drawn = {name: ask(name) for name in varied if name.startswith(PREPARE)}
        drawn |= self.ranges.draw(ask)
        used = {name for chain in self._chosen(drawn).values() for name in chain}
        for step in sorted(used & {*self.steps}):
            found = self.steps[step].draw(partial(_ask_for, ask, step))
            drawn |= {step + OF + name: value for name, value in found.items()}
        return drawn

    def candidate(self, params: Mapping[str, Any]) -> Candidate:
        """Return the candidate that a trial's parameters describe."""
        own, of_steps = self._sorted(params)
        built = {name: space.complete(of_steps.get(name, {})) for name, space in self.steps.items()}
        return Candidate(
            algorithm=self.algorithm.name,
            params=self.ranges.complete(own),
            preparation={
                kind: tuple(Step(name=name, params=built.get(name, {})) for name in chain)
                for kind, chain in self._chosen(params).items()
                if kind in KINDS or chain != LEFT_OUT
            },
        )

    def flat(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return a candidate as parameters of a trial; None where it lies outside the space.

        A step's parameters may be left out, which means what the step itself takes then.
        """
        varied = self.distributions()
        flat = {n: v for n, v in candidate.params.items() if n not in self.ranges.fixed}
        if set(flat) != self.ranges.used({**candidate.params, **self.ranges.fixed}):
            return None
        left_out: dict[str, tuple[Step, ...]] = {n: () for n in self.chains if n not in KINDS}
        for kind, chain in (left_out | {**candidate.preparation}).items():
            if PREPARE + kind in varied:
                flat[PREPARE + kind] = JOIN.join(step.name for step in chain)
            for step in chain:
                fixed = self.steps[step.name].fixed if step.name in self.steps else {}
                flat |= {step.name + OF + n: v for n, v in step.params.items() if n not in fixed}
        try:
            inside = all(
                varied[name]._contains(varied[name].to_internal_repr(value))  # noqa: SLF001 - Optuna has no public test
                for name, value in flat.items()
            )
        except (KeyError, TypeError, ValueError):
            return None
        return flat if inside else None

    def _start(self, start: Params) -> Candidate:
        prepare = start.get("prepare", {})
        params = {name: value for name, value in start.items() if name != "prepare"}
        chosen = {
            PREPARE + kind: possible
            for kind, chain in prepare.items()
            for possible in self.chains.get(kind, ())
            if _names(chain) == possible or (kind not in KINDS and _names(chain) == possible[:1])
        }
        return self.candidate(params | chosen)

    def _chosen(self, params: Mapping[str, Any]) -> dict[str, Chain]:
        """Return the chain of each kind."""
        return {
            kind: _names(params.get(PREPARE + kind, chains[0]))
            for kind, chains in self.chains.items()
        }

    def _sorted(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Tell the algorithm's own parameters from those of each step."""
        own: dict[str, Any] = {}
        of_steps: dict[str, dict[str, Any]] = {}
        for name, value in given.items():
            step, _, local = name.partition(OF)
            of_step = local and name not in self.ranges.varied
            if of_step and step in self.steps:
                of_steps.setdefault(step, {})[local] = value
            elif not (name.startswith(PREPARE) or (of_step and step in self.absent)):
                own[name] = value
        return own, of_steps


def cost_of(space: AlgorithmSpace) -> float:
    """Return what a fit costs here, relative to a boosted tree ensemble's with few classes."""
    algorithm = space.algorithm
    many = space.n_classes / FEW_CLASSES if algorithm.by_class else 1.0
    size: float = (space.n_rows / USUAL_ROWS) ** algorithm.growth
    # Costs are declared for CPUs; who names a device wants to see it used.
    cost = algorithm.cost if space.device == "cpu" else min(algorithm.cost, 1.0)
    return cost * size * max(1.0, many)


def algorithm_space(
    algorithm: Algorithm,
    schema: Schema,
    catalog: Catalog,
    context: Context,
    declined: frozenset[tuple[str, str]] = frozenset(),
) -> AlgorithmSpace | None:
    """Return what may be tried of an algorithm, or None where no column can reach it.

    Parameters
    ----------
    algorithm : Algorithm
    schema : Schema
    catalog : Catalog
    context : Context
    declined : frozenset of (kind, step), default=frozenset()
        Steps that looked at the columns of a kind and said that these are not theirs.
    """
    kinds = list(dict.fromkeys(feature.kind for feature in schema.features))
    known = catalog.preprocessors
    found = {}
    for kind in kinds:
        steps = [step for name, step in known.items() if (kind.value, name) not in declined]
        found[kind.value] = possible_chains(kind, algorithm.accepts, steps)
    chains = {kind: options for kind, options in found.items() if options}
    if kinds and not chains and algorithm.accepts != NOTHING:
        return None
    # A column made of a constrained one would break the promise behind its back.
    if kinds and not any(feature.monotonic for feature in schema.features):
        for name in sorted(name for name, step in known.items() if TABLE in step.takes):
            behind = chain_behind(known[name], algorithm.accepts, known.values())
            if behind is not None and (TABLE, name) not in declined:
                chains[name] = (LEFT_OUT, behind)
    given = algorithm.space(context) if callable(algorithm.space) else algorithm.space
    space = AlgorithmSpace(
        algorithm=algorithm,
        chains=chains,
        ranges=Ranges(owner=f"Algorithm {algorithm.name!r}", varied=given),
        starts=algorithm.starts,
        n_rows=context.n_rows,
        n_classes=context.n_classes,
        device=device_of(algorithm, context.device),
    )
    used = {name: catalog.preprocessors[name] for name in sorted(space.step_names)}
    spaces = {n: Ranges(owner=f"Preprocessor {n!r}", varied=s.space) for n, s in used.items()}
    return replace(space, steps=spaces, absent=frozenset(known) - space.step_names)


def spaces_for(
    schema: Schema, task: Task, catalog: Catalog, context: Context, table: Table | None = None
) -> tuple[AlgorithmSpace, ...]:
    """Return the spaces of all algorithms that can do a task at this size, by name.

    Parameters
    ----------
    schema : Schema
    task : Task
    catalog : Catalog
    context : Context
    table : Table or None, default=None
        What steps may look at before they say whether the columns are theirs.
    """
    declined = declined_steps(schema, catalog, context, table)

    def look(algorithm: Algorithm) -> AlgorithmSpace | None:
        if not _possible(algorithm, task, context, schema):
            return None
        try:
            known = algorithm.known()
            if not _possible(known, task, context, schema):
                return None
            space = algorithm_space(known, schema, catalog, context, declined)
            if space is not None:
                space.ranges.check()
        except Exception as error:
            message = (
                f"Algorithm {algorithm.name!r} ({catalog.givers['algorithm', algorithm.name]}) is "
                f"not tried, its space cannot be known: {type(error).__name__}: {error}"
            )
            warnings.warn(PluginWarning("W_PLUGIN_SPACE", message), stacklevel=2)
            return None
        return space

    found = (look(algorithm) for algorithm in catalog.algorithms.values())
    return tuple(space for space in found if space is not None)


def _possible(algorithm: Algorithm, task: Task, context: Context, schema: Schema) -> bool:
    return bool(
        algorithm.tasks & task.names
        and context.n_rows <= (algorithm.max_rows or context.n_rows)
        and context.n_columns <= (algorithm.max_columns or context.n_columns)
        and context.n_classes <= (algorithm.max_classes or context.n_classes)
        and (algorithm.monotonic or not any(feature.monotonic for feature in schema.features))
    )


def _ask_for(ask: Callable[[str], Any], step: str, name: str) -> Any:
    return ask(step + OF + name)


def _names(chain: str | Chain) -> Chain:
    if isinstance(chain, str):
        return tuple(chain.split(JOIN)) if chain else ()
    return tuple(chain)
