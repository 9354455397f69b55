"""One algorithm's search: its portfolio first, then what Optuna proposes."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import Trial

    from automl.candidate.recipe import Candidate
    from automl.candidate.space import AlgorithmSpace

MISSES = 20
"""Proposals in a row that were tried before, after which a space counts as exhausted."""


class AlgorithmStudy:
    """Proposes candidates of one algorithm and learns from their scores.

    Parameters
    ----------
    space : AlgorithmSpace
    seed : int
        The run's seed; the study's own is made of it and the algorithm's name, so that another
        plugin never moves this search.
    greater_is_better : bool
    sampler : callable (seed) -> optuna sampler, or None
        Optuna's default where None.
    """

    def __init__(
        self,
        space: AlgorithmSpace,
        seed: int,
        *,
        greater_is_better: bool,
        sampler: Callable[[int], BaseSampler] | None = None,
    ) -> None:
        self.space = space
        self._seed = int(
            hashlib.sha256(f"{seed}/{space.algorithm.name}".encode()).hexdigest()[:8], 16
        )
        self._direction: Literal["maximize", "minimize"] = (
            "maximize" if greater_is_better else "minimize"
        )
        self._sampler = sampler
        self._starts = deque(space.start_candidates())
        self._told: list[tuple[dict[str, Any], float]] = []
        self._tried: set[str] = set()
        self._open: dict[str, Trial] = {}
        self._study: Study | None = None

    @property
    def starts_left(self) -> int:
        """Number of portfolio configurations that were not proposed yet."""
        return len(self._starts)

    def ask(self) -> Candidate | None:
        """Return a candidate not proposed before, or None where there is none."""
        if self._starts:
            candidate = self._starts.popleft()
            self._tried.add(candidate.key)
            return candidate
        distributions = self.space.distributions()
        if not distributions:
            return None
        study = self._study or self._begin()
        for _ in range(MISSES):
            trial = study.ask(distributions)
            candidate = self.space.candidate(trial.params)
            if candidate.key not in self._tried:
                self._tried.add(candidate.key)
                self._open[candidate.key] = trial
                return candidate
            self._fail(trial)
        return None

    def tell(self, candidate: Candidate, score: float | None) -> None:
        """Take a candidate's score; None where it has none."""
        trial = self._open.pop(candidate.key, None)
        usable = score is not None and math.isfinite(score)
        if trial is not None and self._study is not None:
            if usable:
                self._study.tell(trial, score)
            else:
                self._fail(trial)
        elif usable and score is not None:
            params = self.space.flat(candidate)
            if params is not None:
                self._told.append((params, score))
                if self._study is not None:
                    self._add(self._study, params, score)

    def _begin(self) -> Study:
        import optuna

        sampler = self._sampler(self._seed) if self._sampler else None
        # Portfolio results count as start-up trials, so a few random ones are enough.
        sampler = sampler or optuna.samplers.TPESampler(seed=self._seed, n_startup_trials=8)
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self._study = optuna.create_study(direction=self._direction, sampler=sampler)
        finally:
            optuna.logging.set_verbosity(level)
        for params, score in self._told:
            self._add(self._study, params, score)
        return self._study

    def _add(self, study: Study, params: dict[str, Any], score: float) -> None:
        from optuna.trial import create_trial

        distributions = self.space.distributions()
        study.add_trial(create_trial(params=params, distributions=distributions, value=score))

    def _fail(self, trial: Trial) -> None:
        from optuna.trial import TrialState

        if self._study is not None:
            self._study.tell(trial, state=TrialState.FAIL)
