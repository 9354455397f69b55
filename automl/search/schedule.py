"""Who goes next, by what an algorithm costs and what it has brought."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from automl.candidate.recipe import Candidate
from automl.candidate.space import cost_of
from automl.search.outcome import Evaluation, Failure, Reason
from automl.search.rungs import Rungs

if TYPE_CHECKING:
    from automl.search.outcome import Outcome
    from automl.search.study import AlgorithmStudy

DECAY = 0.5
"""Each place in the ranking of algorithms halves the time that goes into tuning."""

OFF_SHARE = 0.8
"""Share of failures above which an algorithm is not tried again in this run."""

OFF_TRIALS = 5
"""Fewer trials say nothing about an algorithm."""

REFUSED = 5
"""Candidates in a row that would not fit into memory, after which an algorithm is not asked."""

NO_FAULT = frozenset({Reason.CONSTRAINT, Reason.INTERRUPTED, Reason.DISK})
"""Reasons that say nothing about it."""


@dataclass(slots=True, kw_only=True)
class _Record:
    """What one algorithm has cost and brought so far."""

    study: AlgorithmStudy
    asked: int = 0
    spent: float = 0.0
    best: float | None = None
    seconds: dict[int | None, list[float]] = field(default_factory=dict)
    tried: int = 0
    failed: int = 0
    pruned: int = 0
    off: bool = False
    refused: int = 0

    def ask(self, *, measured: bool) -> None:
        """Count a candidate that was asked for."""
        self.asked += 1
        if not measured:
            self.spent += self.cost

    def count(self, outcome: Outcome) -> None:
        """Count what speaks for or against the algorithm."""
        reason = outcome.reason if isinstance(outcome, Failure) else None
        if reason not in NO_FAULT:
            self.tried += 1
            self.failed += reason not in {None, Reason.PRUNED}
            self.pruned += reason is Reason.PRUNED

    def learn(self, outcome: Outcome, costs: Sequence[str], sign: int) -> None:
        """Tell the study of an outcome, and know the best score."""
        score = outcome.cv_score if isinstance(outcome, Evaluation) else None
        self.study.tell(
            outcome.candidate.on(None),
            score,
            [getattr(outcome, name, None) for name in costs],
            pruned=isinstance(outcome, Failure) and outcome.reason is Reason.PRUNED,
        )
        if score is not None:
            self.best = sign * score if self.best is None else max(self.best, sign * score)

    @property
    def hopeless(self) -> bool:
        return self.tried >= OFF_TRIALS and self.failed > OFF_SHARE * self.tried

    @property
    def cost(self) -> float:
        return cost_of(self.study.space)


class Schedule:
    """Proposes the next candidate over all algorithms.

    First the portfolios, families alternating: an algorithm's n-th configuration has its turn at
    ``n * sqrt(cost) / promise``, so that what is cheap and promising comes first and nobody waits
    for all of another; one that was given up counts twice. Then tuning: the algorithm that has used
    least of its share, which halves with each place in the ranking.

    Parameters
    ----------
    studies : sequence of AlgorithmStudy
    greater_is_better : bool
    measured : bool
        Whether measured seconds count; with declared costs alone a run is deterministic.
    costs : sequence of str, default=()
        What of an evaluation the studies are told beside its score.
    rungs : Rungs or None, default=None
        Decides on how many rows a candidate is fitted; on all of them where None.
    """

    def __init__(
        self,
        studies: Sequence[AlgorithmStudy],
        *,
        greater_is_better: bool,
        measured: bool,
        costs: Sequence[str] = (),
        rungs: Rungs | None = None,
    ) -> None:
        self._records = {study.space.algorithm.name: _Record(study=study) for study in studies}
        self._sign = 1 if greater_is_better else -1
        self._measured = measured
        self._costs = tuple(costs)
        self._rungs = rungs or Rungs(0, math.inf, 0.0, greater_is_better=greater_is_better)

    def ask(self, seconds_left: float, longest: float = math.inf) -> Candidate | None:
        """Return the next candidate that should fit into the time left, or None.

        Parameters
        ----------
        seconds_left : float
            Worker seconds until the search has to end.
        longest : float, default=inf
            Seconds that one candidate may take, all folds together, to end in time.
        """
        found = self._rungs.next(seconds_left, longest) or self._look(min(seconds_left, longest))
        if found is None:
            for known in self._rungs.settle():
                self._records[known.candidate.algorithm].learn(known, self._costs, self._sign)
            found = self._look(min(seconds_left, longest)) or self._rungs.next(
                seconds_left, longest, alone=True
            )
        if found is None:
            return None
        self._rungs.begin(*found)
        return found[0]

    def _look(self, seconds_left: float) -> tuple[Candidate, float] | None:
        """Return the next candidate that is new, and how long it will probably take."""
        rows = self._rungs.first
        waiting = [record for record in self._records.values() if not record.off]
        while waiting:
            record = min(waiting, key=self._urgency)
            name = record.study.space.algorithm.name
            expected = self.expected(Candidate(algorithm=name, rows=rows))
            if expected <= seconds_left and math.isfinite(self._urgency(record)[0]):
                candidate = record.study.ask()
                if candidate is not None:
                    record.ask(measured=self._measured)
                    return candidate.on(rows), expected
            waiting.remove(record)
        return None

    def proposal(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return what the study drew for a candidate in work, where it drew something."""
        return self._records[candidate.algorithm].study.proposal(candidate.on(None))

    def drawn(self, candidate: Candidate) -> dict[str, Any]:
        """Return what Optuna would know of a candidate (see `AlgorithmStudy.drawn`)."""
        return self._records[candidate.algorithm].study.drawn(candidate.on(None))

    def take_up(self, candidate: Candidate, proposal: Mapping[str, Any] | None) -> bool:
        """Know a candidate from before; return whether its algorithm is still there."""
        record = self._records.get(candidate.algorithm)
        if record is not None:
            record.study.take_up(candidate.on(None), proposal)
            record.ask(measured=self._measured)
            self._rungs.begin(candidate, 0.0)
        return record is not None

    def expected(self, candidate: Candidate) -> float:
        """Return the seconds that such a candidate probably takes, all folds together."""
        if not self._measured:
            return 0.0
        record, rows, scale = self._records[candidate.algorithm], candidate.rows, self._rungs.scale
        if rows in record.seconds:
            return median(record.seconds[rows][-5:])
        if record.seconds:
            known = min(record.seconds, key=scale)
            return median(record.seconds[known][-5:]) * scale(rows) / scale(known)
        guesses = [
            min(other.seconds[known]) / other.cost * scale(rows) / scale(known)
            for other in self._records.values()
            for known in other.seconds
        ]
        return min(guesses, default=0.0) * record.cost

    def tell(self, outcome: Outcome) -> None:
        """Take what came of a candidate."""
        record = self._records[outcome.candidate.algorithm]
        record.count(outcome)
        for known in self._rungs.tell(outcome):
            self._records[known.candidate.algorithm].learn(known, self._costs, self._sign)
        if isinstance(outcome, Failure) and outcome.reason is Reason.CONSTRAINT:
            record.refused += 1
            record.off = record.off or record.refused >= REFUSED
            return
        record.refused = 0
        if isinstance(outcome, Evaluation) or outcome.reason is Reason.TIMEOUT:
            record.seconds.setdefault(outcome.candidate.rows, []).append(outcome.seconds)
        if self._measured:
            record.spent += outcome.seconds

    def newly_off(self) -> str:
        """Say of an algorithm that it fails nearly always, once; it is not asked again."""
        for name, record in self._records.items():
            if not record.off and record.hopeless:
                record.off = True
                return (
                    f"The algorithm {name!r} is not tried again in this run: {record.failed} of "
                    f"{record.tried} trials have failed. The leaderboard says why."
                )
        return ""

    def better(self, one: Evaluation, other: Evaluation | None) -> bool:
        """Whether an evaluation scores better than another."""
        return other is None or self._sign * one.cv_score > self._sign * other.cv_score

    def _urgency(self, record: _Record) -> tuple[float, float, str]:
        """Sort key: portfolio places come before all tuning."""
        name = record.study.space.algorithm.name
        if record.study.starts_left:
            algorithm = record.study.space.algorithm
            place = 1 + record.asked + record.pruned
            turn = place * math.sqrt(record.cost) / algorithm.promise
            return (turn, record.cost, name)
        if record.best is None:
            return (math.inf, record.cost, name)
        better = sum(
            other.best is not None and other.best > record.best for other in self._records.values()
        )
        return (1e9 + record.spent / DECAY**better, record.cost, name)
