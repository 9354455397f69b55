"""Greedy selection of configurations that complement each other, for the seconds they take.

After Feurer et al., "Auto-Sklearn 2.0" (JMLR 23, 2022), who build portfolios greedily over a matrix
of tables and configurations, and Salinas and Erickson, "TabRepo" (AutoML 2024), who judge a
portfolio by the ensemble of its members on cached predictions. What is ours: a step is judged by
what it adds to the blend for each CPU second, so that any beginning of the list is good for its
time, and no algorithm has two places in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.portfolio.cases import WORST, Case, Cases, Vector, losses

SHARES = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 1.0], dtype=np.float32)
"""Weights that a new member may get in the blend."""

COVERAGE = 0.8
"""Share of the tables on which a configuration has to have been tried."""

LEAST = 1e-5
"""Mean gain that counts as none."""

OVERHEAD = 0.1
"""CPU seconds added to each configuration: the engine's own, and none is free."""


@dataclass(frozen=True, slots=True)
class _State:
    """The blend of one table so far."""

    values: Vector | None
    unseen: Vector | None
    loss: float
    error: float


@dataclass(slots=True)
class Selector:
    """Selects from a pool; what was found for a beginning of a list is kept for further lists.

    Parameters
    ----------
    cases : Cases
    """

    cases: Cases
    _states: dict[tuple[str, tuple[str, ...]], _State] = field(default_factory=dict)
    _errors: dict[tuple[str, tuple[str, ...]], dict[str, float]] = field(default_factory=dict)

    def select(self, places: int, without: Sequence[str] = ()) -> list[str]:
        """Return keys of configurations, in the order in which they should be tried.

        Parameters
        ----------
        places : int
            At most so many.
        without : sequence of str, default=()
            Tables that must not count.
        """
        cases = self.cases.without(without)
        prices = {
            key: _price(key, cases.cases)
            for key, found in cases.tried.items()
            if len(found) >= COVERAGE * len(cases.cases)
        }
        # One that is possible nowhere has no price.
        price = {key: one for key, one in prices.items() if np.isfinite(one)}
        pool = list(price)
        algorithm = {key: cases.configurations[key].algorithm for key in pool}
        chosen: tuple[str, ...] = ()
        while len(chosen) < places:
            gain = dict.fromkeys(pool, 0.0)
            for case in cases.cases:
                before = self._state(case, chosen).error
                for key, error in self._next(case, chosen).items():
                    if key in gain:
                        gain[key] += (before - error) / len(cases.cases)
            last = algorithm[chosen[-1]] if chosen else ""
            left = [key for key in pool if algorithm[key] != last and key not in chosen]
            if not left:
                break
            # Where nothing is gained the cheapest comes next: it may help on other tables.
            value = {key: max(gain[key], LEAST) / price[key] for key in left}
            chosen = (*chosen, max(left, key=lambda key: (value[key], key)))
        return list(chosen)

    def _next(self, case: Case, chosen: tuple[str, ...]) -> dict[str, float]:
        """Return the error of a table after each configuration that could come next."""
        place = (case.name, chosen)
        if place not in self._errors:
            state = self._state(case, chosen)
            self._errors[place] = {
                key: _after(case, state, key).error
                for key, entry in case.entries.items()
                if entry.ok and key not in chosen
            }
        return self._errors[place]

    def _state(self, case: Case, chosen: tuple[str, ...]) -> _State:
        place = (case.name, chosen)
        if place not in self._states:
            if not chosen:
                self._states[place] = _State(None, None, float("inf"), WORST)
            else:
                before = self._state(case, chosen[:-1])
                self._states[place] = _after(case, before, chosen[-1])
        return self._states[place]


def _after(case: Case, state: _State, key: str) -> _State:
    """Add a member with the weight that the out-of-fold loss likes best, or not at all."""
    entry = case.entries.get(key)
    if entry is None or not entry.ok:
        return state
    if state.values is None or state.unseen is None:
        return _State(
            entry.values, entry.unseen, _loss(case, entry.values), case.error(entry.unseen)
        )
    mixed = state.values + SHARES[:, None] * (entry.values - state.values)
    found = losses(case.task, case.y, mixed)
    best = int(np.argmin(found))
    if found[best] >= state.loss:
        return state
    unseen = state.unseen + SHARES[best] * (entry.unseen - state.unseen)
    return _State(mixed[best], unseen, float(found[best]), case.error(unseen))


def _price(key: str, cases: Sequence[Case]) -> float:
    taken = [case.entries[key].seconds for case in cases if key in case.entries]
    return OVERHEAD + float(np.mean(taken)) if taken else float("inf")


def _loss(case: Case, values: Vector) -> float:
    return float(losses(case.task, case.y, values[None])[0])
