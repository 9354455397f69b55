"""A schedule without a search: candidates that are known, each once."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from automl.search.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automl.candidate.recipe import Candidate
    from automl.search.outcome import Evaluation, Outcome


class Repeat(Schedule):
    """Proposes given candidates in their order; none is given up for another one's sake.

    Parameters
    ----------
    candidates : sequence of Candidate
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        super().__init__((), greater_is_better=True, measured=False)
        self._left = deque(candidates)

    def ask(self, seconds_left: float, longest: float = math.inf) -> Candidate | None:
        """Return the next candidate, whatever time is left."""
        del seconds_left, longest
        return self._left.popleft() if self._left else None

    def proposal(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return nothing: no study drew it."""
        del candidate
        return None

    def drawn(self, candidate: Candidate) -> dict[str, Any]:
        """Return nothing: it is no trial of a study."""
        del candidate
        return {}

    def take_up(self, candidate: Candidate, proposal: Mapping[str, Any] | None) -> bool:
        """Know no candidate from before."""
        del candidate, proposal
        return False

    def expected(self, candidate: Candidate) -> float:
        """Return 0: nothing was measured."""
        del candidate
        return 0.0

    def tell(self, outcome: Outcome) -> None:
        """Learn nothing: what comes next is known."""

    def better(self, one: Evaluation, other: Evaluation | None) -> bool:
        """Say that no candidate is a rival of another."""
        del one, other
        return False
