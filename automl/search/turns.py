"""What the schedule knows when it is asked: all that came, or what does not depend on the pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl.search.outcome import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable

    from automl.search.outcome import Outcome
    from automl.search.race import Race, Rival
    from automl.search.schedule import Schedule


class Turns:
    """Tells a schedule of outcomes.

    Parameters
    ----------
    schedule : Schedule
    race : Race
    lag : int or None
        With a number, the n-th candidate is asked for when all up to the ``n - lag``-th have ended,
        and the schedule knows of these alone, in the order of their numbers: which worker is
        quicker changes nothing then. With None it is told at once.
    note : callable (code, message)
        Hears of an algorithm that is switched off.

    Attributes
    ----------
    rival : Rival or None
        What a candidate is measured by that is asked for now.
    blended : Rival or None
        The same of all that came.
    """

    def __init__(
        self,
        schedule: Schedule,
        race: Race,
        lag: int | None,
        note: Callable[[str, str], None],
    ) -> None:
        self._schedule = schedule
        self._race = race
        self._lag = lag
        self._note = note
        self._held: dict[int, Outcome | None] = {}
        self._told = 0
        self._patient = 0
        self.rival: Rival | None = None
        self.blended: Rival | None = None

    @property
    def in_order(self) -> bool:
        """Whether the pace of the workers changes nothing."""
        return self._lag is not None

    def take(self, number: int, outcome: Outcome | None) -> None:
        """Take what came of a trial; None where the schedule has nothing to learn from it."""
        if self._lag is None:
            self._tell(outcome)
            self.blended = self.rival
        else:
            self._held[number] = outcome
            if isinstance(outcome, Evaluation):
                self.blended = self._race.after(self.blended, outcome)

    def may_ask(self, number: int) -> bool:
        """Whether the candidate of a number may be asked for; the schedule then knows its part."""
        if self._lag is None:
            return True
        last = number - (1 if number == self._patient else self._lag)
        while self._told < last and self._told + 1 in self._held:
            self._told += 1
            self._tell(self._held.pop(self._told))
        return self._told >= last

    def wait_for_all(self, number: int) -> bool:
        """Have the schedule know of all before a candidate is asked for; False where it does."""
        if self._lag is None or self._lag == 1 or number == self._patient:
            return False
        self._patient = number
        return True

    def _tell(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        self._schedule.tell(outcome)
        if isinstance(outcome, Evaluation):
            self.rival = self._race.after(self.rival, outcome)
        off = self._schedule.newly_off()
        if off:
            self._note("W_PLUGIN_OFF", off)
