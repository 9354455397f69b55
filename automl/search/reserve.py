"""When a search has to stop so that the final steps fit into the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.search.budget import Clock
from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from automl.search.outcome import Outcome

GUESS = 0.06
"""Share of the budget that is kept as long as nothing is measured, at most `GUESS_SECONDS`."""

GUESS_SECONDS = 0.7

MOST = 0.05
"""Largest share of the budget that the final steps get, and a rehearsal of them takes."""

AGAIN = 3
"""They are rehearsed whenever there are so many times as many evaluations as the last time."""

SAFETY = 1.5
"""The last time there may be more evaluations than in the last rehearsal, and a busier machine."""


class SearchClock(Clock):
    """What is left of a run's time for its search.

    Parameters
    ----------
    run : Clock
        The clock of the whole run.
    closing : float
        Seconds for what comes after the final steps.
    rehearse : callable (outcomes, seconds) -> float
        Does the final steps with what there is, in at most so many seconds, without keeping
        anything, and returns how many it took.
    """

    __slots__ = ("_closing", "_kept", "_rehearse", "_rehearsed", "_run")

    def __init__(
        self, run: Clock, closing: float, rehearse: Callable[[Sequence[Outcome], float], float]
    ) -> None:
        super().__init__(run.seconds)
        self._run = run
        self._closing = closing
        self._rehearse = rehearse
        self._rehearsed = 0
        self._kept = 0.0 if run.seconds is None else min(GUESS * run.seconds, GUESS_SECONDS)

    @property
    def left(self) -> float:
        """Seconds until the search has to stop; infinite where there is no limit."""
        return self._run.left - self._closing - self._kept

    def learn(self, outcomes: Sequence[Outcome]) -> None:
        """Measure the final steps again where they have grown; called while the workers work."""
        if self._run.seconds is None:
            return
        n_evaluations = sum(isinstance(outcome, Evaluation) for outcome in outcomes)
        most = MOST * self._run.seconds
        if n_evaluations < max(AGAIN * self._rehearsed, 1) or self.left < 2 * most:
            return
        self._rehearsed = n_evaluations
        self._kept = min(SAFETY * self._rehearse(outcomes, most), most)
