"""When to stop learning in rounds: one rule for everything that improves step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.plugin.contributions import Report


class Patience:
    """Say after each round whether to stop, and remember the best round.

    The patience grows with the number of rounds that paid, ``floor + share * best_round``: a slow
    learner is given more time than a quick one.

    Parameters
    ----------
    report : Report
        What the engine handed to ``fit``; when it says stop, this says stop.
    floor : int, default=20
        Rounds without improvement that are always granted.
    share : float, default=0.3
        Further rounds granted for each round up to the best.

    Attributes
    ----------
    best_round : int
        The round with the highest score; the last round where no score was ever given.
    best_score : float
    """

    def __init__(self, report: Report, *, floor: int = 20, share: float = 0.3) -> None:
        self.best_round = 0
        self.best_score = float("-inf")
        self._report = report
        self._floor = floor
        self._share = share

    def __call__(self, round_: int, score: float | None = None) -> bool:
        """Take one round's score (higher is better) and return whether to stop now."""
        if score is None:
            self.best_round = round_
        elif score > self.best_score:
            self.best_round, self.best_score = round_, score
        patience = self._floor + self._share * self.best_round
        return self._report(round_, score) or round_ - self.best_round > patience
