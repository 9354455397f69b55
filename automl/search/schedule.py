"""Who goes next, by what an algorithm costs and what it has brought."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Outcome
    from automl.search.study import AlgorithmStudy

DECAY = 0.5
"""Each place in the ranking of algorithms halves the time that goes into tuning."""


@dataclass(slots=True, kw_only=True)
class _Record:
    """What one algorithm has cost and brought so far."""

    study: AlgorithmStudy
    asked: int = 0
    spent: float = 0.0
    best: float | None = None
    seconds: list[float] = field(default_factory=list)

    @property
    def cost(self) -> float:
        return self.study.space.algorithm.cost


class Schedule:
    """Proposes the next candidate over all algorithms.

    First the portfolios, families alternating: an algorithm's n-th configuration has its turn at
    ``n * sqrt(cost) / promise``, so that what is cheap and promising comes first and nobody waits
    for all of another. Then tuning: the algorithm that has used least of its share, which halves
    with each place in the ranking.

    Parameters
    ----------
    studies : sequence of AlgorithmStudy
    greater_is_better : bool
    measured : bool
        Whether measured seconds count; with declared costs alone a run is deterministic.
    """

    def __init__(
        self, studies: Sequence[AlgorithmStudy], *, greater_is_better: bool, measured: bool
    ) -> None:
        self._records = {study.space.algorithm.name: _Record(study=study) for study in studies}
        self._sign = 1 if greater_is_better else -1
        self._measured = measured

    def ask(self, seconds_left: float) -> Candidate | None:
        """Return the next candidate that should fit into the time left, or None.

        Parameters
        ----------
        seconds_left : float
            Worker seconds until the search has to end.
        """
        waiting = list(self._records.values())
        while waiting:
            record = min(waiting, key=self._urgency)
            if self._expected(record) <= seconds_left and math.isfinite(self._urgency(record)[0]):
                candidate = record.study.ask()
                if candidate is not None:
                    record.asked += 1
                    if not self._measured:
                        record.spent += record.cost
                    return candidate
            waiting.remove(record)
        return None

    def expected(self, algorithm: str) -> float:
        """Return the seconds that a candidate of an algorithm takes, all folds together."""
        return self._expected(self._records[algorithm])

    def tell(self, outcome: Outcome) -> None:
        """Take what came of a candidate."""
        record = self._records[outcome.candidate.algorithm]
        score = outcome.cv_score if isinstance(outcome, Evaluation) else None
        record.study.tell(outcome.candidate, score)
        record.seconds.append(outcome.seconds)
        if self._measured:
            record.spent += outcome.seconds
        if score is not None:
            signed = self._sign * score
            record.best = signed if record.best is None else max(record.best, signed)

    def _urgency(self, record: _Record) -> tuple[float, float, str]:
        """Sort key: portfolio places come before all tuning."""
        name = record.study.space.algorithm.name
        if record.study.starts_left:
            algorithm = record.study.space.algorithm
            turn = (record.asked + 1) * math.sqrt(record.cost) / algorithm.promise
            return (turn, record.cost, name)
        if record.best is None:
            return (math.inf, record.cost, name)
        better = sum(
            other.best is not None and other.best > record.best for other in self._records.values()
        )
        return (1e9 + record.spent / DECAY**better, record.cost, name)

    def _expected(self, record: _Record) -> float:
        """Seconds that the next candidate will probably take, all folds together."""
        if not self._measured:
            return 0.0
        if record.seconds:
            return median(record.seconds[-5:])
        known = [
            min(other.seconds) / other.cost for other in self._records.values() if other.seconds
        ]
        return min(known, default=0.0) * record.cost
