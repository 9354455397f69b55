"""The search: hands folds of candidates to workers until the budget is spent."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl.events import Blended, Improved, TrialFinished, TrialStarted
from automl.search.active import Active, outcome_of, partial_of
from automl.search.evaluate import FoldJob
from automl.search.outcome import Evaluation, Failure, FoldFailure, Reason
from automl.search.resume import take_up
from automl.search.turns import Turns
from automl.search.workers import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from automl.candidate.recipe import Candidate
    from automl.search.budget import Clock
    from automl.search.history import History
    from automl.search.interrupts import Interrupts
    from automl.search.memory import Memory
    from automl.search.outcome import Outcome
    from automl.search.question import Question
    from automl.search.race import Race
    from automl.search.reserve import SearchClock
    from automl.search.schedule import Schedule
    from automl.search.shared import RunData
    from automl.search.workers import Ended, Pool

FIRST_SHARE = 0.4
"""Share of the time left that one of the first candidates may use, so that a few get their turn."""

FIRST = 3
"""How many candidates count as the first."""

LONGEST = 0.7
"""Share of the time left after which a fold is killed: others have to go on after a hang."""

UNUSUAL = 3.0
"""A fold is left to work for so many times the seconds that its algorithm usually takes."""

SHORTEST = 1.0
"""Seconds that are not worth sharing."""

MARGIN = 0.75
"""Share of a fold's time after which learning in rounds stops: predicting and saving follow."""

ENOUGH = 0.5
"""Share of a candidate's folds that is worth beginning with, as folds that are done count."""

AHEAD = 2
"""Candidates in work at the same time."""

POLL = 0.25
"""Seconds to wait for workers before looking at the clock again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a search ends.

    Parameters
    ----------
    clock : SearchClock
    trials : int or None
        Candidates to try at most, those from before included.
    interrupts : Interrupts
        Ask the search to end.
    memory : Memory
        Refuses candidates that would not fit.
    """

    clock: SearchClock
    trials: int | None
    interrupts: Interrupts
    memory: Memory


