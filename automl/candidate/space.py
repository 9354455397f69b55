"""What may be tried of one algorithm on one table, as candidates and as Optuna distributions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from automl.candidate.chains import possible_chains
from automl.candidate.recipe import Candidate, Step
from automl.errors import PluginError
from automl.plugin.space import Choice, Float, Int, Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

    from automl.candidate.chains import Chain
    from automl.data.schema import Schema
    from automl.plugin.catalog import Catalog
    from automl.plugin.context import Context
    from automl.plugin.contributions import Algorithm, Params, Task
    from automl.plugin.space import Range

PREPARE = "prepare:"
"""Prefix of the parameters that choose a chain for a kind."""

JOIN = " > "
"""Between the steps of a chain, in a parameter's value."""

NOTHING = frozenset({"nothing"})
"""What an algorithm accepts that reads no column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmSpace:
    """One algorithm with the chains that are possible for it.

    Parameters
    ----------
    algorithm : Algorithm
    chains : mapping of str to tuple of chains
        For each kind in the table, default first. A kind without a chain is left out.
    ranges : mapping of str to range
        The algorithm's own space on this table.
    starts : tuple of mappings
        Configurations to try first.
    fixed : mapping of str to object, default={}
        Parameters that do not vary.
    """

    algorithm: Algorithm
    chains: Mapping[str, tuple[Chain, ...]]
    ranges: Mapping[str, Range | BaseDistribution]
    starts: tuple[Params, ...]
    fixed: Params = field(default_factory=dict)

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
            A range replaces the algorithm's own, a plain value fixes the parameter.
        starts : tuple of mappings
            Tried before the algorithm's own.
        """
        ranges = ranges or {}
        fixed = {name: v for name, v in ranges.items() if isinstance(v, Option)}
        varied = {name: v for name, v in ranges.items() if name not in fixed}
        kept = {name: v for name, v in self.ranges.items() if name not in fixed}
        return replace(
            self,
            ranges={**kept, **varied},
            starts=(*starts, *self.starts),
            fixed={**self.fixed, **fixed},
        )

    def start_candidates(self) -> tuple[Candidate, ...]:
        """Return the configurations to try first, without repetition."""
        found = [self._start(start) for start in self.starts]
        return tuple({candidate.key: candidate for candidate in found}.values())

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return everything that may vary, for ``Study.ask``."""
        varied = {name: self._distribution(name, given) for name, given in self.ranges.items()}
        for kind, chains in self.chains.items():
            if len(chains) > 1:
                options = Choice(*(JOIN.join(chain) for chain in chains))
                varied[PREPARE + kind] = options.distribution()
        return varied

    def candidate(self, params: Mapping[str, Any]) -> Candidate:
        """Return the candidate that a trial's parameters describe."""
        chosen = {name.removeprefix(PREPARE): value for name, value in params.items()}
        return Candidate(
            algorithm=self.algorithm.name,
            params={n: v for n, v in params.items() if not n.startswith(PREPARE)}
            | dict(self.fixed),
            preparation={
                kind: _steps(chosen.get(kind, chains[0])) for kind, chains in self.chains.items()
            },
        )

    def flat(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return a candidate as parameters of a trial; None where it lies outside the space."""
        varied = self.distributions()
        flat = {n: v for n, v in candidate.params.items() if n not in self.fixed}
        for kind, chain in candidate.preparation.items():
            if PREPARE + kind in varied:
                flat[PREPARE + kind] = JOIN.join(step.name for step in chain)
        if set(flat) != set(varied):
            return None
        try:
            inside = all(
                given._contains(given.to_internal_repr(flat[name]))  # noqa: SLF001 - Optuna has no public test
                for name, given in varied.items()
            )
        except (TypeError, ValueError):
            return None
        return flat if inside else None

    def _start(self, start: Params) -> Candidate:
        prepare = start.get("prepare", {})
        params = {name: value for name, value in start.items() if name != "prepare"}
        chosen = {
            PREPARE + kind: chain for kind, chain in prepare.items() if self._has(kind, chain)
        }
        return self.candidate(params | chosen)

    def _has(self, kind: str, chain: str) -> bool:
        return _names(chain) in self.chains.get(kind, ())

    def _distribution(self, name: str, given: Range | BaseDistribution) -> BaseDistribution:
        if isinstance(given, Float | Int | Choice):
            return given.distribution()
        from optuna.distributions import BaseDistribution

        if isinstance(given, BaseDistribution):
            return given
        raise PluginError(
            "E_PLUGIN_SPACE",
            f"Algorithm {self.algorithm.name!r}: the range of {name!r} is {given!r},"
            " expected Float, Int, Choice or an Optuna distribution.",
        )


def algorithm_space(
    algorithm: Algorithm, schema: Schema, catalog: Catalog, context: Context
) -> AlgorithmSpace | None:
    """Return what may be tried of an algorithm, or None where no column can reach it."""
    kinds = list(dict.fromkeys(feature.kind for feature in schema.features))
    steps = catalog.preprocessors.values()
    found = {kind.value: possible_chains(kind, algorithm.accepts, steps) for kind in kinds}
    chains = {kind: options for kind, options in found.items() if options}
    if kinds and not chains and algorithm.accepts != NOTHING:
        return None
    ranges = algorithm.space(context) if callable(algorithm.space) else algorithm.space
    return AlgorithmSpace(
        algorithm=algorithm, chains=chains, ranges=ranges, starts=algorithm.starts
    )


def spaces_for(
    schema: Schema, task: Task, catalog: Catalog, context: Context
) -> tuple[AlgorithmSpace, ...]:
    """Return the spaces of all algorithms that can do a task at this size, by name."""
    found = (
        algorithm_space(algorithm, schema, catalog, context)
        for algorithm in catalog.algorithms.values()
        if _possible(algorithm, task, context)
    )
    return tuple(space for space in found if space is not None)


def _possible(algorithm: Algorithm, task: Task, context: Context) -> bool:
    return bool(
        algorithm.tasks & task.names
        and context.n_rows <= (algorithm.max_rows or context.n_rows)
        and context.n_columns <= (algorithm.max_columns or context.n_columns)
        and context.n_classes <= (algorithm.max_classes or context.n_classes)
    )


def _names(chain: str | Chain) -> Chain:
    if isinstance(chain, str):
        return tuple(chain.split(JOIN)) if chain else ()
    return tuple(chain)


def _steps(chain: str | Chain) -> tuple[Step, ...]:
    return tuple(Step(name=name) for name in _names(chain))
