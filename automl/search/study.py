"""One algorithm's search: its portfolio first, then what Optuna proposes."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from automl.errors import PluginError
from automl.search.extras import Extras

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial

    from automl.candidate.recipe import Candidate
    from automl.candidate.space import AlgorithmSpace

MISSES = 20
"""Proposals in a row that were tried before, after which a space counts as exhausted."""


class AlgorithmStudy:
    """Proposes candidates of one algorithm and learns from their scores.

    A start that is another one with steps more that read the whole table is a question to this
    table: where it scores better, the starts to come have these steps as well, and where it has no
    score no candidate to come has them.

    Parameters
    ----------
    space : AlgorithmSpace
    seed : int
        The run's seed; the study's own is made of it and the algorithm's name, so that another
        plugin never moves this search.
    greater_is_better : bool
    sampler : callable (seed) -> optuna sampler, or None
        Optuna's default where None.
    n_costs : int, default=0
        Costs that are told beside each score, the smaller the better.
    """

    def __init__(
        self,
        space: AlgorithmSpace,
        seed: int,
        *,
        greater_is_better: bool,
        sampler: Callable[[int], BaseSampler] | None = None,
        n_costs: int = 0,
    ) -> None:
        self.space = space
        self._name = f"{seed}/{space.algorithm.name}"
        self._n_asked = 0
        self._directions: list[Literal["maximize", "minimize"]] = ["minimize"] * (1 + n_costs)
        if greater_is_better:
            self._directions[0] = "maximize"
        self._sampler = sampler
        self._starts = deque(space.start_candidates())
        self._told: list[tuple[dict[str, Any], list[float]]] = []
        self._extras = Extras(greater_is_better=greater_is_better)
        self._tried: set[str] = set()
        self._open: dict[str, Trial] = {}
        self._proposed: dict[str, dict[str, Any]] = {}
        self._study: Study | None = None

    @cached_property
    def _varied(self) -> dict[str, BaseDistribution]:
        return self.space.distributions()

    @property
    def starts_left(self) -> int:
        """Number of portfolio configurations that were not proposed yet."""
        return len(self._starts)

    def ask(self) -> Candidate | None:
        """Return a candidate not proposed before, or None where there is none."""
        while self._starts:
            candidate = self._extras.as_start(self._starts.popleft())
            if candidate.key not in self._tried:
                self._note(candidate)
                return candidate
        if not self._varied:
            return None
        study = self._study or self._begin()
        for miss in range(MISSES):
            if self._sampler is None:
                # A proposal follows from what was told alone, so that a run can be taken up again.
                study.sampler = _tpe(_seed(self._name, self._n_asked, miss))
            trial = study.ask()
            drawn = self.space.draw(partial(_suggest, trial))
            candidate = self._extras.as_here(self.space.candidate(drawn))
            if candidate.key not in self._tried:
                self._note(candidate)
                self._open[candidate.key] = trial
                return candidate
            _fail(study, trial)
        return None

    def proposal(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return what Optuna drew for a candidate in work; None for one of the portfolio."""
        trial = self._open.get(candidate.key)
        return self._proposed.get(candidate.key) if trial is None else trial.params

    def drawn(self, candidate: Candidate) -> dict[str, Any]:
        """Return the parameters of a trial and their space, empty where it lies outside."""
        from optuna.distributions import distribution_to_json

        params = self.proposal(candidate) or self.space.flat(candidate)
        if params is None:
            return {}
        space = {name: distribution_to_json(self._varied[name]) for name in params}
        return {"params": params, "space": space}

    def take_up(self, candidate: Candidate, proposal: Mapping[str, Any] | None) -> None:
        """Know a candidate from before, as if it had been asked for."""
        self._note(candidate)
        keys = [start.key for start in self._starts]
        begun = candidate.key if candidate.key in keys else candidate.with_extra({}).key
        self._starts = deque(start for start in self._starts if start.key != begun)
        if proposal is not None and self._varied.keys() >= proposal.keys():
            self._proposed[candidate.key] = dict(proposal)

    def tell(
        self,
        candidate: Candidate,
        score: float | None,
        costs: Sequence[float | None] = (),
        *,
        pruned: bool = False,
    ) -> None:
        """Take a candidate's score, None where it has none, and its costs.

        One that was given up is worth less to the sampler than all that have a score.
        """
        trial = self._open.pop(candidate.key, None)
        usable = score is not None and math.isfinite(score)
        self._extras.tell(candidate, score if usable else None)
        values = [one for one in (score, *costs) if one is not None and math.isfinite(one)]
        whole = len(values) == len(self._directions)
        if trial is not None and self._study is not None:
            if whole:
                self._study.tell(trial, values)
            else:
                _fail(self._study, trial, pruned=pruned and not costs)
        elif whole or (pruned and not costs):
            params = self._proposed.pop(candidate.key, None) or self.space.flat(candidate)
            if params is not None:
                self._told.append((params, values))
                if self._study is not None:
                    self._add(self._study, params, values)

    def _begin(self) -> Study:
        import optuna

        seed = _seed(self._name, self._n_asked, 0)
        sampler = _tpe(seed) if self._sampler is None else self._sampler(seed)
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self._study = optuna.create_study(directions=self._directions, sampler=sampler)
        finally:
            optuna.logging.set_verbosity(level)
        for params, values in self._told:
            self._add(self._study, params, values)
        return self._study

    def _note(self, candidate: Candidate) -> None:
        self._tried.add(candidate.key)
        self._n_asked += 1

    def _add(self, study: Study, params: dict[str, Any], values: list[float]) -> None:
        from optuna.trial import TrialState, create_trial

        distributions = {name: self._varied[name] for name in params}
        given: dict[str, Any] = {"values": values} if values else {"state": TrialState.PRUNED}
        # The space may have become another one since the run was begun.
        with suppress(ValueError):
            study.add_trial(create_trial(params=params, distributions=distributions, **given))


def _fail(study: Study, trial: Trial, *, pruned: bool = False) -> None:
    from optuna.trial import TrialState

    study.tell(trial, state=TrialState.PRUNED if pruned else TrialState.FAIL)


def _seed(name: str, asked: int, miss: int) -> int:
    return int(hashlib.sha256(f"{name}/{asked}/{miss}".encode()).hexdigest()[:8], 16)


def _tpe(seed: int) -> BaseSampler:
    import optuna

    # Portfolio results count as start-up trials, so a few random ones are enough.
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)


def _suggest(trial: Trial, name: str, given: BaseDistribution) -> Any:
    """Draw one parameter through the public face of a trial."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(given, FloatDistribution):
        return trial.suggest_float(name, given.low, given.high, step=given.step, log=given.log)
    if isinstance(given, IntDistribution):
        return trial.suggest_int(name, given.low, given.high, step=given.step, log=given.log)
    if isinstance(given, CategoricalDistribution):
        return trial.suggest_categorical(name, given.choices)
    raise PluginError("E_PLUGIN_SPACE", f"{name!r}: {given!r} is none of Optuna's distributions.")
