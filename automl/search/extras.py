"""Whether steps that read the whole table help one algorithm on this table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.candidate.recipe import Candidate, Step


class Extras:
    """Learns from the scores of one algorithm's candidates which of these steps to use.

    Parameters
    ----------
    greater_is_better : bool
    """

    def __init__(self, *, greater_is_better: bool) -> None:
        self._sign = 1 if greater_is_better else -1
        self._scores: dict[str, tuple[Candidate, float]] = {}
        self._useless: set[str] = set()

    def tell(self, candidate: Candidate, score: float | None) -> None:
        """Take a candidate's score; None where it has none."""
        if score is None:
            self._useless |= {*candidate.extra}
        else:
            self._scores[candidate.key] = (candidate, score)

    def as_start(self, start: Candidate) -> Candidate:
        """Return a start that says nothing of such steps with those that made another one better.

        A start and the same one with steps more are a question to this table.
        """
        helped: dict[str, tuple[Step, ...]] = {}
        for candidate, score in [] if start.extra else self._scores.values():
            without = self._scores.get(candidate.with_extra({}).key)
            if without is not None and self._sign * score > self._sign * without[1]:
                helped |= candidate.extra
        return self.as_here(start.with_extra(helped) if helped else start)

    def as_here(self, candidate: Candidate) -> Candidate:
        """Return a candidate without the steps with which one had no score."""
        kept = {name: one for name, one in candidate.extra.items() if name not in self._useless}
        return candidate if len(kept) == len(candidate.extra) else candidate.with_extra(kept)
