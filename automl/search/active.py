"""A candidate in work: its folds, and what comes of them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from automl.search.outcome import Evaluation, Failure, FoldFailure, FoldResult, Reason
from automl.search.scoring import score_values
from automl.search.worker import attempt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.race import Race, Rival
    from automl.search.shared import RunData


LATE = frozenset({Reason.CONSTRAINT, Reason.INTERRUPTED, Reason.TIMEOUT})
"""Reasons that say nothing about the folds that are done."""


@dataclass(slots=True, kw_only=True, eq=False)
class Active:
    """A candidate in work.

    Attributes
    ----------
    rival : Rival or None
        What there was when the schedule was asked for this candidate.
    compared : int
        How many of its first folds were compared with the rival's.
    """

    number: int
    candidate: Candidate
    pending: deque[int]
    running: set[int] = field(default_factory=set)
    results: dict[int, FoldResult] = field(default_factory=dict)
    failure: FoldFailure | None = None
    seconds: float = 0.0
    rival: Rival | None = None
    compared: int = 0

    @property
    def open(self) -> int:
        """Folds that are not done."""
        return len(self.running) + (0 if self.failure else len(self.pending))

    @property
    def done(self) -> bool:
        """Whether nothing of it is in work, or to be."""
        return not self.running and (self.failure is not None or not self.pending)

    def verdict(self, race: Race, rival: Rival | None) -> str:
        """Say why it is given up with something left to be saved, "" where it may go on."""
        return race.verdict(rival, self.results) if self.pending else ""

    def verdict_in_order(self, race: Race) -> str:
        """Say the same of the first folds, in their order whichever came first, and of `rival`."""
        while self.compared in self.results and self.compared + 1 < race.n_folds:
            self.compared += 1
            first = {fold: self.results[fold] for fold in range(self.compared)}
            why = race.verdict(self.rival, first)
            if why:
                return why
        return ""


def outcome_of(active: Active, data: RunData, question: Question) -> Outcome:
    """Score all out-of-fold values of a candidate together."""
    found = active.failure or _scored(active, data, question, None)
    if isinstance(found, Evaluation):
        return found
    return Failure(
        number=active.number,
        candidate=active.candidate,
        reason=found.reason,
        message=found.message,
        detail=found.detail,
        seconds=active.seconds,
    )


def partial_of(
    active: Active, data: RunData, question: Question, best: Evaluation | None
) -> Evaluation | None:
    """Return what the folds are worth that were done before the time was up, None where nothing.

    Parameters
    ----------
    active : Active
    data : RunData
    question : Question
    best : Evaluation or None
        A complete candidate, whose values the rows of the other folds get.
    """
    if active.failure is None or active.failure.reason not in LATE:
        return None
    if best is None or not active.results:
        return None
    found = _scored(active, data, question, best.values)
    return found if isinstance(found, Evaluation) else None


def _scored(
    active: Active, data: RunData, question: Question, rest: NDArray[np.float32] | None
) -> Evaluation | FoldFailure:
    done = dict(sorted(active.results.items()))
    results = list(done.values())
    values = data.plan.gather({fold: result.values for fold, result in done.items()}, rest)
    truth, decide = data.truth(data.plan.covered), question.task.decide
    score, crash = attempt(
        lambda: score_values(question.metric, decide, truth, values), passing=KeyboardInterrupt
    )
    if crash is not None:
        return FoldFailure(reason=crash.reason, message=crash.message, detail=crash.detail)
    if not math.isfinite(score):
        return FoldFailure(reason=Reason.NONFINITE, message=f"The score is {score}.")
    return Evaluation(
        number=active.number,
        candidate=active.candidate,
        cv_score=score,
        fold_scores=tuple(result.score for result in results),
        values=values,
        members=tuple(result.member for result in results),
        digests=tuple(result.digest for result in results),
        rounds=tuple(result.rounds for result in results),
        sample=np.mean([result.sample for result in results], axis=0),
        seconds=active.seconds,
        latency_ms=_sum(result.latency_ms for result in results),
        n_bytes=sum(result.n_bytes for result in results),
        n_missing=len(data.plan.folds) - len(results),
    )


def _sum(numbers: Iterable[float | None]) -> float | None:
    """Return the sum; None where a number is not known."""
    known = list(numbers)
    return None if None in known else sum(number for number in known if number is not None)