class Search:
    """One run of the search loop.

    Parameters
    ----------
    pool : Pool
        Workers whose handler is `automl.search.evaluate.Evaluator`.
    schedule : Schedule
    data : RunData
    question : Question
    limits : Limits
    race : Race
        Says who is given up between folds.
    say : callable (event type, **facts) -> None
        Sends an event, stamped with the time.
    history : History
        What stands from before, and where what comes is kept.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        schedule: Schedule,
        data: RunData,
        question: Question,
        limits: Limits,
        race: Race,
        say: Callable[..., None],
        history: History,
    ) -> None:
        self._pool = pool
        self._schedule = schedule
        self._data = data
        self._question = question
        self._clock = limits.clock
        self._trials = limits.trials
        self._interrupts = limits.interrupts
        self._memory = limits.memory
        self._say = say
        self._active: list[Active] = []
        self._jobs: dict[int, tuple[Active, int]] = {}
        self._n_jobs = 0
        self._exhausted = False
        self._n_rows = max((len(fold.train) for fold in data.plan.folds), default=1)
        self._best: Evaluation | None = None
        self._history = history
        self._n_asked = history.past.last
        in_order = limits.clock.seconds is None
        lag = min(AHEAD, pool.size) if in_order else None
        self._race = race
        self._turns = Turns(schedule, race, lag, history.note)
        past, waiting = take_up(history.past, schedule, self._turns, question.catalog)
        self.outcomes: list[Outcome] = [*past]
        self._waiting = deque(waiting)
        for outcome in self.outcomes:
            if isinstance(outcome, Evaluation) and self._schedule.better(outcome, self._best):
                self._best = outcome

    def run(self) -> list[Outcome]:
        """Search until the budget is spent, nothing is left to try, or Ctrl-C."""
        try:
            while not (self._clock.up or self._interrupts.came or self._history.broken):
                self._fill()
                if not self._jobs:
                    break
                self._clock.learn(self.outcomes)
                for ended in self._pool.wait(min(POLL, max(self._clock.left, 0.01))):
                    self._take(ended)
        except KeyboardInterrupt:
            if self._interrupts.stop_now:
                for active in self._active:
                    self._history.cut(active.number, Reason.INTERRUPTED)
                raise
            self._give_up(Reason.INTERRUPTED, "The run was interrupted.")
        else:
            if self._interrupts.came:
                self._give_up(Reason.INTERRUPTED, "The run was interrupted.")
            elif self._history.broken:
                self._give_up(Reason.DISK, "The run folder cannot be written any more.")
            else:
                self._give_up(Reason.CONSTRAINT, "The budget was spent before all folds were done.")
        return sorted(self.outcomes, key=lambda outcome: outcome.number)

    def _fill(self) -> None:
        for worker in self._pool.idle():
            found = self._next_fold(worker)
            if found is None:
                return
            active, fold = found
            self._submit(active, fold, worker)

    def _next_fold(self, worker: int) -> tuple[Active, int] | None:
        """Prefer the folds that this worker has prepared; then any of the oldest candidate."""
        for _ in range(AHEAD):
            for active in self._active:
                for fold in active.pending:
                    if fold % self._pool.size == worker and active.failure is None:
                        return active, fold
            if len(self._active) >= AHEAD or not self._open():
                break
        for active in self._active:
            if active.pending and active.failure is None:
                return active, active.pending[0]
        return None

    def _open(self) -> bool:
        """Ask for another candidate; False where there is none or no time."""
        while self._waiting:
            if not self._turns.may_ask(self._waiting[0][0]):
                return False
            if self._activate(*self._waiting.popleft()):
                return True
        n_folds = len(self._data.plan.folds)
        # What has fewer folds than there are workers cannot use all of them.
        few = n_folds < self._pool.size
        most_of_a_fold = self._clock.left if few else math.inf
        promised = sum(
            min(self._schedule.expected(one.candidate) / n_folds, most_of_a_fold) * one.open
            for one in self._active
        )
        most = math.inf if self._trials is None else self._trials
        while not (self._exhausted or self._n_asked >= most or self._clock.up):
            if not self._turns.may_ask(self._n_asked + 1):
                return False
            left = self._clock.left * self._pool.size - promised
            longest = LONGEST * self._clock.left * n_folds if few else math.inf
            candidate = self._schedule.ask(left if n_folds == 1 else left / ENOUGH, longest)
            if candidate is None:
                # A running candidate may still teach the schedule what to propose.
                if self._turns.wait_for_all(self._n_asked + 1):
                    continue
                self._exhausted = not self._active
                return False
            self._n_asked += 1
            if self._activate(self._n_asked, candidate):
                return True
        return False

    def _activate(self, number: int, candidate: Candidate) -> bool:
        """Begin with a candidate; False where it would not fit into memory."""
        self._history.begin(number, candidate, self._schedule.proposal(candidate))
        folds = deque(range(len(self._data.plan.folds)))
        active = Active(number=number, candidate=candidate, pending=folds, rival=self._turns.rival)
        self._say(TrialStarted, number=number, algorithm=candidate.algorithm)
        refusal = self._memory.refusal(candidate)
        if refusal:
            active.failure = FoldFailure(reason=Reason.CONSTRAINT, message=refusal)
            self._finish(active)
            return False
        self._active.append(active)
        return True

    def _submit(self, active: Active, fold: int, worker: int) -> None:
        left = self._clock.left
        waves = math.ceil(sum(one.open for one in self._active) / self._pool.size)
        n_complete = sum(isinstance(outcome, Evaluation) for outcome in self.outcomes)
        seconds = _most(self._clock, active.candidate.rows, self._n_rows, n_complete)
        limited = math.isfinite(left)
        usual = self._schedule.expected(active.candidate)
        job = FoldJob(
            number=active.number,
            candidate=active.candidate,
            fold=fold,
            seconds=seconds * MARGIN / waves if limited else None,
        )
        active.pending.remove(fold)
        active.running.add(fold)
        self._n_jobs += 1
        self._jobs[self._n_jobs] = (active, fold)
        self._pool.submit(
            Job(
                number=self._n_jobs,
                payload=job,
                limit=_longest(left, usual / len(self._data.plan.folds)) if limited else None,
                memory=self._memory.share,
            ),
            worker,
        )

    def _take(self, ended: Ended) -> None:
        active, fold = self._jobs.pop(ended.number)
        active.running.discard(fold)
        active.seconds += ended.seconds
        self._memory.tell(active.candidate, ended.peak)
        if ended.crash is not None:
            active.failure = active.failure or FoldFailure(
                reason=ended.crash.reason, message=ended.crash.message, detail=ended.crash.detail
            )
        elif isinstance(ended.result, FoldFailure):
            active.failure = active.failure or ended.result
        else:
            active.results[fold] = ended.result
            why = "" if active.failure is not None else self._verdict(active)
            if why:
                message = f"Given up between folds: {why}."
                active.failure = FoldFailure(reason=Reason.PRUNED, message=message)
        if active.done:
            self._active.remove(active)
            # That the search ends says nothing about a candidate.
            late = ended.crash is not None and ended.crash.reason is Reason.TIMEOUT
            self._finish(active, cut=late and self._clock.up)

    def _verdict(self, active: Active) -> str:
        if active.candidate.rows is not None:
            return ""  # what it will be on more rows is not known yet
        if self._turns.in_order:
            return active.verdict_in_order(self._race)
        return active.verdict(self._race, self._turns.rival)

    def _finish(self, active: Active, *, cut: bool = False) -> None:
        outcome = outcome_of(active, self._data, self._question)
        partial = partial_of(active, self._data, self._question, self._best)
        self.outcomes.append(partial or outcome)
        if (cut or partial) and isinstance(outcome, Failure):
            # A run that goes on does all of its folds.
            self._history.cut(outcome.number, outcome.reason)
        else:
            drawn = self._schedule.drawn(outcome.candidate) if self._history.recorded else {}
            self._history.finish(outcome, drawn)
        before = self._turns.blended
        self._turns.take(outcome.number, outcome)
        score = outcome.cv_score if isinstance(outcome, Evaluation) else None
        failure = outcome if isinstance(outcome, Failure) else None
        algorithm = outcome.candidate.algorithm
        self._say(
            TrialFinished,
            number=outcome.number,
            algorithm=algorithm,
            status=failure.reason.value if failure else "complete",
            score=score,
            seconds=outcome.seconds,
            message=failure.message if failure else "",
        )
        if isinstance(outcome, Evaluation) and self._schedule.better(outcome, self._best):
            self._best = outcome
            self._say(Improved, number=outcome.number, algorithm=algorithm, score=outcome.cv_score)
        blended = self._turns.blended
        if blended is not None and (before is None or blended.score != before.score):
            self._say(Blended, score=blended.score)

    def _give_up(self, reason: Reason, message: str) -> None:
        """Close what is in work; a fold that is just being handed over still counts."""
        for ended in self._pool.wait(0):
            self._take(ended)
        for number in list(self._jobs):
            self._pool.cancel(number)
        self._jobs.clear()
        for active in self._active:
            cut = active.failure is None
            active.failure = active.failure or FoldFailure(reason=reason, message=message)
            self._finish(active, cut=cut)
        self._active.clear()


def _most(clock: Clock, rows: int | None, n_rows: int, n_complete: int) -> float:
    """Return the seconds that a candidate may use, all its folds at once."""
    left = max(clock.left, 0.0)
    if rows is not None and clock.seconds is not None:
        return min(LONGEST * left, FIRST_SHARE * math.sqrt(rows / n_rows) * clock.seconds)
    return left * (FIRST_SHARE if n_complete < FIRST else LONGEST)


def _longest(left: float, usual: float) -> float:
    return min(left, max(LONGEST * left, UNUSUAL * usual, SHORTEST))
